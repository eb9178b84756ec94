"""Reads samples/catalogue.txt and departments.txt: what the sample's programs and departments are called."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

PROBLEMS = {
    "banjir": "Genangan dan banjir",
    "sampah": "Sampah kota",
    "macet": "Kemacetan lalu lintas",
    "miskin": "Kemiskinan perkotaan",
    "stunting": "Stunting",
    "kumuh": "Permukiman kumuh",
    "air": "Air bersih dan sanitasi",
}
SECTORS = {
    "dagang": "Perdagangan dan jasa",
    "wisata": "Pariwisata sungai dan budaya",
    "umkm": "UMKM dan ekonomi kreatif",
    "lidah": "Agroindustri lidah buaya",
}


PHASES = ("I", "II", "III", "IV")


class CatalogueProgram(NamedTuple):
    """One program as the catalogue has it."""

    sub_dimension: str
    lead: str
    supporting: tuple[str, ...]
    id: str
    en: str
    problem: str | None
    sector: str | None
    quick_win_years: tuple[int, ...]
    partners: tuple[str, ...]
    series: str = ""  # what programs that come one after another have in common: phases I, II, III


class CatalogueDepartment(NamedTuple):
    """One department: key, and its name in both languages."""

    key: str
    id: str
    en: str


def _lines(file: str) -> Iterator[str]:
    for line in (HERE / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def departments() -> list[CatalogueDepartment]:
    """The departments, in the order of the file."""
    return [CatalogueDepartment(*(part.strip() for part in line.split("|"))) for line in _lines("departments.txt")]


def kinds() -> list[CatalogueProgram]:
    """Every program, in the order of the file."""
    found: list[CatalogueProgram] = []
    sub = ""
    for line in _lines("catalogue.txt"):
        if line.startswith("["):
            sub = line.strip("[]")
        else:
            found += _expanded(sub, line)
    return found


def _expanded(sub: str, line: str) -> Iterator[CatalogueProgram]:
    keys, name, english, tags, variants, *_ = (*(part.strip() for part in line.split("|")), "", "")
    lead, *supporting = (key.strip() for key in keys.split("+"))
    tags, *partners = (part.strip() for part in tags.split("@"))
    words = tags.split()
    for variant in variants.split(";"):
        here, _, there = variant.strip().partition("=")
        yield CatalogueProgram(
            sub,
            lead,
            tuple(supporting),
            name.replace("*", here),
            english.replace("*", there or here),
            next((PROBLEMS[word] for word in words if word in PROBLEMS), None),
            next((SECTORS[word] for word in words if word in SECTORS), None),
            tuple(int(word[2:]) for word in words if word.startswith("qw")),
            tuple(partners),
            name if here in PHASES else "",
        )
