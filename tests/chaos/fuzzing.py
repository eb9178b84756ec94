"""Schemathesis over every OpenAPI document by every caller, on PostgreSQL, for as long as asked (tests/parts/api_fuzzing)."""

from pathlib import Path

from tests.chaos.environments import broker_and_postgres
from tests.parts.api_fuzzing import DOCUMENTS, Caller, findings, installation


def ask(folder: Path, seconds: int, seed: int) -> int:
    """Fuzz, and print what is found. Returns the number of pairs of document and caller with findings."""
    wrong = 0
    folder.mkdir(0o755)
    with (
        broker_and_postgres(folder) as environment,
        installation(environment.kafka, folder, environment.database()) as installed,
    ):
        for document in DOCUMENTS:
            for caller in Caller:
                findings_text = findings(installed, document, caller, folder, seconds=seconds, seed=seed)
                wrong += bool(findings_text)
                print(f"{document} by {caller}, {seconds} s, seed {seed}: {findings_text or 'nothing'}", flush=True)
    return wrong
