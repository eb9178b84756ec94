"""Wall clocks that go wrong: a process that is started with a clock's environment has its time, which can be set while it runs.

Only the wall clock: what counts the seconds between two moments stays right, as on a machine whose clock is set.
"""

import struct
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tests.parts import installed_programs

SOURCE = Path(__file__).with_name("clock.c")


class ShiftedClock:
    """A wall clock, right at first. `environment`: what a process must be started with to have it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "clock.so"
        compiler = installed_programs.find("cc", package="gcc libc6-dev")
        options = ("-shared", "-fPIC", "-O1", "-Wall", "-Werror")
        subprocess.run([compiler, *options, "-o", self._library, SOURCE], check=True, capture_output=True)
        self._file.write_bytes(struct.pack("q", 0))

    @property
    def environment(self) -> Mapping[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT": str(self._file)}

    def set_off_by(self, shift: timedelta) -> None:
        """Set it ahead by so much; negative: behind; zero: right."""
        with self._file.open("r+b") as file:  # in place: processes have it mapped
            file.write(struct.pack("q", int(shift.total_seconds())))
