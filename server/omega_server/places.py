"""The test points that a grant may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPointPlace:
    """Where a test point is. `addresses` is empty where it is at the server's own addresses."""

    __test__ = False  # not a pytest class

    id: str
    key: str
    tcp_port: int
    udp_port: int
    addresses: tuple[str, ...] = ()


class TestPoints(Protocol):
    """Which test point takes the next session."""

    def ready(self) -> TestPointPlace | None:
        """Return a test point that is up, None when there is none."""
        ...


class FixedTestPoint:
    """A test point somebody else keeps running."""

    __test__ = False  # not a pytest class

    def __init__(self, place: TestPointPlace) -> None:
        self._place = place

    def ready(self) -> TestPointPlace | None:
        """See `TestPoints.ready`."""
        return self._place
