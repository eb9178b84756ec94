"""The network between the processes and the broker: slow, resetting, and cut in one direction.

The first worker and every site reach the broker through a proxy each; workers that join later reach it directly, and so
do senders and the verdict.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.broker import HOST, Broker
from tests.chaos.environments import NOTHING, RunEnvironment
from tests.chaos.installation import PARTITIONS, ChaosInstallation
from tests.chaos.worker_faults import FENCED, REBALANCE_SECONDS, RESTORE_SECONDS, TAKEN_OVER
from tests.parts import proxy
from tests.parts.proxy import DIRECTIONS, Direction, Proxy

WORKER, SITE = "WORKER", "SITE"  # names of the broker's listeners
SLOWEST_SECONDS = 0.3
LONGEST_SECONDS = 8.0
MOST_RESETS = 6


class NetworkEnvironment(RunEnvironment):
    """One broker behind proxies, and SQLite."""

    def __init__(self, broker: Broker, proxies: Mapping[str, Proxy]) -> None:
        super().__init__(broker)
        self.to_worker, self.to_site = proxies[WORKER], proxies[SITE]

    def process_variables(self, process: str) -> Mapping[str, str]:
        if process == "worker-1":
            return {"PANTAU_KAFKA": f"{HOST}:{self.to_worker.port}"}
        if process.startswith("site-"):
            return {"PANTAU_KAFKA": f"{HOST}:{self.to_site.port}"}
        return NOTHING


@contextmanager
def behind_proxies(folder: Path) -> Generator[NetworkEnvironment]:
    """A broker behind proxies, and SQLite."""
    with proxy.broker_behind(folder / "broker", WORKER, SITE) as (broker, proxies):
        yield NetworkEnvironment(broker, proxies)


Here = ChaosInstallation[NetworkEnvironment]


def worker_slowed(installation: Here) -> str | None:
    """Every piece between the worker and the broker is held up."""
    return _slowed(installation, installation.environment.to_worker)


def site_slowed(installation: Here) -> str | None:
    """Every piece between the apis and the broker is held up."""
    return _slowed(installation, installation.environment.to_site)


def worker_reset(installation: Here) -> str | None:
    """The worker's connections are reset, again and again."""
    return _reset(installation, installation.environment.to_worker)


def site_reset(installation: Here) -> str | None:
    """The apis' connections are reset, again and again."""
    return _reset(installation, installation.environment.to_site)


def worker_cut(installation: Here) -> str | None:
    """Nothing arrives in one direction between the worker and the broker for a while."""
    return _cut(installation, installation.environment.to_worker)


def site_cut(installation: Here) -> str | None:
    """Nothing arrives in one direction between the apis and the broker for a while."""
    return _cut(installation, installation.environment.to_site)


def worker_forgotten(installation: Here) -> str | None:
    """The worker's connections die without a reset: it has to find out by itself, and to connect again."""
    return _forgotten(installation, installation.environment.to_worker)


def site_forgotten(installation: Here) -> str | None:
    """The apis' connections die without a reset: they have to find out by themselves, and to connect again."""
    return _forgotten(installation, installation.environment.to_site)


def worker_cut_past_its_session(installation: Here) -> str | None:
    """One direction is cut until another worker owns every partition; then what was sent before arrives after all."""
    network, cut = installation.environment.to_worker, installation.workers[0]
    direction = installation.random.choice(DIRECTIONS)
    other = installation.start_worker("relief")
    installation.until_ready(other)
    held, had = network.held[direction], other.running.output.count(TAKEN_OVER)
    before = cut.running
    network.cut(direction)
    owned = installation.wait(lambda: other.running.output.count(TAKEN_OVER) >= had + PARTITIONS, REBALANCE_SECONDS)
    held = network.held[direction] - held
    network.heal()
    installation.until_ready(cut)
    other.retire()
    installation.wait(lambda: not other.running.alive, RESTORE_SECONDS)
    installation.until_ready(cut)
    if not (owned and held):
        return None
    fenced = ", and it was fenced" if FENCED in before.output else ""
    return f"{held} bytes {direction} arrived after another owned its partitions{fenced}"


def _slowed(installation: Here, network: Proxy) -> str | None:
    seconds, before = installation.random.uniform(0.02, SLOWEST_SECONDS), network.held.total()
    network.delay_seconds = seconds
    _for_a_while(installation)
    network.heal()
    held = network.held.total() - before
    installation.until_ready()
    return f"{held} bytes were late by {seconds:.2f} s" if held else None


def _reset(installation: Here, network: Proxy) -> str | None:
    reset = 0
    for _ in range(installation.random.randint(1, MOST_RESETS)):
        reset += network.reset()
        installation.wait(lambda: False, installation.random.uniform(0, 1))
    installation.until_ready()
    return f"{reset} connections were reset" if reset else None


def _cut(installation: Here, network: Proxy) -> str | None:
    direction: Direction = installation.random.choice(DIRECTIONS)
    before = network.held[direction]
    network.cut(direction)
    _for_a_while(installation)
    held = network.held[direction] - before
    network.heal()
    installation.until_ready()
    return f"{held} bytes {direction} were held" if held else None


def _forgotten(installation: Here, network: Proxy) -> str | None:
    before = network.held.total()
    forgotten = network.forget()
    _for_a_while(installation)
    held = network.held.total() - before
    return f"{forgotten} connections were dead, {held} bytes never arrived" if forgotten and held else None


def _for_a_while(installation: Here) -> None:
    installation.wait(lambda: False, installation.random.uniform(1, LONGEST_SECONDS))
