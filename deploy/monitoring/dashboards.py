"""The dashboards.

They read nothing but metrics that the processes export: every name is held against the code by
tests/contract/test_monitoring.py, and every query is asked of a real Prometheus by tests/integration/test_monitoring.py.
"""

from typing import Final

from deploy.monitoring.operations import OPERATIONS
from deploy.monitoring.realization import REALIZATION

DASHBOARDS: Final = (OPERATIONS, REALIZATION)
