"""Writes the sample city: two plan versions as workbooks, the reports of 2019 to 2021, and the visits of May 2021.

    python -m samples.generate

Seeded: the same code makes the same files. Before it writes it counts, by a plain computation of its own
(samples/check.py), that 155 of 426 programs are realized at the end of 2020, split as on the domain page.
"""

from pathlib import Path
from typing import Final

from samples import check, irregular, plan, reports, visits
from samples.department_reports import SampleReports, in_order
from services.programs.masterplans.workbook import write_workbook

HERE: Final = Path(__file__).parent
FIRST_WORKBOOK: Final = HERE / f"{plan.PLAN}.xlsx"
SECOND_WORKBOOK: Final = HERE / f"{plan.PLAN}-v2.xlsx"


def made() -> dict[Path, bytes]:
    """Every file of the sample. Ends the process where the counts are not as they must be."""
    planned, first, second = plan.build()
    sample = SampleReports(first, second)
    for one in planned:
        sample.report_all(one)
    irregular.disturb(sample, planned, first, visits.unfinished(planned))
    lines = in_order(sample.sent)
    seen = visits.build(planned)
    check.holds(first, second, lines, seen)
    return {
        FIRST_WORKBOOK: write_workbook(plan.PLAN, first),
        SECOND_WORKBOOK: write_workbook(plan.PLAN, second),
        reports.FILE: reports.pack(lines),
        visits.FILE: visits.pack(seen),
    }


def main() -> None:
    """Write the files, and print their sizes."""
    for file, content in made().items():
        file.write_bytes(content)
        print(f"{file.name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
