"""Offers a little more than the line carries, until its rate is known.

Theory of operation. While a queue stands in front of the bottleneck, what is received *is* the
capacity, whatever is offered. So the art is to keep a small queue standing: long enough to ride out
random loss and delay variation, short enough not to overflow the buffer. What is offered is

    o = C x (1 + e) / (1 - p)       C  received while congested, over all of that time
                                    p  random loss: what is lost without congestion
                                    e  (wanted queue - queue seen) / filling time, within limits

and everything is judged by *looks*: what the receiver saw under the newest command alone, so that
no decision is taken twice on one effect, however long the round trip. A look says one of

    CONGESTED   a queue stands (the least delay of the look is above what varies by itself), or
                grew (received over longer than sent), or more was lost than p explains
    OPEN        none of that: the line carries more. Twice running, and the offer goes up

                  OPEN, OPEN: up 1.08, 1.2, 1.5, 2 ...
                 .----------------.
                 v                |         rate known, or a limit reached
    estimate -> LOOK -----------> + ----------------------------------------> decided
                 ^                |
                 '----------------'
                  CONGESTED: C known, o follows

Short buffers. They overflow before any queue can be seen, so loss above p counts as congestion;
each time the margin e is halved, down to 0.3 %: then at most 0.3 % is lost by our own doing, which
is within the 0.5 points of the loss criterion (`omega_core.capacity`), and the sub-interval stays
eligible.

Delay variation. Where delays vary by J without any queue, a level of delay says nothing before it
differs by more than J can explain, and where packets overtake each other the missing ones may be
late. So looks get longer, the wanted queue deeper and the offer higher with J, which is the
greatest bend in the delays of three reports running: a queue that fills evenly has none. Delays of
one command are compared with each other only: after a pause, or at another packet rate, the same
variation shows another level.

Random loss that idle packets did not show looks like an overflow at first. The answer to an
overflow, to offer less, tells them apart: the received rate stays if the queue was full, and falls
with the offer if it was not. Then the loss seen is p.

A sender that pauses sends less than it is told, and what it lets wait looks like a queue. A look in
which it sent clearly less and all of that came through says nothing of the line.

A line that changes its rate (a token bucket runs dry) is seen as a look that differs from C; what
was known of it is dropped, and the new rate has to be shown for as long as the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import isqrt
from typing import Final

from omega_core.capacity import Count, Found, IdleLoss, NotEligible, Span
from omega_core.load import LoadTick
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_MS, US_PER_S

LOOK_US: Final = 90 * US_PER_MS  # two feedbacks, less what packets of a slow line are apart
LOOK_OPEN_US: Final = 150 * US_PER_MS  # a queue needs time to show; 3 % over grows 4.5 ms by then
LOOK_JITTERS: Final = 4  # times the delay variation: the edges of a look are two packets
LOOK_OPEN_US_MAX: Final = 400 * US_PER_MS  # then a higher offer shows more than a longer look
LOOK_PACKETS_MIN: Final = 16
FIRST_MARGIN_PPM: Final = 30_000  # over the trains' estimate, which is a few percent wrong itself
FIRST_PACKETS: Final = 2  # by so many the queue grows in the first look: one may be chance
MARGIN_PPM_MAX: Final = 20_000
MARGIN_JITTER_PPM: Final = 50_000  # where delays vary: a queue of their size within a second
MARGIN_PPM_MIN: Final = 3_000  # see "Short buffers"
DRAIN_PPM_MAX: Final = 20_000  # downwards: a deep queue may stay, it only must not grow
QUEUE_US: Final = 10 * US_PER_MS  # wanted: the pause of a busy sender, and some lost packets
QUEUE_SEEN_US: Final = 1_500  # least delay that two hosts' timestamps could not make
QUEUE_SURE_US: Final = 60 * US_PER_MS  # no variation of delay by itself is that large: a queue
FILL_US_MIN: Final = 500 * US_PER_MS
FILL_ROUND_TRIPS: Final = 2  # the loop's delay must be shorter than its filling time
UP_PERCENT: Final = (108, 120, 150, 200, 300)
NEW_RATE_PPM: Final = 25_000  # a look that differs from C by more is another rate
SAME_OFFER_PPM: Final = 2_000  # no new command for less
RENEW_US: Final = 400 * US_PER_MS  # a look does not grow beyond this: the state now, not once
JITTER_TICKS: Final = 20  # over which the greatest step of the delay is taken for its variation
JITTER_SAMPLES: Final = 4  # fewer steps don't bound the next one
JITTER_US_MIN: Final = 1_500  # what two busy hosts' timestamps vary by is none
JITTER_QUEUE_PERCENT: Final = 150  # a queue of so many variations can't be one of them
LOSS_PPM_MAX: Final = 100_000  # no line that loses more at random carries anything
HELD_PERCENT: Final = 90  # of the time asked for; reports don't come at its edges
LONG_HOLDS: Final = 2  # after so long a line that varies is not waited for to vary less
AHEAD_SHARE: Final = 3  # of the hold: less seen is no ground for what comes
AHEAD_US: Final = 100 * US_PER_MS  # two feedbacks: the answer is not cut short by a late one
HOPELESS_HOLDS: Final = 2  # so long a rate is looked at before it is said never to be eligible
SENDER_SLOW_PPM: Final = 950_000
BRIDGED_PPM: Final = 10_000  # received differs from sent by more: a queue has given or taken it
STARVED_PPM: Final = 970_000  # of what was offered: pauses of a busy sender, not its rounding


class Look(Enum):
    """What a look says."""

    CONGESTED = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """When the answer is known: RFC 9097's dt, how long it must hold, how sure it must be."""

    sub_interval_us: int
    hold_us: int
    error_ppm_max: int


