"""The one way to words: a context, a code, and the values that the words name."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from presentation.words import figures, vocabulary, workbook

Context = Literal["dimension", "sub_dimension", "status", "band", "reason", "group", "workbook"]


class Label(NamedTuple):
    """What people read: Indonesian and English."""

    id: str
    en: str


CATALOGUE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "dimension": vocabulary.DIMENSIONS,
    "sub_dimension": vocabulary.SUB_DIMENSIONS,
    "status": vocabulary.STATUSES,
    "band": vocabulary.BANDS,
    "reason": figures.REASONS,
    "group": figures.GROUPS,
    "workbook": workbook.WORDS,
}
assert CATALOGUE.keys() == set(get_args(Context))


def label(context: Context, code: str, **values: object) -> Label:
    """The words of a code, with values where they name them as `{name}`; a value that is a label itself goes in by
    language. Raises KeyError for a code that has no words, and for a value that is missing."""
    indonesian, english = CATALOGUE[context][code]
    if not values:
        return Label(indonesian, english)
    by_language = [
        {name: value[at] if isinstance(value, Label) else value for name, value in values.items()} for at in (0, 1)
    ]
    return Label(indonesian.format(**by_language[0]), english.format(**by_language[1]))


def both(context: Context, code: str, **values: object) -> str:
    """The same as one text, "Indonesian / English", where a text has to serve both."""
    return " / ".join(label(context, code, **values))
