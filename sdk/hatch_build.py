"""Puts the JSON Schemas of the events into the distributions, from the folder where they are generated."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class EventSchemas(BuildHookInterface):  # type: ignore[type-arg]  # it is generic over a configuration that is not used here
    """`schemas/jsonschema/id.pantau.*.json` of the checkout, as `pantau/jsonschema/` of the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files. Raises FileNotFoundError where there are none."""
        if version == "editable":
            return
        here = Path(self.root)
        unpacked = here / "pantau" / "jsonschema"  # an unpacked sdist has them in place already
        if unpacked.is_dir():
            return
        generated = here.parent / "schemas" / "jsonschema"
        found = sorted(generated.glob("id.pantau.*.json"))
        if not found:
            raise FileNotFoundError(f"no schemas of events in {generated}")
        build_data["force_include"] |= {str(path): f"pantau/jsonschema/{path.name}" for path in found}
