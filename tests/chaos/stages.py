"""Which faults strike on which environment."""

from typing import Any

from tests.chaos import (
    api_faults,
    broker_faults,
    clock_faults,
    cluster_faults,
    database_faults,
    disk_faults,
    network_faults,
    worker_faults,
)
from tests.chaos.clock_faults import ClocksEnvironment
from tests.chaos.cluster_faults import ClusterEnvironment
from tests.chaos.disk_faults import DiskEnvironment
from tests.chaos.environments import PostgresEnvironment, RunEnvironment, broker_and_postgres, one_broker
from tests.chaos.faults import Stage
from tests.chaos.network_faults import NetworkEnvironment

WORKER_FAULTS = (
    worker_faults.worker_killed_in_mid_chunk,
    worker_faults.worker_killed_while_restoring,
    worker_faults.worker_killed_just_after_a_rebalance,
    worker_faults.worker_joins_and_leaves,
    worker_faults.worker_paused_past_its_session,
    worker_faults.worker_woken_in_the_middle_of_a_takeover,
    worker_faults.worker_started_twice,
    worker_faults.writer_fenced_by_a_stranger,
    worker_faults.input_hidden_by_a_stranger,
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
NETWORK_FAULTS = (
    network_faults.worker_slowed,
    network_faults.worker_reset,
    network_faults.worker_cut,
    network_faults.worker_cut_past_its_session,
    network_faults.worker_forgotten,
    network_faults.site_slowed,
    network_faults.site_reset,
    network_faults.site_cut,
    network_faults.site_forgotten,
)
CLOCK_FAULTS = (
    clock_faults.clock_of_the_worker_off,
    clock_faults.clock_of_the_api_off,
    clock_faults.clock_of_the_broker_off,
)
DATABASE_FAULTS = (database_faults.database_stopped, database_faults.database_crashed)

STAGES: dict[str, Stage[Any]] = {
    stage.name: stage
    for stage in (
        Stage[RunEnvironment]("workers", one_broker, (*WORKER_FAULTS, *API_FAULTS), reused=True),
        Stage[RunEnvironment](
            "broker", one_broker, (*BROKER_FAULTS, worker_faults.worker_killed_in_mid_chunk), reused=True
        ),
        Stage[ClusterEnvironment]("cluster", cluster_faults.three, CLUSTER_FAULTS, reused=True),
        Stage[NetworkEnvironment]("network", network_faults.behind_proxies, NETWORK_FAULTS, reused=True),
        Stage[DiskEnvironment]("disk", disk_faults.on_a_small_disk, (disk_faults.disk_filled,)),
        Stage[ClocksEnvironment]("clocks", clock_faults.with_clocks, CLOCK_FAULTS, reused=True),
        Stage[PostgresEnvironment](
            "database", broker_and_postgres, (*DATABASE_FAULTS, *API_FAULTS), reused=True, sites=2
        ),
    )
}
