"""What several of these tests need."""

from pathlib import Path

import pytest

from tests.e2e.stack import StandInStack
from tests.parts.processes import Processes


@pytest.fixture
def stack(tmp_path: Path, processes: Processes) -> StandInStack:
    """A supervisor of stand-ins, not started yet."""
    return StandInStack(tmp_path, processes)
