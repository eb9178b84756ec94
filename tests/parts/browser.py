"""The system's Chromium, driven by Playwright: one for a module of tests, fresh contexts from it."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.parts import installed_programs

PATIENCE_MS = 60_000  # Playwright's own five seconds are too few for a machine that does something else, too

ARGUMENTS = (
    "--no-sandbox",  # it refuses to run as root otherwise
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def launched() -> Generator[Browser]:
    """The browser, for as long as the block runs."""
    chromium = installed_programs.find("chromium", package="chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Not one for the whole run: while Playwright runs, so does its event loop, and `asyncio.run` allows no second one."""
    with launched() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    """A page in a context of its own, in Indonesian time and language unless a test says otherwise."""
    context = browser.new_context(locale="id-ID", timezone_id="Asia/Pontianak")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context.new_page()
    context.close()
