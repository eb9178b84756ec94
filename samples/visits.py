"""The field evaluation of May 2021: six sites in Pontianak, by the central mentors, as events for `POST /v1/visits`."""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from samples.plan import PLAN, SEED, Planned
from schemas.sources import evaluator

FILE: Final = Path(__file__).parent / "visits.json"
EVALUATOR: Final = "pembimbing-pusat"
INSTITUTION: Final = "Pembimbing pusat Gerakan Menuju 100 Smart City"
FIRST_DAY: Final = date(2021, 5, 18)
LAST_MONTH: Final = 27  # realized by April 2021
CLAIMED_ONLY: Final = "Belum sepenuhnya selesai: sebagian pekerjaan masih berjalan"
QUESTIONS: Final = (
    "Program berjalan di lokasi dan dapat dilihat hasilnya",
    "Manfaat dirasakan langsung oleh warga",
    "Ada inovasi yang dapat ditiru daerah lain",
    "Ada rencana keberlanjutan dan penanggung jawabnya",
    "Data pelaksanaan tersedia dan sesuai laporan",
)


class VisitedSite(NamedTuple):
    """A site, the Quick Win program it is known for, and the sub-dimensions whose programs are seen there as well."""

    name: str
    program: str
    also: tuple[str, ...]
    finding: str
    advice: str


SITES: Final = (
    VisitedSite("RSUD SSMA", "Layanan unggulan RSUD SSMA", ("public_service", "bureaucracy"), "Antrean pasien berkurang; data pelayanan belum terhubung dengan puskesmas", "Hubungkan data rujukan dengan puskesmas"),
    VisitedSite("Kampung Tenun", "Kampung Tenun Khatulistiwa", ("competitive_industry", "transactions"), "Perajin bertambah; pemasaran masih bergantung pada pameran", "Perluas pemasaran daring hasil tenun"),
    VisitedSite("Bank Sampah", "Bank Sampah induk dan jaringan unit", ("waste", "energy", "protection"), "Nasabah aktif; penimbangan masih dicatat manual", "Catat penimbangan secara digital"),
    VisitedSite("Posyandu Surya Sehat", "Posyandu Surya Sehat", ("health", "mobility"), "Kader terlatih; alat ukur perlu dikalibrasi", "Kalibrasi alat ukur dan tambah kader"),
    VisitedSite("Taman Digulist", "Penataan Taman Digulist", ("city_appearance", "learning", "community"), "Taman ramai dikunjungi; penerangan sisi utara kurang", "Tambah penerangan sisi utara taman"),
    VisitedSite("Kampung Caping", "Kampung wisata Caping", ("tourism", "business"), "Pokdarwis aktif; akses air perlu dermaga yang aman", "Bangun dermaga apung yang aman"),
)  # fmt: skip
SEEN_BESIDE: Final = 4


def unfinished(planned: list[Planned]) -> str:
    """The program the mentors find unfinished though it was claimed: no Quick Win, realized early in 2020."""
    steady = {"diskominfo", "disdukcapil", "setda", "bappeda", "inspektorat"}
    return next(
        one.code
        for one in planned
        if one.kind.sub_dimension == "bureaucracy"
        and one.kind.lead in steady
        and one.fate.realized in range(10, 23)
        and not one.kind.quick_win_years
    )


def build(planned: list[Planned]) -> list[dict[str, Any]]:
    """The six visits as CloudEvents, each with what was verified."""
    dice = random.Random(SEED + 3)
    not_finished = unfinished(planned)
    by_name = {one.kind.id: one for one in planned}
    mains = {site.program for site in SITES}
    visits = []
    for number, site in enumerate(SITES):
        main = by_name[site.program]
        beside = [
            one
            for one in planned
            if one.kind.sub_dimension in site.also
            and one.kind.id not in mains
            and one.fate.realized is not None
            and one.fate.realized <= LAST_MONTH
        ]
        beside.sort(key=lambda one: (one.code != not_finished, not one.kind.quick_win_years, one.code))
        day = FIRST_DAY + timedelta(days=number // 2)
        seen = [
            {"program": one.code, "outcome": "not_confirmed", "note": CLAIMED_ONLY}
            if one.code == not_finished
            else {"program": one.code, "outcome": "confirmed"}
            for one in [main, *beside[:SEEN_BESIDE]]
        ]
        checklist = [{"question": question, "fulfilled": dice.random() < 0.85} for question in QUESTIONS]
        advice = {"text": site.advice, "owner": main.kind.lead, "due_on": (day + timedelta(days=60)).isoformat()}
        visits.append(
            {
                "specversion": "1.0",
                "id": "visit.2021-05." + site.name.lower().replace(" ", "-"),
                "source": evaluator(PLAN, EVALUATOR),
                "type": "id.pantau.visit.recorded.v1",
                "time": f"{day}T{16 + number % 2}:30:00+07:00",
                "data": {
                    "visited_on": day.isoformat(),
                    "site": site.name,
                    "institution": INSTITUTION,
                    "programs": seen,
                    "checklist": checklist,
                    "findings": [site.finding],
                    "recommendations": [advice],
                },
            }
        )
    return visits


def pack(visits: list[dict[str, Any]]) -> bytes:
    """The visits as they are committed."""
    return (json.dumps(visits, ensure_ascii=False, indent=1) + "\n").encode()


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """The committed visits."""
    visits: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return visits
