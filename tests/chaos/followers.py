"""Clients of streams: each follows one plan's server-sent events on one site, reconnects when it is cut off, and
records every version."""

import threading
from contextlib import suppress

from httpx import Client, HTTPError, Timeout

AGAIN_SECONDS = 0.2
SILENCE_SECONDS = 15.0  # a heartbeat comes every 10


class Follower:
    """A thread that follows a stream for a whole run. `versions` are the `seq`s in the order in which they arrived."""

    def __init__(self, url: str, plan: str) -> None:
        self.url, self.plan = url, plan
        self.versions: list[int] = []
        self.connections = 0
        self._ended = threading.Event()
        self._http = Client(timeout=Timeout(5.0, read=SILENCE_SECONDS), trust_env=False)
        self._thread = threading.Thread(target=self._run, name=f"follower of {plan}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop listening."""
        self._ended.set()
        self._http.close()
        self._thread.join(SILENCE_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(AGAIN_SECONDS):
            with suppress(HTTPError, RuntimeError):  # it went away, or our client was closed
                self._listen()

    def _listen(self) -> None:
        last = {"Last-Event-ID": str(self.versions[-1])} if self.versions else {}
        with self._http.stream("GET", f"{self.url}/v1/plans/{self.plan}/stream", headers=last) as response:
            if response.status_code != 200:
                return
            self.connections += 1
            for line in response.iter_lines():
                if line.startswith("id: "):
                    self.versions.append(int(line.removeprefix("id: ")))
                if self._ended.is_set():
                    return

    def fell(self) -> list[tuple[int, int]]:
        """Pairs of versions of which the later is lower."""
        return [
            (before, after) for before, after in zip(self.versions, self.versions[1:], strict=False) if after < before
        ]
