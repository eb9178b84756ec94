"""The supervisor: it starts in order, restarts what exits, stops in order, and leaves no process or file."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import administrator, ports, secret, state, status
from deploy.local.broker import answers
from tests.e2e.stack import StandInStack, exists, nothing_left, ready
from tests.parts.processes import Running
from tests.parts.waiting import free_port, until

IGNORING_INTERRUPTS = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
LIMIT_SECONDS = 7.0


def test_starts_in_order_says_where_to_look_and_loads_the_sample(stack: StandInStack) -> None:
    supervisor = stack.start({"broker": "slow"})
    until(lambda: stack.started("broker"))
    assert not stack.started("site")
    assert not stack.started("worker")
    (stack.folder / "broker.may").touch()
    until(lambda: "loaded" in supervisor.output)
    assert supervisor.output.index("Pantau is ready") < supervisor.output.index("loaded")
    for hint in (f":{stack.env['PANTAU_PORT']}/docs", "/metrics", str(stack.state / "keys"), str(stack.state / "log")):
        assert hint in supervisor.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stops_in_order_when_asked_also_when_started_with_sigint_ignored(
    stack: StandInStack, number: signal.Signals
) -> None:
    supervisor = stack.start(under=IGNORING_INTERRUPTS)
    until(ready(supervisor))
    began = time.monotonic()
    supervisor.signal(number)
    assert supervisor.wait() == 0
    assert time.monotonic() - began < LIMIT_SECONDS
    assert stack.events[-3:] == ["worker stopped", "site stopped", "broker stopped"]
    assert nothing_left(stack.pids)


def test_stops_in_time_even_when_services_ignore_sigterm(stack: StandInStack) -> None:
    supervisor = stack.start(dict.fromkeys(("broker", "site", "worker"), "deaf") | {"sample": "trap '' TERM; sleep 60"})
    until(ready(supervisor))
    began = time.monotonic()
    supervisor.signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert time.monotonic() - began < LIMIT_SECONDS
    assert nothing_left(stack.pids)
    assert supervisor.output.count("killed") == 3


def test_stops_while_still_starting(stack: StandInStack) -> None:
    supervisor = stack.start({"broker": "slow"})
    until(lambda: stack.started("broker"))
    supervisor.signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert nothing_left(stack.pids)


def test_no_process_outlives_it_when_killed_and_the_next_start_goes_on(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    os.kill(supervisor.pid, signal.SIGKILL)  # it alone; the kernel ends its children
    until(lambda: nothing_left(stack.pids), 2)
    again = stack.start()
    until(ready(again))
    again.signal(signal.SIGINT)
    assert again.wait() == 0


def test_starts_again_what_exits(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    os.kill(stack.started("worker")[0], signal.SIGKILL)
    until(lambda: len(stack.started("worker")) == 2)
    assert "worker   was ended by SIGKILL; starting it again" in supervisor.output
    assert len(stack.started("site")) == len(stack.started("broker")) == 1
    assert supervisor.output.count("Pantau is ready") == 1


def recorded(stack: StandInStack, supervisor: Running) -> dict[str, status.ProcessStatus]:
    found = status.read(stack.state, supervisor.pid)
    return {process.name: process for process in found.processes} if found else {}


@pytest.mark.parametrize("name", ["broker", "worker", "site"])
def test_what_fails_is_tried_again_and_again_with_its_reason_and_the_others_go_on(
    stack: StandInStack, name: str
) -> None:
    supervisor = stack.start({name: "failing"})
    until(lambda: len(stack.started(name)) >= 7)
    others = {"broker", "worker", "site"} - {name}
    assert all(len(stack.started(other)) == 1 and exists(stack.started(other)[0]) for other in others)
    exits = [line for line in supervisor.output.splitlines() if line.startswith(f"{name:<8} exited")]
    pauses = [float(line.partition("again in ")[2].split()[0]) for line in exits]
    assert pauses[:5] == [0.2, 0.4, 0.8, 0.8, 0.8], "growing, and bounded"
    assert exits[0].startswith(f"{name:<8} exited with code 3: {name} cannot go on; starting it again in 0.2 s (log: ")
    assert f"Pantau runs without: {name}." in supervisor.output
    assert "Pantau is ready" not in supervisor.output
    failed = recorded(stack, supervisor)[name]
    assert failed.failures >= 6
    assert failed.failure is not None
    assert failed.failure.startswith(f"exited with code 3: {name} cannot go on (at ")
    supervisor.signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert nothing_left(stack.pids)


def test_what_lives_again_is_announced_and_after_a_while_its_failures_are_forgotten(stack: StandInStack) -> None:
    supervisor = stack.start({"worker": "failing"})
    until(lambda: "Pantau runs without: worker." in supervisor.output)
    assert "loaded" not in supervisor.output
    (stack.folder / "worker.may").touch()
    until(lambda: "loaded" in supervisor.output)
    assert supervisor.output.index("Pantau is ready") < supervisor.output.index("loaded")
    assert "running again" in str(recorded(stack, supervisor)["worker"].failure)
    until(lambda: recorded(stack, supervisor)["worker"].failure is None)
    os.kill(stack.started("worker")[-1], signal.SIGKILL)
    until(lambda: "was ended by SIGKILL; starting it again in 0.2 s" in supervisor.output, what="the first pause again")


def test_what_cannot_even_be_started_is_tried_again(stack: StandInStack) -> None:
    supervisor = stack.start({"worker": "failing"})
    until(lambda: len(stack.started("worker")) >= 2)
    log = stack.state / "log" / "worker.log"
    log.unlink()
    log.mkdir()
    until(lambda: "worker   could not be started: [Errno 21] Is a directory" in supervisor.output)
    log.rmdir()
    (stack.folder / "worker.may").touch()
    until(ready(supervisor))


def test_the_record_of_what_runs_is_of_this_supervisor_and_goes_with_it(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    found = status.read(stack.state, supervisor.pid)
    assert found is not None
    assert found.settings.items() >= {name: port for name, port in stack.env.items() if name.endswith("PORT")}.items()
    assert found.failures == {}
    for file in (status.FILE, state.RECORD):  # another user's check-up reads them
        assert (stack.state / file).stat().st_mode & 0o777 == 0o644
    assert status.read(stack.state, supervisor.pid + 1) is None
    supervisor.signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert not (stack.state / status.FILE).exists()


def test_goes_on_when_the_sample_fails(stack: StandInStack) -> None:
    supervisor = stack.start({"sample": "exit 4"})
    until(lambda: "sample   exited with code 4; the others go on without it" in supervisor.output)
    assert supervisor.alive


def test_names_who_holds_a_port_and_how_to_choose_another(stack: StandInStack) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(stack.env["PANTAU_PORT"])))
        holder.listen()
        supervisor = stack.start()
        assert supervisor.wait() == 1
    (line,) = supervisor.output.splitlines()
    assert line.startswith(f"Port {stack.env['PANTAU_PORT']} is in use by process {os.getpid()} (")
    assert line.endswith("Stop that, or set PANTAU_PORT to a free port.")
    assert not stack.events


def test_refuses_a_second_supervisor_on_the_same_folder(stack: StandInStack) -> None:
    first = stack.start()
    until(ready(first))
    second = stack.start()
    assert second.wait() == 1
    assert second.output == f"Pantau already runs on {stack.state} (process {first.pid}); `make stop` stops it.\n"
    assert first.alive


def run_module(stack: StandInStack, module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module], env={**os.environ, **stack.env}, capture_output=True, text=True, check=False
    )


def test_is_stopped_from_elsewhere_and_reset_only_then(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    refused = run_module(stack, "deploy.local.reset")
    assert refused.returncode == 1
    assert "Nothing was reset" in refused.stderr
    assert run_module(stack, "deploy.local.stop").returncode == 0
    assert supervisor.wait() == 0
    assert state.holder(stack.state) is None
    assert run_module(stack, "deploy.local.stop").stdout == f"Nothing runs on {stack.state}.\n"
    assert run_module(stack, "deploy.local.reset").returncode == 0
    assert not stack.state.exists()


def test_reset_wipes_no_folder_but_a_state_folder(stack: StandInStack) -> None:
    stack.state.mkdir()
    (stack.state / "another user's").touch()
    assert run_module(stack, "deploy.local.reset").stdout.startswith("Nothing to reset")
    assert (stack.state / "another user's").exists()


@pytest.fixture
def make(stack: StandInStack) -> tuple[str, ...]:
    """A command that has make start what follows it."""
    makefile = stack.folder / "Makefile"
    makefile.write_text("run:\n\t@exec $(COMMAND)\n")
    return ("make", "--no-print-directory", "-f", str(makefile), "run")


def under_make(stack: StandInStack, make: tuple[str, ...]) -> Running:
    command = " ".join(f"'{word}'" for word in stack.command())
    return stack.processes.start("make", [*make, f"COMMAND={command}"], env=stack.env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stops_in_order_when_only_make_gets_the_signal(
    stack: StandInStack, make: tuple[str, ...], number: signal.Signals
) -> None:
    started_by_make = under_make(stack, make)
    until(ready(started_by_make))
    os.kill(started_by_make.pid, number)
    until(lambda: nothing_left(stack.pids), LIMIT_SECONDS)
    assert stack.events[-3:] == ["worker stopped", "site stopped", "broker stopped"]


def test_makes_the_administrators_key_once(tmp_path: Path) -> None:
    key = administrator.key(tmp_path / "keys")
    assert key.startswith("pantau_admin_")
    assert len(key) == len("pantau_admin_") + 32
    assert (tmp_path / "keys" / "administrator.key").stat().st_mode & 0o777 == 0o600
    assert administrator.key(tmp_path / "keys") == key


def test_makes_the_shared_secret_once_and_never_in_place_of_a_lost_one(stack: StandInStack) -> None:
    supervisor = stack.start()
    until(ready(supervisor))
    made = secret.read(stack.state)
    assert (stack.state / secret.FILE).stat().st_mode & 0o777 == 0o600
    for name in ("broker", "worker", "site"):
        environment = Path(f"/proc/{stack.started(name)[0]}/environ").read_bytes().split(b"\0")
        assert f"PANTAU_SECRET={made}".encode() in environment
    assert made not in supervisor.output
    supervisor.signal(signal.SIGINT)
    assert supervisor.wait() == 0
    again = stack.start()
    until(ready(again))
    assert secret.read(stack.state) == made
    again.signal(signal.SIGINT)
    assert again.wait() == 0
    for lost in (None, "", made[:-1]):
        (stack.state / secret.FILE).unlink(missing_ok=True)
        if lost is not None:
            (stack.state / secret.FILE).write_text(lost)
        refused = stack.start()
        assert refused.wait() == 1
        (line,) = refused.output.splitlines()
        assert line.startswith(f"{stack.state / secret.FILE} does not hold the 64 hex digits that the facts")


def test_knows_who_listens(tmp_path: Path) -> None:
    port = free_port()
    assert not ports.busy("127.0.0.1", port)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        assert ports.busy("127.0.0.1", port)
        held_by = ports.holder(port)
        assert held_by is not None
        assert held_by.pid == os.getpid()


def test_the_real_broker_is_stopped_and_started_by_its_settings(stack: StandInStack) -> None:
    port = int(stack.env["PANTAU_KAFKA_PORT"])
    command = [sys.executable, "-m", "deploy.local.broker"]
    for _ in range(2):  # the second start finds what the first has formatted
        broker = stack.processes.start("broker", command, env=stack.env)
        until(lambda: answers(port))
        broker.signal(signal.SIGTERM)
        assert broker.wait(5) == 143, broker.output[-2000:]
