"""Code, comments and pages use the field's words: no private metaphors.

A record is no mail and no letter, nobody is told or heard, and no part of a name is one of these words. What is quoted
(between typographic or straight double quotes in a page, or as code of others) may hold them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.checkout import ROOT, files

BANNED = re.compile(r"(?i)(?<![a-z])(mail|letter|told|heard|foretell|foretold|anybody|somebody)(?:e?s)?(?![a-z])")
ALLOWED = (
    re.compile(r"(?i)e-mails?\b|\bmailto\b"),  # a means of communication
    re.compile(r"\bget_column_letter\b|\bascii_letters\b|\bletter-spacing\b"),  # openpyxl's, Python's, CSS'
    re.compile(r"(?i)\bsmall letters\b"),  # of the alphabet
    re.compile(r"\bread_committed_mail\b"),  # the name of a control in recorded runs
    re.compile(r"[“\"]\w[^”\"\n`]*[”\"]"),  # in pages only: a quotation
)
PAGES = (".md", ".html")
NO_TEXT = (".png", ".svg", ".webp", ".xlsx", ".gz", ".woff2", ".jar", ".ico", ".pem")
NOT_OURS = (
    "CHANGELOG.md",  # history
    "LICENSE",
    "licenses/",
    "requirements/",
    "benchmarks/results.json",  # recorded, as the next
    "tests/chaos/results.jsonl",
    "tests/golden/",
    "tests/rules/test_language.py",
    "samples/catalogue.txt",  # Indonesian
    "samples/departments.txt",
)


def ours() -> list[str]:
    names = [path.relative_to(ROOT).as_posix() for path in files()]
    return [name for name in names if not name.startswith(NOT_OURS) and not name.endswith(NO_TEXT)]


def banned_in(file: str, line: str) -> list[str]:
    """The banned words of a line: also where they are a part of an identifier, in either case."""
    for allowed in ALLOWED if file.endswith(PAGES) else ALLOWED[:-1]:
        line = allowed.sub("", line)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", line).replace("_", " ")
    return [found[0] for found in BANNED.finditer(words)]


def findings() -> Iterator[str]:
    for file in ours():
        for part in Path(file).with_suffix("").parts:
            if banned_in("", part):
                yield f"{file}: its path"
        for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1):
            for word in banned_in(file, line):
                yield f"{file}:{number}: {word}"


def test_nothing_is_named_or_described_by_a_private_metaphor() -> None:
    assert list(findings()) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("a.py", "letters = 1"),
        ("a.py", "wait_for_mail()"),
        ("a.py", "class RunMail:"),
        ("a.py", "LAST_HEARD = 2"),
        ("a.py", "  # who is told of it"),
        ("a.py", 'log.info("told somebody")'),
        ("a.py", "PLACES_TOLD"),
        ("a.md", "Anybody may ask."),
        ("a.md", "It can foretell the offset."),
    ],
)
def test_a_banned_word_is_found(file: str, line: str) -> None:
    assert banned_in(file, line)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("a.py", "names, phone numbers, e-mail addresses"),
        ("a.py", "from openpyxl.utils import get_column_letter"),
        ("a.css", "letter-spacing: 0"),
        ("a.py", "small letters, digits, hyphens"),
        ("a.py", "mailing = overheard(bookkeeping, newsletter)"),
        ("a.md", 'The ministry writes: "who has told of it".'),
    ],
)
def test_another_word_is_let_be(file: str, line: str) -> None:
    assert not banned_in(file, line)
