"""What goes into a UDP load run and comes out of it, and the interface of what decides in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from omega_core.evidence import Ended
from omega_core.load import LoadCounts, LoadRate, LoadTick
from omega_core.metrics import Direction
from omega_core.wire.load import FEEDBACK_OCTETS, RATE_OCTETS
from omega_probe.own_traffic import OwnTrafficMeter, of_datagrams


class LoadMachine(Protocol):
    """What decides; times are of the monotonic clock."""

    @property
    def ended(self) -> Ended | None:
        """How the run has ended, None while it goes on."""
        ...

    @property
    def detail(self) -> str:
        """More on that, for people."""
        ...

    def wanted(self) -> LoadRate:
        """Return what the sender is to do now."""
        ...

    def feedback(self, tick: LoadTick, *, now_ns: int) -> None:
        """Take what the receiver has counted."""
        ...

    def advance(self, now_ns: int) -> None:
        """Let time do its work."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """One run; octets are of the IP layer. `offload` is false where GSO and GRO are not wanted."""

    run: int
    direction: Direction
    duration_ns: int
    octets_max: int
    ip_octets: int
    offload: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What came of a run.

    `received` is what its receiver counted. `sent` is what its sender says; None where the test
    point was the sender and could not be asked. `offered` has the number and the rate of each order
    whose packets arrived, and when its first one did, on the clock of `received`.
    """

    ended: Ended
    detail: str = ""
    started_ns: int = 0
    received: LoadCounts = field(default_factory=LoadCounts)
    sent: LoadCounts | None = None
    offered: tuple[tuple[int, int, int], ...] = ()
    failure: str | None = None
    """Reason code of the last packet that could not be sent from here, None when all could."""
    gso: bool = False
    gro: bool = False


class Account:
    """Tells the meter what has been carried since it was told last."""

    def __init__(self, meter: OwnTrafficMeter, family: int, payload_octets: int) -> None:
        self._meter = meter
        self._family = family
        self._payload = payload_octets
        self._told: dict[int, tuple[int, int]] = {}

    def tell(self, *, load_sent: int, load_received: int, rates: int, feedbacks: int) -> None:
        """Take how many packets of each kind there have been so far."""
        self._add(self._payload, load_sent, load_received)
        self._add(RATE_OCTETS, rates, 0)
        self._add(FEEDBACK_OCTETS, 0, feedbacks)

    def _add(self, payload_octets: int, sent: int, received: int) -> None:
        sent_before, received_before = self._told.get(payload_octets, (0, 0))
        self._told[payload_octets] = (sent, received)
        self._meter.add(
            of_datagrams(
                sent=sent - sent_before,
                received=received - received_before,
                payload_octets=payload_octets,
                family=self._family,
            )
        )
