"""Finding the installed programs that tests need; their absence fails the tests that do."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest


def find(name: str, *, package: str, among: Iterable[Path] = ()) -> Path:
    """The program `name`, in the folders `among` or on the PATH."""
    for folder in among:
        if (folder / name).exists():
            return folder / name
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing. On Debian: apt-get install {package}", pytrace=False)
    return Path(found)
