"""Text in cells: characters that XML or trimming would lose are escaped as `_xHHHH_`, as Excel does.

Excel and LibreOffice show such an escape as the character it stands for. It keeps export = import exact for control
characters, spaces at the ends, and separators inside the items of a list.
"""

import re

LIST_SEPARATOR = "; "
CELL_LIMIT = 32_767  # characters Excel holds in a cell

_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NEEDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_ENDS = re.compile(r"\A\s+|\s+\Z")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ITEMS = re.compile(r"[;\n]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"_x{ord(character):04X}_" for character in found[0])


def encode(text: str) -> str:
    """The escaped text for a cell."""
    text = _LOOKS_ESCAPED.sub(_escaped, text)
    return _ENDS.sub(_escaped, _NEEDS.sub(_escaped, text))


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    ours = character.isspace() or character in "_;" or _NEEDS.match(character)
    return character if ours else found[0]


def decode(cell: str) -> str:
    """The text in a cell, without the spaces around it."""
    return _ESCAPE.sub(_unescaped, cell.strip())


def encode_list(items: tuple[str, ...]) -> str:
    """Several texts in one cell. Raises ValueError where they are more than a cell holds."""
    cell = LIST_SEPARATOR.join(_ITEMS.sub(_escaped, encode(item)) for item in items)
    if len(cell) > CELL_LIMIT:
        raise ValueError(f"a cell holds {CELL_LIMIT} characters; this list has {len(cell)}: {cell[:60]}...")
    return cell


def decode_list(cell: str) -> tuple[str, ...]:
    """The texts in a cell, separated by semicolons or line breaks; empty ones don't count."""
    return tuple(decode(item) for item in _ITEMS.split(cell) if item.strip())


def defused(text: str) -> str:
    """A text for a CSV file that no spreadsheet interprets as a formula: an apostrophe is put before = + - @."""
    return "'" + text if _FORMULA.match(text) else text


def armed(text: str) -> str:
    """The original text, without that apostrophe."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def plain(heading: object) -> str:
    """A heading, or a word of the vocabulary, in the form for comparison: lower case, digits, single spaces."""
    return " ".join(re.findall(r"[^\W_]+", str(heading).casefold()))
