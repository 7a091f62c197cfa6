"""What the host knows of its own load: who may come in, what moves, and counters for operators.

The host tells it who comes and goes and what the workers have moved, and lets it look around; the
decisions are `admission`'s. Sampled every `LOOK_NS`, the processor every second: its ticks are too
coarse for less.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from omega_core.limits import TICK_NS
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_server.testpoint.admission import Admission, BothWays, Newcomer
from omega_server.testpoint.children import RunKey
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.grants import CheckedGrant
from omega_server.testpoint.links import LinkMeter
from omega_server.testpoint.load import LoadMeter, LoadSample, Sustained
from omega_server.testpoint.session import FINISH_NS

LOOK_NS: Final = TICK_NS
_CPU_NS: Final = NS_PER_S
_CPU_NS_MIN: Final = 250 * NS_PER_MS  # over less, the kernel's own ticks are too coarse


class Kind(StrEnum):
    """What moves octets."""

    TCP = "tcp"
    UDP = "udp"
    STAMP = "stamp"


@dataclass(slots=True)
class Tally:
    """What has happened since the start; only ever grows."""

    sessions: int = 0
    runs: Counter[Kind] = field(default_factory=Counter)
    """Runs, loads and delay streams begun."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By their codes."""
    busy: Counter[str] = field(default_factory=Counter)
    """Sessions refused for want of room, by the ground."""
    octets_in: Counter[Kind] = field(default_factory=Counter)
    octets_out: Counter[Kind] = field(default_factory=Counter)
    host_drops: int = 0


@dataclass(slots=True)
class _Moving:
    session: str
    kind: Kind
    received: int = 0
    sent: int = 0


class LoadWatch:
    """Keeps the books; made by `serving`. `counts_loopback` says whether local sessions count."""

    def __init__(
        self, admission: Admission, links: LinkMeter, *, counts_loopback: bool, now_ns: int
    ) -> None:
        self.admission = admission
        self.tally = Tally()
        self.newest = LoadSample(sessions=0, capacity_bps=admission.capacity_bps)
        self._links = links
        self._counts_loopback = counts_loopback
        self._cpu = LoadMeter()
        self._sustained = Sustained(now_ns)
        self._looked_ns = self._cpu_ns = now_ns
        self._cpu_busy_ppm = self._cpu_sustained_ppm = 0
        self._moving: dict[RunKey, _Moving] = {}

    def newcomer(self, grant: CheckedGrant, *, peer: str, now_ns: int) -> Newcomer:
        """Return what a grant asks room for."""
        granted = grant.content.limits
        return Newcomer(
            session=grant.content.session_id,
            down_bps=granted.rate_bps_down,
            up_bps=granted.rate_bps_up,
            until_ns=now_ns + granted.duration_s * NS_PER_S + FINISH_NS,
            counted=self._counts_loopback or not ipaddress.ip_address(peer).is_loopback,
        )

    def check_room(self, newcomer: Newcomer, *, now_ns: int) -> None:
        """Raise RefusalError when there is no room for a session."""
        busy = self.admission.refusal(newcomer, now_ns=now_ns)
        if busy is not None:
            self.tally.busy[busy.ground] += 1
            raise RefusalError(Code.BUSY, busy.detail, retry_after_s=busy.retry_after_s)

    def came(self, newcomer: Newcomer, *, now_ns: int) -> None:
        """Take a session in for which there is room."""
        self.admission.admit(newcomer, now_ns=now_ns)
        self.tally.sessions += 1

    def left(self, session: str) -> None:
        """Take a session out."""
        self.admission.leave(session)

    def began(self, key: RunKey, session: str, kind: Kind) -> None:
        """Take that a run or load has begun."""
        self._moving[key] = _Moving(session, kind)
        self.tally.runs[kind] += 1

    def moved(self, key: RunKey, received: int, sent: int) -> None:
        """Take the IP octets that a run has received and sent so far."""
        moving = self._moving.get(key)
        if moving is None:
            return
        came, went = max(received - moving.received, 0), max(sent - moving.sent, 0)
        moving.received += came
        moving.sent += went
        self.tally.octets_in[moving.kind] += came
        self.tally.octets_out[moving.kind] += went
        self.admission.moved(moving.session, BothWays(down=went, up=came))

    def ended(self, key: RunKey, received: int, sent: int, *, host_drops: int = 0) -> None:
        """Take that a run or load has ended, and what it moved in all."""
        self.moved(key, received, sent)
        self._moving.pop(key, None)
        self.tally.host_drops += host_drops

    def reflected(self, received: int, sent: int) -> None:
        """Take what a delay stream has moved."""
        self.tally.octets_in[Kind.STAMP] += received
        self.tally.octets_out[Kind.STAMP] += sent

    def look(self, now_ns: int, *, last: bool = False) -> LoadSample | None:
        """Return a sample when it is time for one; `last` takes what there is of this one."""
        elapsed_ns = now_ns - self._looked_ns
        if elapsed_ns < LOOK_NS and not last:
            return None
        self._looked_ns = now_ns
        self._look_at_cpu(now_ns, _CPU_NS_MIN if last else _CPU_NS)
        self.admission.sample(now_ns=now_ns)
        self.newest = LoadSample(
            cpu_busy_ppm=self._cpu_busy_ppm,
            cpu_sustained_ppm=self._cpu_sustained_ppm,
            sessions=len(self.admission),
            capacity_bps=self.admission.capacity_bps,
            committed_bps=self.admission.committed.most,
            moved_bps=self.admission.sampled.most,
            nic_busy_ppm=self._links.busy_ppm(elapsed_ns),
        )
        return self.newest

    def _look_at_cpu(self, now_ns: int, span_ns: int) -> None:
        if now_ns < self._cpu_ns + span_ns:
            return
        self._cpu_ns = now_ns
        self._cpu_busy_ppm = self._cpu.busy_ppm()
        self._cpu_sustained_ppm = self._sustained.add(self._cpu_busy_ppm, now_ns=now_ns)
        self.admission.cpu_sampled(self._cpu_sustained_ppm)
