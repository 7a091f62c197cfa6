"""One flow of probes with a time to live each, without socket and clock.

Theory of operation. The driver (`omega_probe.path_flow`) owns the channel and the clock; this
machine owns the schedule and the bookkeeping. Probes go out in rounds, one of each TTL a round,
all TTLs in flight at once:

    driver                             machine
    probe_to_send(now)       ----->    number and TTL of the packet that is due, or None
    departed(number, at)     ----->    when it really left; or
    not_sent(why)            ----->    that it did not, and no further one will
    answered(answer, at)     ----->    what came back
    next_wakeup_ns()         ----->    when to come back, None when complete

The first round feels its way: four TTLs, a pause of a quick round trip, four more, until the end
of the path is known or eight in a row keep silent. So the end is not flooded with packets of every
TTL beyond it, which a host that answers six unreachables and then one a second would pay for with
silence later on. Every further round sends the TTLs up to the end, or up to two behind the last hop
that answered; and where round trips are long it goes on feeling, for up to eight behind that hop it
tries what was never tried. Rounds are as far apart as those hosts need to answer most of them.

A target that is asked straight is a path of one TTL: `Rounds(ttl_first=64, ttl_last=64)`.

The end comes when every packet is answered, or when what is missing has had three times the
longest round trip seen, 300 ms at least and the waiting time at most. `waiting_time_ns` then says
what every packet really had; no answer took longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from omega_core import limits
from omega_core.path import Hop, HopAnswer, TraceEnd
from omega_core.units import NS_PER_MS, NS_PER_US

BATCH_TTLS: Final = 4
BATCH_PAUSE_NS: Final = 150 * NS_PER_MS  # a quick round trip; a slow one only sends a batch more
PATIENCE_FACTOR: Final = 3
PATIENCE_NS_MIN: Final = 300 * NS_PER_MS
BEYOND_LAST_TTLS: Final = 2  # behind the last hop that answered: one silent, and one more
FROM_TARGET: Final = {HopAnswer.PORT_UNREACHABLE, HopAnswer.ECHO_REPLY, HopAnswer.TCP}


class Probe(NamedTuple):
    """A packet to send: its number in the flow, and its time to live."""

    number: int
    ttl: int


class ProbeAnswer(NamedTuple):
    """What a channel heard of one packet; `number` is None if too little of it was quoted."""

    number: int | None
    address: str | None
    answer: HopAnswer
    icmp_type: int | None = None
    icmp_code: int | None = None
    mtu_octets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How often, how far apart, and up to where a flow is probed."""

    ttl_first: int = 1
    ttl_last: int = limits.PATH_TTL_MAX
    count: int = limits.PATH_ROUNDS
    apart_ns: int = limits.PATH_ROUND_NS
    spacing_ns: int = limits.PATH_SPACING_NS
    waiting_time_ns: int = limits.PATH_WAIT_NS
    packets_max: int = limits.PATH_PACKETS_MAX

    def up_to(self, ttl_last: int | None) -> Rounds:
        """Return the same over a path of a known length."""
        return self if ttl_last is None else replace(self, ttl_last=max(self.ttl_first, ttl_last))


class _Sent:
    """One packet that was sent, and what became of it."""

    __slots__ = ("address", "at_ns", "rtt_ns", "ttl")

    def __init__(self, ttl: int, at_ns: int) -> None:
        self.ttl = ttl
        self.at_ns = at_ns
        self.rtt_ns: int | None = None
        self.address: str | None = None


