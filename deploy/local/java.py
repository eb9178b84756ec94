"""Which Java runs the broker."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

OLDEST = 17  # what Kafka 4's broker asks for
HOW_TO_MEND = "On Debian: apt-get install default-jdk-headless"


def find() -> str | None:
    """The `java` of JAVA_HOME, else that of PATH."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")


@cache
def major(java: str) -> int:
    """The major version a `java` says it is; 0 when it says nothing of the kind."""
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found[1]) if found else 0


def require() -> str:
    """A `java` that is new enough, or the end of this process with what to do about it."""
    java = find()
    if java is None:
        sys.exit(f"Java is missing; the broker needs {OLDEST} or newer. {HOW_TO_MEND}")
    if major(java) < OLDEST:
        sys.exit(f"{java} is Java {major(java)}; the broker needs {OLDEST} or newer (JAVA_HOME chooses). {HOW_TO_MEND}")
    return java
