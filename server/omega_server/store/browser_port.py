"""What the store promises of tests made in a browser; see `omega_server.browser_tests`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserTestRow:
    """One test; `subscriber_ref` is None of somebody who came without a link of their line.

    `said` is what the page computed, as JSON; None until it was told.
    """

    test_id: str
    subscriber_ref: str | None
    address: str
    began_unix_us: int
    ended_unix_us: int | None = None
    said: str | None = None
    ticket_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRunRow:
    """One run as the test point sealed it."""

    test_id: str
    run: int
    task: str
    envelope: bytes


class BrowserStore(Protocol):
    """Tests, and what was seen of them."""

    def begin(self, test: BrowserTestRow) -> None:
        """Keep a test that may begin; raises AlreadyThereError."""
        ...

    def begun_since(self, address: str, since_unix_us: int) -> int:
        """Return how many tests an address has begun since a time."""
        ...

    def finish(self, test: BrowserTestRow, seen: Sequence[SeenRunRow]) -> BrowserTestRow:
        """Keep what came of a test, once, and return the test as it is then.

        The same again changes nothing. Raises NotThereError.
        """
        ...

    def attach(self, test_id: str, ticket_id: str) -> BrowserTestRow:
        """Attach a test to a ticket, once, and return it; raises NotThereError."""
        ...

    def test(self, test_id: str) -> BrowserTestRow | None:
        """Return a test."""
        ...

    def seen(self, test_id: str) -> Sequence[SeenRunRow]:
        """Return what was seen of a test, by run."""
        ...

    def tests_of(self, subscriber_ref: str, *, count: int) -> Sequence[BrowserTestRow]:
        """Return a line's tests, newest first."""
        ...
