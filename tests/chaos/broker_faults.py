"""Faults of the one broker: killed and started again on what it had written, and paused."""

import signal

from deploy.local.broker import answers
from tests.chaos.environments import RunEnvironment
from tests.chaos.installation import ChaosInstallation

LONGEST_DOWN_SECONDS = 4.0
LONGEST_PAUSE_SECONDS = 14.0  # past the session of a worker, and the patience of every sender


def broker_killed(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGKILL; after a while it is started on the same folder."""
    broker = installation.environment.broker
    pid = broker.process.pid
    broker.kill()
    gone = broker.process.poll() == -signal.SIGKILL and not answers(broker.port)
    installation.wait(lambda: False, installation.random.uniform(0, LONGEST_DOWN_SECONDS))
    broker.start()
    installation.until_ready()
    return f"process {pid} was gone" if gone else None


def broker_paused(installation: ChaosInstallation[RunEnvironment]) -> str | None:
    """SIGSTOP: connections stay open and no request is answered."""
    broker = installation.environment.broker
    seconds = installation.random.uniform(1.0, LONGEST_PAUSE_SECONDS)
    broker.pause()
    silent = not answers(broker.port)
    installation.wait(lambda: False, seconds)
    broker.resume()
    installation.until_ready()
    return f"silent for {seconds:.1f} s" if silent else None