class Plateau:
    """Follows one line. Times are the receiver's; `offer_bps` is what to offer now."""

    def __init__(
        self,
        *,
        estimate_bps: int,
        rate_max_bps: int,
        base_rtt_us: int,
        ip_octets: int,
        idle: IdleLoss,
        goal: Goal,
    ) -> None:
        self._rate_max_bps = rate_max_bps
        self._ip_octets = ip_octets
        self._idle = idle
        self._goal = goal
        self._fill_us = max(FILL_US_MIN, FILL_ROUND_TRIPS * (base_rtt_us + LOOK_US))
        self.loss_ppm = min(idle.loss_ppm or 0, LOSS_PPM_MAX)
        self._margin_ppm = MARGIN_PPM_MAX
        self._empty_us: int | None = None
        self._excess_ppm = self._first_margin_ppm(estimate_bps)
        self._queue_us = QUEUE_US
        self._overflown = False
        self._before: _Before | None = None
        self._ups = 0
        self._opens = 0
        self._ticks: list[LoadTick] = []
        self._base: LoadTick | None = None
        self._congested_from: int | None = None
        self._limited_from: int | None = None
        self._delays_us: list[int] = []
        self.sender_slow = False
        self.offer_bps = self._within(estimate_bps, self._excess_ppm)

    def _first_margin_ppm(self, estimate_bps: int) -> int:
        """Return the first excess: on a slow line, where a packet is long, enough to be seen."""
        look_bits = estimate_bps * LOOK_OPEN_US // US_PER_S
        packets_bits = FIRST_PACKETS * self._ip_octets * BITS_PER_OCTET
        return max(FIRST_MARGIN_PPM, packets_bits * PPM // max(look_bits, packets_bits))

    def seen(self, tick: LoadTick, *, number: int) -> bool:
        """Take a report; True when `offer_bps` is a new one. `number` is the newest command's."""
        previous = self._ticks[-1] if self._ticks else None
        if previous is not None and tick.at_us <= previous.at_us:
            return False
        self._ticks.append(tick)
        if tick.command == number and (self._base is None or self._base.command != number):
            self._base = tick  # what the command before lost is known only now
        if previous is None or tick.command != number:
            return False
        if previous.command == tick.command:  # the first report has the queue before as well
            self._delays_us.append(self._unsteady_us())
        return self._look(tick)

    def again(self, rate_max_bps: int) -> None:
        """Forget what was seen, and offer no more than that: the receiver's host had no room."""
        self._rate_max_bps = rate_max_bps
        self.offer_bps = min(self.offer_bps, rate_max_bps)
        self._congested_from = self._limited_from = None
        self._opens = 0

    def known(self) -> Span | None:
        """Return the rate, once it has been congested long enough and is known well enough."""
        start = self._congested_from
        if start is None or self._held_us(start) < self._goal.hold_us:
            return None
        span, _ = self._found(start).maximum()
        long = self._held_us(start) >= LONG_HOLDS * self._goal.hold_us
        if span is None or span.error_ppm > self._goal.error_ppm_max * (1 + long):
            return None
        held_us = self._ticks[start + span.last].at_us - self._ticks[start + span.first].at_us
        return span if held_us >= self._goal.hold_us * HELD_PERCENT // 100 else None

    def surely_in(self, span_us: int) -> bool:
        """Say whether the rate will be known when `span_us` more have been seen as lately."""
        start = self._congested_from
        if start is None or self._overflown or self._jitter_us():
            return False
        held_us, most_us = self._held_us(start), self._goal.hold_us
        if held_us < most_us // AHEAD_SHARE or held_us + span_us < most_us + AHEAD_US:
            return False
        first, last = self._ticks[start], self._ticks[-1]
        sent = last.highest - first.highest
        return self._idle.explains(lost=sent - (last.packets - first.packets), sent=sent)

    def hopeless(self) -> bool:
        """Say whether the line has been congested for long, and no sub-interval is eligible."""
        start = self._congested_from
        if start is None or self._held_us(start) < HOPELESS_HOLDS * self._goal.hold_us:
            return False
        _, reason = self._found(start).maximum()
        return reason is NotEligible.LOSS

    def limited(self) -> bool:
        """Say whether a limit of ours, and not the line, has held the rate for long enough."""
        start = self._limited_from
        return start is not None and self._held_us(start) >= self._goal.hold_us

    def _held_us(self, start: int) -> int:
        return self._ticks[-1].at_us - self._ticks[start].at_us

    def _look(self, tick: LoadTick) -> bool:
        base = self._base or tick
        span_us = tick.at_us - base.at_us
        octets = tick.octets - base.octets
        jitter_us = self._jitter_us()
        if (
            span_us < max(LOOK_US, LOOK_JITTERS * jitter_us)
            or octets < LOOK_PACKETS_MIN * self._ip_octets
        ):
            return False
        rate_bps = octets * BITS_PER_OCTET * US_PER_S // span_us
        if self._is_starved(tick, rate_bps):
            return self._starved(tick, span_us)
        if self._judge(tick, rate_bps, jitter_us) is Look.CONGESTED:
            self._opens = 0
            return self._congested(tick, rate_bps, span_us, jitter_us)
        open_us = _surely_us(jitter_us) * PPM // max(self._excess_ppm, 1)
        if span_us < max(LOOK_OPEN_US, min(open_us, LOOK_OPEN_US_MAX)):
            return False
        return self._open(tick, rate_bps, span_us)

    def _is_starved(self, tick: LoadTick, rate_bps: int) -> bool:
        """Say whether the sender sent clearly less than it was told, and just that came through.

        A host that pauses delays packets as a queue does; what was received is then its rate. Where
        more was received than sent a queue has bridged the pause, and it is the line's.
        """
        sent_bps = self._sent_bps(tick)
        if sent_bps * PPM >= self.offer_bps * STARVED_PPM:
            return False
        less_ppm, more_ppm = self.loss_ppm + BRIDGED_PPM, BRIDGED_PPM
        return sent_bps * (PPM - less_ppm) <= rate_bps * PPM <= sent_bps * (PPM + more_ppm)

    def _starved(self, tick: LoadTick, span_us: int) -> bool:
        self._congested_from, self._opens = None, 0
        self.sender_slow = True
        if self._limited_from is None:
            self._limited_from = self._first_of(tick.command)
        return span_us >= RENEW_US and self._offer(self.offer_bps)

    def _judge(self, tick: LoadTick, rate_bps: int, jitter_us: int) -> Look:
        if self._queue_stands(tick, jitter_us) or self._queue_moves(tick, jitter_us):
            return Look.CONGESTED
        return Look.CONGESTED if self._overflows(tick) else self._judge_rate(tick, rate_bps)

    def _queue_stands(self, tick: LoadTick, jitter_us: int) -> bool:
        floor_us = self._floor_us(tick)
        if self._empty_us is None:
            return floor_us >= QUEUE_SURE_US
        return floor_us - self._empty_us >= _surely_us(jitter_us)

    def _queue_moves(self, tick: LoadTick, jitter_us: int) -> bool:
        """Say whether packets came out clearly slower, or faster, than they were sent.

        Only a queue does either. The report before must agree: one late packet is no queue.
        """
        base, before = self._base or tick, self._ticks[-2]
        if jitter_us and len(self._delays_us) < JITTER_SAMPLES:
            return False
        least_us = _surely_us(jitter_us)
        now_us, before_us = tick.delay_us - base.delay_us, before.delay_us - base.delay_us
        if not (min(now_us, 2 * before_us) >= least_us or max(now_us, 2 * before_us) <= -least_us):
            return False
        floor_us = min(self._floor_us(tick), base.delay_us)
        if now_us > 0 and (self._empty_us is None or floor_us < self._empty_us):
            self._empty_us = max(floor_us, 0)
        return True

    def _judge_rate(self, tick: LoadTick, rate_bps: int) -> Look:
        """A short buffer shows neither queue nor, at our margin, much loss: trust what is known."""
        known_bps = self.received_bps()
        if not self._overflown or known_bps is None:
            return Look.OPEN
        enough = self.offer_bps * (PPM - self.loss_ppm) >= known_bps * PPM
        return Look.CONGESTED if enough and self._same(rate_bps, known_bps, tick) else Look.OPEN

    def _congested(self, tick: LoadTick, rate_bps: int, span_us: int, jitter_us: int) -> bool:
        self._limited_from = None
        known_bps = self.received_bps()
        if known_bps is None or not self._same(rate_bps, known_bps, tick):
            self._congested_from = self._first_of(tick.command)
            self._ups, self._before = 0, None
            known_bps = rate_bps
        floor_us = self._floor_us(tick) - (self._empty_us or 0)
        if self._overflows(tick) and self._learns_loss(tick, rate_bps):
            return self._offer(max(self.offer_bps, rate_bps * 102 // 100))
        wanted_us, most_ppm = self._queue_us, self._margin_ppm
        if jitter_us and not self._overflown:
            wanted_us += _surely_us(jitter_us)
            most_ppm = MARGIN_JITTER_PPM
        excess_ppm = (wanted_us - floor_us) * PPM // self._fill_us
        excess_ppm = max(min(excess_ppm, most_ppm), -DRAIN_PPM_MAX)
        self._excess_ppm = max(excess_ppm, 0)
        wanted_bps = self._within(known_bps, excess_ppm)
        if abs(wanted_bps - self.offer_bps) * PPM < SAME_OFFER_PPM * self.offer_bps:
            return span_us >= RENEW_US and self._offer(wanted_bps)
        return self._offer(wanted_bps)

    def _learns_loss(self, tick: LoadTick, rate_bps: int) -> bool:
        """Narrow the margin for an overflow; True if it was random loss after all."""
        sent, lost = self._sent_lost(tick)
        before, self._before = self._before, _Before(self.offer_bps, rate_bps)
        if before is not None and self.offer_bps * PPM < before.offer_bps * (PPM - SAME_OFFER_PPM):
            fell_ppm = (before.rate_bps - rate_bps) * PPM // before.rate_bps
            less_ppm = (before.offer_bps - self.offer_bps) * PPM // before.offer_bps
            if fell_ppm * 2 > less_ppm and not self._queue_stands(tick, 0):
                loss_ppm = lost * PPM // sent
                self._before = None
                if loss_ppm <= LOSS_PPM_MAX:
                    self.loss_ppm = loss_ppm
                    return True
        self._overflown = True
        self._margin_ppm = max(self._margin_ppm // 2, MARGIN_PPM_MIN)
        self._queue_us = min(self._queue_us, max(tick.delay_us_max, 0) // 2)
        return False

    def _open(self, tick: LoadTick, rate_bps: int, span_us: int) -> bool:
        self._opens += 1
        self._empty_us = min(self._floor_us(tick), self._empty_us or self._floor_us(tick))
        sent_bps = self._sent_bps(tick) * (span_us + self._jitter_us()) // span_us
        self.sender_slow = sent_bps * PPM < self.offer_bps * SENDER_SLOW_PPM
        if not self.sender_slow and self.offer_bps < self._rate_max_bps:
            self._limited_from = None
        elif self._limited_from is None:
            self._limited_from = self._first_of(tick.command)
        if self._opens < 2 and self._congested_from is not None:
            return self._offer(self._within(rate_bps, MARGIN_PPM_MAX))
        self._congested_from = None
        if self.sender_slow:
            return span_us >= RENEW_US and self._offer(self.offer_bps)
        if self._ups == 0 and self._jitter_us():
            self._ups = 1  # the smallest step would not show
        factor = UP_PERCENT[min(self._ups, len(UP_PERCENT) - 1)]
        self._excess_ppm = (factor - 100) * PPM // 100
        self._ups += 1
        self._opens = 0
        higher_bps = min(self.offer_bps * factor // 100, self._rate_max_bps)
        return higher_bps > self.offer_bps and self._offer(higher_bps)

    def _offer(self, rate_bps: int) -> bool:
        self.offer_bps = rate_bps
        return True

    def _within(self, carried_bps: int, excess_ppm: int) -> int:
        """Return what to offer for so much to reach the bottleneck, within the grant."""
        offer_bps = carried_bps * (PPM + excess_ppm) // (PPM - self.loss_ppm)
        return max(min(offer_bps, self._rate_max_bps), 1)

    def received_bps(self) -> int | None:
        """Return C so far: received since the line has been congested without a break."""
        if self._congested_from is None:
            return None
        start, end = self._ticks[self._congested_from], self._ticks[-1]
        span_us = end.at_us - start.at_us
        if span_us <= 0:
            return None
        return (end.octets - start.octets) * BITS_PER_OCTET * US_PER_S // span_us

    def _same(self, rate_bps: int, known_bps: int, tick: LoadTick) -> bool:
        """Say whether a look agrees with C, allowing for the variation of its two edges."""
        span_us = max(tick.at_us - (self._base or tick).at_us, 1)
        allowed_ppm = NEW_RATE_PPM + self._jitter_us() * PPM // span_us
        return abs(rate_bps - known_bps) * PPM <= allowed_ppm * known_bps

    def _first_of(self, command: int) -> int:
        for index, tick in enumerate(self._ticks):
            if tick.command == command:
                return index
        return len(self._ticks) - 1

    def _overflows(self, tick: LoadTick) -> bool:
        """Say whether more was lost than p and chance explain.

        Where packets overtake each other some of the missing ones are only late: not more than are
        sent while the delay varies, and the report before must agree.
        """
        sent, lost = self._sent_lost(tick)
        usual = sent * (self.loss_ppm + MARGIN_PPM_MIN) // PPM
        if tick.reordered:
            packet_bits = self._ip_octets * BITS_PER_OCTET
            usual += self._sent_bps(tick) * self._jitter_us() // (packet_bits * US_PER_S)
            lost = min(lost, 2 * self._sent_lost(self._ticks[-2])[1])
        return lost > usual + 4 * isqrt(usual + 1)

    def _sent_lost(self, tick: LoadTick) -> tuple[int, int]:
        base = self._base or tick
        sent = max(tick.highest - base.highest, 1)
        return sent, max(sent - (tick.packets - base.packets), 0)

    def _sent_bps(self, tick: LoadTick) -> int:
        """Return at which rate the sender has really sent, by its own clock."""
        base = self._base or tick
        span_us = tick.command_sent_us - base.command_sent_us
        if span_us <= 0:
            return self.offer_bps
        sent, _ = self._sent_lost(tick)
        return sent * self._ip_octets * BITS_PER_OCTET * US_PER_S // span_us

    def _floor_us(self, tick: LoadTick) -> int:
        """Return the least delay a report of this look has shown."""
        recent = [each.delay_us for each in self._ticks[-4:] if each.command == tick.command]
        return min(recent)

    def _unsteady_us(self) -> int:
        """Return by how much delays vary within and between the last reports.

        Between three of one command it is half the second difference: a queue that fills or drains
        evenly has none.
        """
        tick, before = self._ticks[-1], self._ticks[-2]
        within_us = tick.delay_us_max - tick.delay_us
        if len(self._ticks) < 3 or self._ticks[-3].command != tick.command:
            return within_us
        bend_us = abs(tick.delay_us - 2 * before.delay_us + self._ticks[-3].delay_us) // 2
        return max(within_us, bend_us)

    def _jitter_us(self) -> int:
        """Return how far delays vary by themselves: the greatest of some reports."""
        most_us = max(self._delays_us[-JITTER_TICKS:], default=0)
        return most_us if most_us >= JITTER_US_MIN else 0

    def _found(self, start: int) -> Found:
        counts = [
            Count(each.at_us, each.octets, each.packets, each.highest, each.delay_us_max)
            for each in self._ticks[start:]
        ]
        return Found(counts, dt_us=self._goal.sub_interval_us, idle=self._idle)


def _surely_us(jitter_us: int) -> int:
    """Return the change of a delay that is no variation, and no clock's either."""
    return QUEUE_SEEN_US + jitter_us * JITTER_QUEUE_PERCENT // 100


@dataclass(frozen=True, slots=True)
class _Before:
    """The look that showed the last overflow."""

    offer_bps: int
    rate_bps: int
