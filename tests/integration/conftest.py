"""What tests in this folder can ask for beside the real parts."""

from tests.integration.lines import database, installation
from tests.integration.town import desk

__all__ = ["database", "desk", "installation"]
