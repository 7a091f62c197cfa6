"""After the search: fill the buffer, and hold it full while working latency is measured.

Theory of operation. A TCP flow needs seconds to fill a deep buffer, and longer the deeper it is: a
run of five seconds behind half a second of buffer reads three quarters of it. Once the capacity C
is known a load over UDP does it in the time that physics takes:

    search        C is known. On a long path the next command is given a round trip before: what
      |  decided  is on its way by then decides it, and if it does not, the search goes on
      v
    FILL          twice C: a buffer of B is full after B. Loss above what the line loses anyway says
      |           so, another B later: then the packets behind the first dropped one have come
      |           through it. `FILL_NS_MAX` bounds it
      v
    HOLD          a little over C: what the line can't carry is dropped, the buffer stays full. A
      |           sender that paused has let it drain: then twice C again, until it is full again.
      |           The window that counts for working latency began a B ago
      v
    ended         with what the search said

Where the search has not found what the line carries there is nothing to hold, and the run ends as
the search did. Neither stage changes the capacity: what is received from a full buffer is C, and
what loses more than the criterion is not eligible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

from omega_core.evidence import Ended
from omega_core.limits import LOAD_TRAIN_PACKETS_MAX
from omega_core.load import LoadRate, LoadTick
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US, PPM
from omega_probe.capacity_search import CapacitySearch
from omega_probe.capacity_trains import LONG_RTT_US

FILL_FACTOR: Final = 2  # fastest for the octets it takes: B x C x f / (f - 1) of them
FILL_NS_MAX: Final = 2_300 * NS_PER_MS  # a second of buffer is full, and has told so
DRAINED_PERCENT: Final = 85  # of the full queue's delay: less is filled up again
FULL_SINCE_PERCENT: Final = 90  # of the queue's delay ago: some of that may be delay variation
OVER_PPM: Final = 20_000  # C is known to 1 %: more than it certainly arrives at the buffer
FULL_LOSS_SHARE: Final = 4  # one packet in so many; a full buffer drops one in two of them
FULL_TICKS: Final = 4  # over which that is looked for: packets that overtake others are not lost
FULL_PACKETS_MIN: Final = 16
SILENCE_NS: Final = NS_PER_S  # as the search's
_NEVER_NS: Final = 1 << 63


class Hold(NamedTuple):
    """When the load was held, on the probe's clock, and whether the buffer was seen full."""

    from_ns: int
    until_ns: int
    full: bool


class _Stage(Enum):
    SEARCH = auto()
    AHEAD = auto()  # the search decides yet, and the sender has been told to fill
    FILL = auto()
    HOLD = auto()


