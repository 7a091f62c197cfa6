"""The daemon's watch put together: files in the home, leave, book, and the thread's work."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from omega_agent.availability.book import Author, WatchBook
from omega_agent.availability.journal import AvailabilityJournal
from omega_agent.availability.keeping import WatchKeeper
from omega_agent.availability.leave import Leave
from omega_agent.availability.watch import AvailabilityWatch, Place
from omega_agent.daemon.local_limits import LocalLimits
from omega_agent.daemon.news import Barred, DiskRefused, News, Sealed, WasDown, Watches
from omega_agent.daemon.waiter import Self
from omega_agent.daemon.watching import Watching
from omega_agent.device import Device
from omega_agent.errors import not_kept
from omega_agent.home import Home
from omega_agent.outbox_directory import DirectoryOutbox
from omega_agent.uplink import Uplink
from omega_core.clock import Clock


def watching_of(
    home: Home,
    device: Device,
    who: Self,
    limits: LocalLimits,
    *,
    uplink: Callable[[], Uplink],
    clock: Clock,
    rng: random.Random,
    spread_s: int,
    tell: Callable[[News], None],
) -> Watching:
    """Return the watch of this device's line; raises StorageError.

    `spread_s` is within what the first question to the server is asked.
    """
    _make(home)
    outbox = DirectoryOutbox(home.watch_outbox)
    keeper = WatchKeeper(outbox, device, who.server_key, tell=lambda digest: tell(Sealed(digest)))
    author = Author(key=who.key, agent_id=who.agent_id, software=who.software)

    @contextmanager
    def connect() -> Iterator[Uplink]:
        with uplink() as opened:
            yield opened

    leave = Leave(
        who.agent_id,
        who.key,
        who.server_key,
        home.watch_leave,
        connect,
        find=lambda grant: grant.addresses or tuple(_addresses_of(device.server.host)),
        within=_Targets(limits, tell).within,
        clock=clock,
        rng=rng,
        spread_s=spread_s,
    )

    def open_watch(place: Place) -> AvailabilityWatch:
        watch = AvailabilityWatch(
            place,
            WatchBook(author, AvailabilityJournal(home.watch_journal_of(who.agent_id)), keeper),
            clock=clock,
            rng=rng,
            software=who.software,
            is_on_the_line=limits.on_the_cpe,
            witness=leave,
            tell=lambda outage: tell(WasDown(outage)),
        )
        tell(Watches(place.test_point, place.address[0]))
        return watch

    return Watching(
        leave, open_watch, clock=clock, tell_disk=lambda error: tell(DiskRefused(error))
    )


class _Targets:
    """The addresses an owner allows; where none of them is, that is told once."""

    def __init__(self, limits: LocalLimits, tell: Callable[[News], None]) -> None:
        self._limits = limits
        self._tell = tell
        self._barred: tuple[str, ...] = ()

    def within(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of these addresses that may be watched against, in their order."""
        allowed = tuple(each for each in found if self._limits.allows_target(each))
        barred = () if allowed else found
        if barred and barred != self._barred:
            self._tell(Barred(barred))
        self._barred = barred
        return allowed


def _make(home: Home) -> None:
    try:
        home.availability.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_kept(home.availability, error) from error


def _addresses_of(host: str) -> list[str]:
    """Return the addresses of a host, best first; none where its name is not resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(each[4][0]) for each in found))
