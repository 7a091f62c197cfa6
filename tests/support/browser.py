"""A real Chromium for tests of pages: the system's, driven by Playwright, talking to nobody else.

    with chromium() as browser, visitor(browser, url, entered=clerk, lang="fr") as page: ...

Every request that leaves the server under test is a fault, and so is what the browser says on its
console: a policy that was broken, a script that failed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

from omega_server.pages.languages import COOKIE
from omega_server.people.entrance import Entered

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
)
PHONE: ViewportSize = {"width": 320, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 800}


def found() -> str | None:
    """Return the browser's program; None where none is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser, and end it."""
    program = found()
    assert program is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Heard:
    """What went wrong beside the page."""

    faults: list[str] = field(default_factory=list)


@contextmanager
def visitor(
    browser: Browser,
    url: str,
    *,
    entered: Entered | None,
    lang: str,
    size: ViewportSize | None = None,
) -> Iterator[tuple[Page, Heard]]:
    """Open a page of a person; scripts, styles and connections from elsewhere are heard of."""
    context = browser.new_context(
        base_url=url,
        locale=lang,
        viewport=size or DESK,
    )
    context.add_cookies([{"name": COOKIE, "value": lang, "url": url}])
    if entered is not None:
        context.add_cookies([{"name": "omega", "value": entered.token, "url": url}])
    heard = Heard()

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            heard.faults.append(f"asked {request.url}")

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            heard.faults.append(message.text)

    page = context.new_page()
    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: heard.faults.append(str(error)))
    try:
        yield page, heard
    finally:
        context.close()
