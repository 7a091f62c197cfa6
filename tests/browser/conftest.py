"""One Chromium for all tests of a run; without it they are left out, and say so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import chromium, found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if found() is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with chromium() as browser:
        yield browser
