"""Why a figure does not exist, and groups of programs that have no name of their own."""

from collections.abc import Mapping

REASONS: Mapping[str, tuple[str, str]] = {
    "empty": ("Tidak ada program dalam kelompok ini.", "There are no programs in this group."),
    "weights": (
        "Bobot program dalam rencana tidak berjumlah 100.",
        "The weights of the plan's programs do not sum to 100.",
    ),
    "none_reported": ("Belum ada program yang dilaporkan.", "No program has been reported yet."),
    "no_budget": (
        "Rencana tidak memuat pagu anggaran sampai tanggal ini.",
        "The plan has no budget ceiling to date.",
    ),
    "none_spent": (
        "Belum ada laporan yang menyebut realisasi keuangan.",
        "No report has said yet what was spent.",
    ),
    "no_version": (
        "Belum ada versi masterplan yang berlaku pada tanggal ini.",
        "No plan version is in force at this date.",
    ),
}

GROUPS: Mapping[str, tuple[str, str]] = {
    "overall": ("Seluruh program", "All programs"),
    "no_theme": ("Tanpa tema", "No theme"),
}
