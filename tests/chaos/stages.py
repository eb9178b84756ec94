"""Which faults strike on which ground."""

from typing import Any

from tests.chaos import api_faults, broker_faults, cluster_faults, database_faults, worker_faults
from tests.chaos.cluster_faults import ClusterGround
from tests.chaos.faults import Stage
from tests.chaos.grounds import Ground, PostgresGround, broker_and_postgres, one_broker

WORKER_FAULTS = (
    worker_faults.worker_killed_in_mid_chunk,
    worker_faults.worker_killed_while_restoring,
    worker_faults.worker_killed_just_after_a_rebalance,
    worker_faults.worker_joins_and_leaves,
    worker_faults.worker_paused_past_its_session,
    worker_faults.worker_started_twice,
)
API_FAULTS = (api_faults.api_killed_while_projecting, api_faults.api_killed_while_answering)
BROKER_FAULTS = (broker_faults.broker_killed, broker_faults.broker_paused)
CLUSTER_FAULTS = (
    cluster_faults.leader_killed,
    cluster_faults.leader_paused,
    cluster_faults.controller_killed,
    cluster_faults.one_of_three_killed,
    cluster_faults.two_of_three_killed,
    cluster_faults.rolling_restart,
)
DATABASE_FAULTS = (database_faults.database_stopped, database_faults.database_crashed)

STAGES: dict[str, Stage[Any]] = {
    stage.name: stage
    for stage in (
        Stage[Ground]("workers", one_broker, (*WORKER_FAULTS, *API_FAULTS), reused=True),
        Stage[Ground]("broker", one_broker, (*BROKER_FAULTS, worker_faults.worker_killed_in_mid_chunk), reused=True),
        Stage[ClusterGround]("cluster", cluster_faults.three, CLUSTER_FAULTS, reused=True),
        Stage[PostgresGround]("database", broker_and_postgres, (*DATABASE_FAULTS, *API_FAULTS), reused=True, sites=2),
    )
}
