"""What the daemon's threads and children tell its loop."""

from __future__ import annotations

from dataclasses import dataclass

from omega_agent.daemon.foreman import Ending
from omega_agent.daemon.waiter import Answered, Silent, Turned
from omega_core.availability import SeenOutage
from omega_core.errors import StorageError
from omega_core.facts import INTEGER_MAX
from omega_core.units import US_PER_S

_US_PER_TENTH = US_PER_S // 10


@dataclass(frozen=True, slots=True)
class Ended:
    """The crew's word on a measurement."""

    name: str
    ending: Ending
    octets: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A thread of the daemon has ended by a defect: so does the daemon, for it would be deaf."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Watches:
    """The line is watched from now on, against this test point."""

    test_point: str
    address: str


@dataclass(frozen=True, slots=True)
class Barred:
    """The owner's limits leave out every address of the test point: nothing is watched."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """The watch has sealed a record, which waits to be posted."""

    digest: str


@dataclass(frozen=True, slots=True)
class WasDown:
    """The watch has seen an outage from its beginning to its end."""

    outage: SeenOutage

    def bounds_s(self) -> tuple[str, str]:
        """Return how long it was at least and at most, to a tenth: outwards, as bounds are."""
        least = self.outage.least_us(0, INTEGER_MAX) // _US_PER_TENTH
        most = -(-self.outage.most_us(0, INTEGER_MAX) // _US_PER_TENTH)
        return f"{least / 10:.1f}", f"{most / 10:.1f}"


@dataclass(frozen=True, slots=True)
class DiskRefused:
    """The disk does not take what the watch has to keep."""

    error: StorageError


@dataclass(frozen=True, slots=True)
class Quit:
    """A signal: the daemon is to end."""


News = (
    Answered
    | Silent
    | Turned
    | Ended
    | Broken
    | Watches
    | Barred
    | Sealed
    | WasDown
    | DiskRefused
    | Quit
)
