"""Why a process ended, in one line: the last line of its log that names an error."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

TAIL_BYTES = 256 * 1024
LONGEST = 300  # characters
SEVERE_LEVELS = ("ERROR", "CRITICAL")
# Java's log, the last line of a Python traceback, messages of the JVM and of the dynamic linker.
SEVERE = re.compile(
    r"\b(ERROR|FATAL|CRITICAL)\b|^[\w.]*(Error|Exception|Exit|Interrupt)\b|^Terminating due to|^Caused by:|^Error:"
)
STACK_FRAME = re.compile(r"^\s+(at |File |\.\.\. \d+ more)|^\s{4,}|^Traceback |^\s*[\^~]+\s*$")


def last_reason(log: Path, since: int = 0) -> str:
    """The last error in a log after a position in bytes; else its last line that is not empty."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - TAIL_BYTES))
            lines = [*_lines(file.read().decode(errors="replace"))]
    except OSError as error:
        return f"its log can't be read ({error})"
    severe = [text for is_severe, text in lines if is_severe]
    text = severe[-1] if severe else lines[-1][1] if lines else "it wrote nothing"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    """Each line that is neither empty nor of a stack, as plain text, and whether it names an error."""
    for line in text.splitlines():
        if not line.strip() or STACK_FRAME.match(line):
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict) and "message" in entry:
            last_line = str(entry.get("exc_info") or "").strip().splitlines()[-1:]
            yield entry.get("level") in SEVERE_LEVELS, " ".join(": ".join([str(entry["message"]), *last_line]).split())
        else:
            yield SEVERE.search(line) is not None, " ".join(line.split())
