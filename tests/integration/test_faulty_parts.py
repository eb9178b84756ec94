"""The test parts that fail on purpose do so: a network cuts, a disk fills up, a clock is wrong."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.single_topic import make_topic, publish, published
from tests.parts import broker as broker_part
from tests.parts import proxy, small_disk
from tests.parts.clocks import ShiftedClock
from tests.parts.waiting import free_port, until

DAY = 24 * 60 * 60


# ── a network ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Echo:
    """A server that sends back what it receives, and keeps it in `received`."""

    def __init__(self) -> None:
        self.received = b""
        self._socket = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while piece := connection.recv(1024):
                self.received += piece
                connection.sendall(piece)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def echo() -> Generator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def between(echo: Echo) -> Generator[proxy.Proxy]:
    with proxy.running(echo.port) as started:
        yield started


def talk(between: proxy.Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", between.port), 5)


def test_a_proxy_hands_on_and_delays(between: proxy.Proxy) -> None:
    with talk(between) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        between.delay_seconds, began = 0.1, time.monotonic()
        client.sendall(b"two")
        assert client.recv(10) == b"two"
        assert time.monotonic() - began >= 0.2  # there and back
        assert between.held == {"to_server": 3, "to_client": 3}


def test_a_proxy_resets(between: proxy.Proxy) -> None:
    with talk(between) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        assert between.reset() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with talk(between) as client:
        client.sendall(b"again")
        assert client.recv(10) == b"again"


def test_what_was_cut_arrives_when_it_is_healed_though_its_sender_has_gone(echo: Echo, between: proxy.Proxy) -> None:
    with talk(between) as client:
        between.cut("to_server")
        client.sendall(b"late")
        until(lambda: between.held["to_server"] == 4)
    assert echo.received == b""
    between.heal()
    until(lambda: echo.received == b"late")


def test_an_answer_is_cut_off_while_the_question_arrives(echo: Echo, between: proxy.Proxy) -> None:
    with talk(between) as client:
        between.cut("to_client")
        client.sendall(b"one")
        until(lambda: echo.received == b"one")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
        between.heal()
        client.settimeout(5)
        assert client.recv(10) == b"one"


def test_a_connection_that_was_forgotten_is_silent_and_a_new_one_works(echo: Echo, between: proxy.Proxy) -> None:
    with talk(between) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        assert between.forget() == 1
        client.sendall(b"two")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
        with talk(between) as other:
            other.sendall(b"three")
            assert other.recv(10) == b"three"
    assert echo.received == b"onethree"


# ── a disk ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_broker_whose_disk_is_full_exits_and_comes_back_with_all_it_acknowledged(tmp_path: Path) -> None:
    with small_disk.mounted(tmp_path, size_mib=64) as disk:
        with broker_part.started(disk.broker(tmp_path / "broker")) as small:
            make_topic(small.bootstrap)
            acknowledged = [b"%d" % number for number in range(3)]
            for value in acknowledged:
                publish(small.bootstrap, value)
            disk.fill()
            with pytest.raises(TimeoutError):
                publish(small.bootstrap, b"x" * 500_000, within_seconds=2)
            small.process.wait(20)
            disk.give_back()
            small.start()
            assert published(small.bootstrap, 3) == acknowledged
        path = disk.path
    assert not path.exists()


# ── a clock ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PRINT_TIMES = "import time\nwhile True: input(); print(time.time(), time.monotonic(), flush=True)"


def test_a_wall_clock_is_off_by_a_day_and_the_steady_one_is_right(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", PRINT_TIMES],
        env=clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as answer:
        assert answer.stdin is not None and answer.stdout is not None
        for days in (0, 1, -1):
            clock.set_off_by(timedelta(days=days))
            answer.stdin.write("\n")
            answer.stdin.flush()
            wall, steady = map(float, answer.stdout.readline().split())
            assert abs(wall - time.time() - days * DAY) < 5
            assert abs(steady - time.monotonic()) < 5
        answer.kill()
