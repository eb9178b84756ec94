"""Words: every code has its own in both languages, and what a text names is put in."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from presentation.words import Label, both, label
from presentation.words.catalogue import CATALOGUE
from realization import formulas
from schemas.vocabulary import SUB_DIMENSIONS, Band, Dimension, Status

ROOT = Path(__file__).parents[2]
ASKED = re.compile(
    r'(?:both|label)\(\s*"(group|workbook)",\s*"(\w+)"'
)  # contexts whose codes stand in the code that asks


def test_every_word_has_its_label_in_both_languages() -> None:
    assert set(CATALOGUE["dimension"]) == set(Dimension)
    assert set(CATALOGUE["sub_dimension"]) == set(SUB_DIMENSIONS)
    assert set(CATALOGUE["status"]) == set(Status)
    assert set(CATALOGUE["band"]) == set(Band)
    assert set(CATALOGUE["reason"]) == set(get_args(formulas.Reason))
    assert all(each for words in CATALOGUE.values() for texts in words.values() for each in texts)


def test_every_code_that_is_asked_for_has_words_and_every_other_is_gone() -> None:
    asked = {found for path in (ROOT / "services").rglob("*.py") for found in ASKED.findall(path.read_text())}
    assert asked == {(context, code) for context in ("group", "workbook") for code in CATALOGUE[context]}


def test_values_go_in_where_they_are_named() -> None:
    assert label("workbook", "within_years", first=2025, last=2034) == Label("2025 sampai 2034", "2025 to 2034")
    assert (
        both("workbook", "code_twice", where="{Program!A7}")
        == "kode ganda, sudah ada di {Program!A7} / the code is there already"
    )


def test_a_label_within_another_goes_in_by_language() -> None:
    of = label("dimension", "living")
    assert label("workbook", "not_of_dimension", dimension=of) == Label(
        "bukan subdimensi dari Kehidupan", "not a sub-dimension of Living"
    )


def test_what_has_no_words_and_what_is_not_given_fail() -> None:
    with pytest.raises(KeyError):
        label("status", "forgotten")
    with pytest.raises(KeyError, match="last"):
        label("workbook", "within_years", first=2025)


def test_no_text_holds_a_brace_but_for_a_value() -> None:
    for words in CATALOGUE.values():
        for texts in words.values():
            for text in texts:
                assert all(name is None or name.isidentifier() for _, name, _, _ in Formatter().parse(text))
