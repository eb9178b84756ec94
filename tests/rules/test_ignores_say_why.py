"""Every ignore of a checker names the rule and the reason: `# type: ignore[code]  # reason` and
`# noqa: CODE - reason`. Nothing is passed over for a whole file."""

import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.rules.checkout import ROOT, files

IGNORE = re.compile(r"#\s*type:\s*ignore|#\s*noqa|#\s*ruff:|#\s*mypy:|#\s*pyright:", re.IGNORECASE)
SAYS_WHY = re.compile(r"# (?:type: ignore\[[a-z-]+(?:, [a-z-]+)*\]  # |noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - )\w")


def unexplained(source: str) -> Iterator[int]:
    """The lines of Python whose ignores have no code or no reason."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and len(IGNORE.findall(token.string)) > len(SAYS_WHY.findall(token.string)):
            yield token.start[0]


def test_every_ignore_names_its_rule_and_its_reason() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files("*.py", "*.pyi")
        for line in unexplained(file.read_text("utf-8"))
    ]
    assert not found, "name the rule and say why, after it:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("comment", "explained"),
    [
        ("# type: ignore[misc]  # the library has no types", True),
        ("# type: ignore[misc, arg-type]  # the library has no types", True),
        ("# noqa: S608 - a name of ours", True),
        ("# a comment that says why", True),
        ("# type: ignore", False),
        ("# type: ignore  # the library has no types", False),
        ("# type: ignore[misc]", False),
        ("# type: ignore[misc] # noqa: S608 - a name of ours", False),
        ("# noqa", False),
        ("# noqa: S608", False),
        ("# ruff: noqa: S608", False),
        ("# mypy: ignore-errors", False),
    ],
)
def test_the_rule_knows_what_is_explained(comment: str, explained: bool) -> None:
    assert list(unexplained(f"x = 1  {comment}\n")) == ([] if explained else [1])