class PathTrace:
    """Probes of one flow, from the first TTL to the end of its path."""

    def __init__(self, rounds: Rounds) -> None:
        """Raise ValueError for rounds beyond the limits."""
        if not 1 <= rounds.ttl_first <= rounds.ttl_last <= 255:
            raise ValueError("a time to live is from 1 to 255, and the first not above the last")
        if not 1 <= rounds.count <= limits.PATH_PROBES_OF_A_HOP_MAX:
            raise ValueError(f"rounds must be in 1..{limits.PATH_PROBES_OF_A_HOP_MAX}")
        self.unattributed = 0
        self._rounds = rounds
        self._sent: list[_Sent] = []
        self._last_answer: dict[int, ProbeAnswer] = {}
        self._end: tuple[int, TraceEnd] | None = None
        self._round = 0
        self._round_began_ns: int | None = None
        self._next_ttl = rounds.ttl_first
        self._due_ns = 0
        self._cut: TraceEnd | None = None

    @property
    def rounds_over(self) -> int:
        """How many rounds have had their time, so that most answers are in."""
        waiting = self._next_ttl == self._rounds.ttl_first and self._round > 0
        return self._round - 1 if waiting else self._round

    def probe_to_send(self, now_ns: int) -> Probe | None:
        """Return the packet that is due; None while there is none."""
        if self._round_began_ns is None:
            self._round_began_ns = self._due_ns = now_ns
        if now_ns < self._due_ns or self._is_sending_over():
            return None
        if self._upcoming_ttl() > self._round_end():
            self._begin_round(now_ns)
            if now_ns < self._due_ns or self._is_sending_over():
                return None
        self._next_ttl = self._upcoming_ttl()
        probe = Probe(len(self._sent), self._next_ttl)
        self._sent.append(_Sent(probe.ttl, now_ns))
        self._next_ttl += 1
        self._due_ns = now_ns + self._pause_after(probe.ttl)
        return probe

    def departed(self, number: int, at_ns: int) -> None:
        """Say when a packet really left."""
        self._sent[number].at_ns = at_ns

    def not_sent(self, why: TraceEnd) -> None:
        """Take back the packet that was due last, and send no more: it was never on the line."""
        self._sent.pop()
        self._cut = why

    def answered(self, answer: ProbeAnswer, at_ns: int) -> None:
        """Take in an answer; a second one, a late one and one to nothing change nothing."""
        if answer.number is None:
            self.unattributed += 1
            return
        if not 0 <= answer.number < len(self._sent):
            return
        sent = self._sent[answer.number]
        rtt_ns = max(0, at_ns - sent.at_ns)
        if sent.rtt_ns is not None or rtt_ns > self._rounds.waiting_time_ns:
            return
        if answer.address is None or answer.answer is HopAnswer.TOO_BIG:
            return
        sent.rtt_ns, sent.address = rtt_ns, answer.address
        self._last_answer[sent.ttl] = answer
        if answer.answer in FROM_TARGET:
            self._ends_at(sent.ttl, TraceEnd.REACHED)
        elif answer.answer is HopAnswer.UNREACHABLE:
            self._ends_at(sent.ttl, TraceEnd.UNREACHABLE)

    def stop(self, why: TraceEnd) -> None:
        """Send nothing more: time is used up, or somebody said so."""
        if self._cut is None and not self._is_sending_over():
            self._cut = why

    def next_wakeup_ns(self) -> int | None:
        """Return when to call again, None once nothing can change any more."""
        if not self._is_sending_over():
            return self._due_ns
        missing = [sent.at_ns for sent in self._sent if sent.rtt_ns is None]
        if not missing or self._cut in {TraceEnd.INTERRUPTED, TraceEnd.NOT_SENT}:
            return None
        return max(missing) + self.waiting_time_ns

    def is_over(self, now_ns: int) -> bool:
        """Whether nothing more is sent, and what is missing has been waited for."""
        wakeup_ns = self.next_wakeup_ns()
        return self._is_sending_over() and (wakeup_ns is None or wakeup_ns <= now_ns)

    @property
    def waiting_time_ns(self) -> int:
        """How long every packet was waited for at the least."""
        if self._cut in {TraceEnd.INTERRUPTED, TraceEnd.NOT_SENT}:
            return self._longest_ns()  # nothing was waited for
        if not any(sent.rtt_ns is not None for sent in self._sent):
            return self._rounds.waiting_time_ns
        patience_ns = max(PATIENCE_NS_MIN, PATIENCE_FACTOR * self._longest_ns())
        return min(patience_ns, self._rounds.waiting_time_ns)

    @property
    def ended(self) -> TraceEnd:
        """Why no further TTL was tried."""
        if self._end is not None:
            return self._end[1]
        return self._cut or TraceEnd.SILENT

    @property
    def packets_sent(self) -> int:
        """How many packets were sent so far."""
        return len(self._sent)

    def hops(self) -> tuple[Hop, ...]:
        """Return what is known of each TTL up to the end, or to the first silent one at the end."""
        known = self._last_known()
        last = self._end[0] if self._end is not None else min(known + 1, self._highest_sent())
        return tuple(self._hop(ttl) for ttl in range(self._rounds.ttl_first, last + 1))

    @property
    def unreachable_by(self) -> str | None:
        """Who said that a packet goes no further; None where nobody did."""
        said = self._last_answer.values()
        return next((each.address for each in said if each.answer is HopAnswer.UNREACHABLE), None)

    def round_trips_us(self) -> tuple[int | None, ...]:
        """Return each packet's round trip if the target answered it, in the order of sending."""
        from_target = {ttl for ttl, last in self._last_answer.items() if last.answer in FROM_TARGET}
        return tuple(_us(sent.rtt_ns) if sent.ttl in from_target else None for sent in self._sent)

    def _hop(self, ttl: int) -> Hop:
        sent = [each for each in self._sent if each.ttl == ttl]
        addresses = [*dict.fromkeys(each.address for each in sent if each.address is not None)]
        last = self._last_answer.get(ttl)
        return Hop(
            ttl=ttl,
            address=addresses[0] if addresses else None,
            others=tuple(addresses[1 : 1 + limits.PATH_ADDRESSES_OF_A_HOP_MAX]),
            rtt_us=tuple(_us(each.rtt_ns) for each in sent),
            answer=None if last is None else last.answer,
            icmp_type=None if last is None else last.icmp_type,
            icmp_code=None if last is None else last.icmp_code,
        )

    def _ends_at(self, ttl: int, why: TraceEnd) -> None:
        """The nearest end is the path's; the target's own word outweighs a router's."""
        nearer = self._end is None or ttl < self._end[0]
        surer = self._end == (ttl, TraceEnd.UNREACHABLE)
        if nearer or surer:
            self._end = (ttl, why)

    def _begin_round(self, now_ns: int) -> None:
        began_ns = now_ns if self._round_began_ns is None else self._round_began_ns
        self._round += 1
        self._next_ttl = self._rounds.ttl_first
        self._due_ns = self._round_began_ns = max(now_ns, began_ns + self._rounds.apart_ns)

    def _round_end(self) -> int:
        """The last TTL that this round sends."""
        if self._end is not None:
            return self._end[0]
        return min(self._rounds.ttl_last, self._last_known() + limits.PATH_SILENT_HOPS_MAX)

    def _upcoming_ttl(self) -> int:
        """The next TTL of this round: past those that kept silent before, but for the nearest."""
        again = self._last_known() + BEYOND_LAST_TTLS
        if self._end is not None or self._next_ttl <= again:
            return self._next_ttl
        return max(self._next_ttl, self._highest_sent() + 1)

    def _last_known(self) -> int:
        return max(self._highest_answered(), self._before())

    def _before(self) -> int:
        return self._rounds.ttl_first - 1

    def _pause_after(self, ttl: int) -> int:
        batch_ended = (ttl - self._before()) % BATCH_TTLS == 0
        return BATCH_PAUSE_NS if self._round == 0 and batch_ended else self._rounds.spacing_ns

    def _is_sending_over(self) -> bool:
        if self._cut is not None:
            return True
        if len(self._sent) >= self._rounds.packets_max:
            return True
        last_round = self._round >= self._rounds.count - 1
        return self._round >= self._rounds.count or (
            last_round and self._upcoming_ttl() > self._round_end()
        )

    def _highest_answered(self) -> int:
        return max(self._last_answer, default=0)

    def _highest_sent(self) -> int:
        return max((sent.ttl for sent in self._sent), default=0)

    def _longest_ns(self) -> int:
        return max((sent.rtt_ns for sent in self._sent if sent.rtt_ns is not None), default=0)


def _us(rtt_ns: int | None) -> int | None:
    return None if rtt_ns is None else rtt_ns // NS_PER_US