class SearchThenHold:
    """A `LoadMachine`: a search, and `hold_ns` of a standing queue after it."""

    def __init__(
        self, search: CapacitySearch, *, hold_ns: Callable[[int], int], base_rtt_us: int
    ) -> None:
        """Make one; `hold_ns` says for how long a line is held that carries so many bit/s."""
        self.ended: Ended | None = None
        self.detail = ""
        self.carried_bps: int | None = None
        """What the line carries, from when on the buffer is filled."""
        self.hold: Hold | None = None
        self._search = search
        self._hold_ns = hold_ns
        self._rtt_ns = base_rtt_us * NS_PER_US
        self._stage = _Stage.SEARCH
        self._command = search.wanted()
        self._since_ns = self._heard_ns = self._moved_ns = 0
        self._until_ns = _NEVER_NS
        self._full_us = 0
        self._refills = False
        self._seen_ticks: deque[LoadTick] = deque(maxlen=1 + FULL_TICKS)
        self._last: LoadTick | None = None

    def wanted(self) -> LoadRate:
        """Return what the sender is to do now."""
        return self._search.wanted() if self._stage is _Stage.SEARCH else self._command

    def feedback(self, tick: LoadTick, *, now_ns: int) -> None:
        """Take what the receiver has counted."""
        if self.ended is not None:
            return
        if self._searches:
            self._search_on(tick, now_ns)
            return
        last, self._last = self._last, tick
        if last is not None and (tick.tick <= last.tick or tick.highest < last.highest):
            self._last = last
            return
        self._heard_ns = now_ns
        if last is None or tick.packets > last.packets:
            self._moved_ns = now_ns
        if tick.command == self._command.number:
            self._seen(tick, now_ns)

    def advance(self, now_ns: int) -> None:
        """Let time do its work."""
        if self.ended is not None:
            return
        if self._searches:
            self._search.advance(now_ns)
            self._follow(now_ns)
            return
        self._search.spending.advance(now_ns)
        patience_ns = SILENCE_NS + 2 * self._rtt_ns
        if now_ns - self._heard_ns > patience_ns:
            self._end(Ended.TEST_POINT_LOST, "the receiver's reports stopped", now_ns)
        elif now_ns - self._moved_ns > patience_ns:
            self._end(Ended.LINK_LOST, "nothing of the load arrives any more", now_ns)
        elif not self._search.spending.lasts(self._command.rate_bps):
            self._end_held(now_ns)
        elif self._stage is _Stage.FILL and now_ns - self._since_ns >= FILL_NS_MAX + self._rtt_ns:
            self._hold(now_ns, now_ns, full=False)
        elif now_ns >= self._until_ns:
            self._end_held(now_ns)

    @property
    def _searches(self) -> bool:
        return self._stage in {_Stage.SEARCH, _Stage.AHEAD}

    def _search_on(self, tick: LoadTick, now_ns: int) -> None:
        search = self._search
        if self._stage is _Stage.AHEAD and tick.command >= self._command.number:
            search.again(after=self._command.number)
            self._stage = _Stage.SEARCH
        search.feedback(tick, now_ns=now_ns)
        self._last = tick
        self._follow(now_ns)

    def _follow(self, now_ns: int) -> None:
        """Go on where the search has ended, or is about to."""
        search = self._search
        if search.ended is None:
            self._look_ahead(now_ns)
            return
        carried_bps = search.carried_bps
        if search.ended is not Ended.DECIDED or carried_bps is None:
            self._end(search.ended, search.detail, now_ns)
            return
        self._heard_ns = self._moved_ns = now_ns
        if self._stage is _Stage.AHEAD or self._fill(carried_bps, now_ns):
            self._stage, self.carried_bps = _Stage.FILL, carried_bps
        else:
            self._end(search.ended, search.detail, now_ns)

    def _look_ahead(self, now_ns: int) -> None:
        """Tell the sender to fill when what is on its way will decide the search."""
        search, received_bps = self._search, self._search.received_bps
        if self._stage is _Stage.AHEAD or self._rtt_ns < LONG_RTT_US * NS_PER_US:
            return
        if received_bps is None or not search.surely_in(self._rtt_ns // NS_PER_US):
            return
        if not search.spending.lasts(received_bps * FILL_FACTOR, for_ns=2 * self._rtt_ns):
            return  # else the octets for the decision itself might be used up
        if self._fill(received_bps, now_ns):
            search.stand_by()
            self._stage = _Stage.AHEAD

    def _fill(self, carried_bps: int, now_ns: int) -> bool:
        self._command, self._since_ns = self._search.wanted(), now_ns
        return self._order(carried_bps * FILL_FACTOR)

    def _seen(self, tick: LoadTick, now_ns: int) -> None:
        """Look for loss that only a full buffer explains; once full, for a queue that is not."""
        if self._stage is _Stage.HOLD:
            self._keep_full(tick, now_ns)
            return
        self._seen_ticks.append(tick)
        base = self._seen_ticks[0]
        sent = tick.highest - base.highest
        lost = sent - (tick.packets - base.packets)
        usual = sent * self._search.loss_ppm // PPM
        if sent >= FULL_PACKETS_MIN and (lost - usual) * FULL_LOSS_SHARE > sent:
            self._full_us = tick.delay_us
            since_ns = max(tick.delay_us, 0) * NS_PER_US * FULL_SINCE_PERCENT // 100
            self._hold(max(now_ns - since_ns, self._since_ns), now_ns, full=True)

    def _hold(self, from_ns: int, now_ns: int, *, full: bool) -> None:
        self._stage = _Stage.HOLD
        carried_bps = self.carried_bps or 0
        filling_ns = now_ns - from_ns  # half of the stream's packets were dropped meanwhile
        self._until_ns = from_ns + self._hold_ns(carried_bps) + filling_ns // FILL_FACTOR
        self.hold = Hold(from_ns, now_ns, full)
        self._offer_or_end(carried_bps * (PPM + OVER_PPM) // PPM, now_ns)

    def _keep_full(self, tick: LoadTick, now_ns: int) -> None:
        drained = tick.delay_us * 100 < self._full_us * DRAINED_PERCENT
        if drained is self._refills:
            return
        self._refills = drained
        carried_bps = self.carried_bps or 0
        over_bps = carried_bps * (PPM + OVER_PPM) // PPM
        self._offer_or_end(carried_bps * FILL_FACTOR if drained else over_bps, now_ns)

    def _offer_or_end(self, reaching_bps: int, now_ns: int) -> None:
        if not self._order(reaching_bps):
            self._end_held(now_ns)

    def _order(self, reaching_bps: int) -> bool:
        """Have so much reach the bottleneck; False where the octets don't last."""
        search = self._search
        rate_bps = reaching_bps * PPM // (PPM - search.loss_ppm)
        rate_bps = min(rate_bps, search.rate_max_bps)
        packets = search.spending.packets_left()
        if not packets or not search.spending.lasts(rate_bps):
            return False
        search.spending.order_rate(rate_bps)
        self._command = LoadRate(
            number=self._command.number + 1,
            rate_bps=rate_bps,
            train_packets=min(packets, LOAD_TRAIN_PACKETS_MAX),
        )
        return True

    def _end_held(self, now_ns: int) -> None:
        self._end(Ended.DECIDED, self._search.detail, now_ns)

    def _end(self, ended: Ended, detail: str, now_ns: int) -> None:
        self.ended, self.detail = ended, detail
        if self.hold is not None:
            self.hold = self.hold._replace(until_ns=now_ns)
        self._command = LoadRate(number=self._command.number + 1, rate_bps=0, train_packets=0)
