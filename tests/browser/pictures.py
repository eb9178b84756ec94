"""docs/pictures/*.png: the council's page of the sample city, as `make run` shows it.

    python -m tests.browser.pictures

Starts everything in a folder and on ports of its own, loads the whole sample and stops it again.
"""

import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import Browser, expect

from tests.parts.browser import PATIENCE_MS, launched
from tests.parts.processes import ROOT, Processes
from tests.parts.waiting import free_port, until

FOLDER = ROOT / "docs" / "pictures"
LOADED_WITHIN_SECONDS = 600
STOPPED_WITHIN_SECONDS = 30
PORTS = ("PANTAU_PORT", "PANTAU_KAFKA_PORT", "PANTAU_KAFKA_CONTROLLER_PORT", "PANTAU_WORKER_METRICS_PORT")


class Picture(NamedTuple):
    """A file, and the page on it: its query, and its size in pixels."""

    name: str
    query: str
    width: int
    height: int


PICTURES = (
    Picture("council-page.png", "lang=en", 1366, 768),
    Picture("council-page-wall.png", "lang=id&wall=1", 1366, 768),
    Picture("council-page-phone.png", "lang=id", 360, 740),
)


def take(browser: Browser, url: str, picture: Picture) -> None:
    """Take one picture, when the page is live and all parts in sight are there."""
    with browser.new_context(
        locale="id-ID",
        timezone_id="Asia/Pontianak",
        reduced_motion="reduce",
        viewport={"width": picture.width, "height": picture.height},
    ) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{url}/?{picture.query}")
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live", timeout=PATIENCE_MS)
        expect(page.locator("#main section:not(#programs) .loading")).to_have_count(0, timeout=PATIENCE_MS)
        page.screenshot(path=FOLDER / picture.name)


def main() -> None:
    """Make all pictures."""
    ports = {variable: str(free_port()) for variable in PORTS}
    with TemporaryDirectory(prefix="pantau-pictures-") as name:
        folder = Path(name)
        processes = Processes(folder)
        try:
            answer = {"PANTAU_STATE": str(folder / "state"), "PACE": "0", **ports}
            stack = processes.start("run", [sys.executable, "-m", "deploy.local.run"], env=answer)
            until(
                lambda: "loaded; at the end of 2021" in stack.output or not stack.alive,
                LOADED_WITHIN_SECONDS,
                what="the sample is loaded",
            )
            if not stack.alive:
                sys.exit(stack.output)
            with launched() as browser:
                for picture in PICTURES:
                    take(browser, f"http://127.0.0.1:{ports['PANTAU_PORT']}", picture)
                    print(FOLDER / picture.name)
            os.kill(stack.pid, signal.SIGINT)
            stack.wait(STOPPED_WITHIN_SECONDS)
        finally:
            processes.end()


if __name__ == "__main__":
    main()
