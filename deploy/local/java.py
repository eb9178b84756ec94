"""Which Java runs the broker."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

OLDEST = 17  # Kafka 4's broker needs it
HOW_TO_MEND = "On Debian: apt-get install default-jdk-headless"


def find() -> str | None:
    """The `java` of JAVA_HOME, else that of PATH."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")


@cache
def major(java: str) -> int:
    """The major version that a `java` prints; 0 when it prints none."""
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found[1]) if found else 0


def require() -> str:
    """A `java` that is new enough. Without one, ends this process with a line that says what to do."""
    java = find()
    if java is None:
        sys.exit(f"Java is missing; the broker needs {OLDEST} or newer. {HOW_TO_MEND}")
    if major(java) < OLDEST:
        sys.exit(f"{java} is Java {major(java)}; the broker needs {OLDEST} or newer (JAVA_HOME chooses). {HOW_TO_MEND}")
    return java
