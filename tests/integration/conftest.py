"""What tests in this folder can ask for beside the real parts."""

from tests.integration.intake_site import intake
from tests.integration.line_projection import database, installation

__all__ = ["database", "installation", "intake"]
