"""The environment of the peers that need more Python packages than the project does."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.peer import Options

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache" / "bench" / "bin" / "python"


def build() -> None:
    """Bring it in step with its lock."""
    subprocess.run([ROOT / "benchmarks" / "bootstrap.sh"], check=True)


def command(module: str) -> Callable[[Options], list[str]]:
    """What gives the command that runs a module in it; the module reads its options from the environment."""
    return lambda _: [str(PYTHON), "-m", module]
