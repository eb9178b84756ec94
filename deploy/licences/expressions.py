"""Which licences are allowed, as SPDX expressions: `MIT`, `MIT OR Apache-2.0`, `MPL-2.0 AND (Apache-2.0 OR MIT)`."""

import re

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0",
    # These require that changes to their files are published; Pantau uses the files unchanged.
    "LGPL-3.0-only", "MPL-2.0",
    # The Repoze Public License: BSD-3-Clause, and a changed file says so. SPDX has no name for it.
    "LicenseRef-Repoze",
}  # fmt: skip

TOKEN = re.compile(r"[()]|[A-Za-z0-9.+-]+")


def is_allowed(expression: str) -> bool:
    """Whether this licence is allowed: of `OR` one alternative must be, of `AND` all parts.

    Raises ValueError for what is not an SPDX expression. `WITH` is not read: no exception is allowed so far.
    """
    tokens = TOKEN.findall(expression)
    if "".join(tokens) != expression.replace(" ", ""):
        raise ValueError(f"not an SPDX expression: {expression!r}")
    result = _any(tokens)
    if tokens:
        raise ValueError(f"not an SPDX expression: {expression!r}")
    return result


def _any(tokens: list[str]) -> bool:
    result = _all(tokens)
    while tokens[:1] == ["OR"]:
        del tokens[0]
        result |= _all(tokens)
    return result


def _all(tokens: list[str]) -> bool:
    result = _one(tokens)
    while tokens[:1] == ["AND"]:
        del tokens[0]
        result &= _one(tokens)
    return result


def _one(tokens: list[str]) -> bool:
    part = tokens.pop(0) if tokens else ""
    if part == "(":
        result = _any(tokens)
        if tokens[:1] != [")"]:
            raise ValueError("a parenthesis is not closed")
        del tokens[0]
        return result
    if part in {"", ")", "AND", "OR"}:
        raise ValueError(f"a licence is missing before {part!r}")
    return part in ALLOWED
