"""What tests in this folder can ask for beside the real parts."""

from tests.integration.town import town

__all__ = ["town"]
