"""The machine that finds a line's IP-layer capacity in seconds (RFC 9097), without socket or clock.

Theory of operation. RFC 9097's own search climbs through a table of rates for ten seconds. This one
asks two questions. *How fast, roughly?* is answered by short trains of packets, one or two where
something is known, four where nothing is. *How fast exactly?* is answered by offering a little more
than that, until a sub-interval of dt has been received under a standing queue and its rate is known
well enough. Then it ends: nothing is gained by ten seconds that two have shown.

          a train came out longer          known well enough: DECIDED
          than it went in                  no octets left:    BUDGET
    TRAINS ---------------------> PLATEAU  no time left:      COMPLETED
     |   ^                         |   ^   no reports, or
     '---' faster by 8             '---'   none that can be:  TEST_POINT_LOST
                                 a little  nothing arrives:   LINK_LOST
                                 up, down

The driver calls `feedback` with every report, `advance` every 10 ms or so, and has the sender do
what `wanted` says: at once when it is a new command, and again with every feedback interval, since
commands can be lost. Old, repeated and impossible reports are passed over: what they would do to
the search is decided here, what the sender may send is not theirs to decide (`capacity_spending`).

A clock of the sender's and one of the receiver's are read, and only their differences are used; a
command's effect is recognised by its number, so no delay has to be known for that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from omega_core.capacity import IdleLoss
from omega_core.evidence import Ended
from omega_core.limits import LOAD_TRAIN_PACKETS_MAX
from omega_core.load import LoadRate, LoadTick
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US, US_PER_MS, US_PER_S
from omega_probe.capacity_plateau import Goal, Plateau
from omega_probe.capacity_receiver import ReceiverRoom
from omega_probe.capacity_spending import Spending
from omega_probe.capacity_trains import TrainSearch

FULL: Final = Goal(sub_interval_us=US_PER_S, hold_us=1_500 * US_PER_MS, error_ppm_max=2_500)
"""dt as in RFC 9097, held half as long again, so that a burst of a second is not the last word."""
HELD: Final = Goal(sub_interval_us=US_PER_S, hold_us=1_050 * US_PER_MS, error_ppm_max=2_500)
"""The same where the load is held afterwards: then that shows what lasts."""
QUICK: Final = Goal(sub_interval_us=500 * US_PER_MS, hold_us=550 * US_PER_MS, error_ppm_max=12_000)
"""Ten feedbacks: 5 % is asked for, and a 12 ms delay variation still gives 1 %."""

SILENCE_NS: Final = NS_PER_S  # RFC 9097's feedback timeout
IMPOSSIBLE_MAX: Final = 5  # reports that can't be: one may be damaged, five are made up
TRAIN_WAIT_NS: Final = 300 * NS_PER_MS  # beyond round trip and sending: a queue, a lost command

PACKETS_PER_S: Final = 80  # one each 12 ms: below it a look would take too long
IP_OCTETS_MIN: Final = 200  # below it headers of lower layers (ATM cells, PPP) would be measured


def packet_ip_octets(rate_bps: int | None, mtu: int) -> int:
    """Return the packet size for a line of about that rate; a multiple of 4, as both headers are.

    As large as the MTU lets them be from 1 Mbit/s on, and where nothing is known: each packet costs
    the layers below IP some octets, so on a line that is shaped there smaller ones would show less
    than it carries (RFC 9097 asks for the largest). A slower line gets `PACKETS_PER_S`.
    """
    wanted = mtu if rate_bps is None else rate_bps // BITS_PER_OCTET // PACKETS_PER_S
    return min(max(wanted, IP_OCTETS_MIN), mtu) // 4 * 4


class CapacitySearch:
    """One run in one direction; see the module for what the driver does."""

    def __init__(
        self,
        *,
        start_bps: int | None,
        rate_max_bps: int,
        octets_max: int,
        duration_ns: int,
        base_rtt_us: int,
        idle_loss_ppm: int | None,
        ip_octets: int,
        quick: bool,
        now_ns: int,
        idle_packets: int | None = None,
        held: bool = False,
    ) -> None:
        self.ended: Ended | None = None
        self.detail = ""
        self._goal = QUICK if quick else HELD if held else FULL
        self._idle = IdleLoss(loss_ppm=idle_loss_ppm, packets=idle_packets)
        self._room = ReceiverRoom(rate_max_bps)
        self._base_rtt_us = base_rtt_us
        self._ip_octets = ip_octets
        self._ends_ns = now_ns + duration_ns
        self.spending = Spending(
            octets_max=octets_max, ip_octets=ip_octets, base_rtt_us=base_rtt_us, now_ns=now_ns
        )
        self._trains = TrainSearch(
            start_bps=start_bps,
            rate_max_bps=rate_max_bps,
            base_rtt_us=base_rtt_us,
            ip_octets=ip_octets,
        )
        self._plateau: Plateau | None = None
        self._stands_by = False
        self._last: LoadTick | None = None
        self._impossible = 0
        self._trains_sent = 0
        self._command = LoadRate(number=0, rate_bps=0, train_packets=0)
        self._commanded_ns = self._heard_ns = self._moved_ns = self._now_ns = now_ns
        self._order_train()

    @property
    def sub_interval_us(self) -> int:
        """RFC 9097's dt of this run."""
        return self._goal.sub_interval_us

    @property
    def rate_max_bps(self) -> int:
        """The most that may be offered: by the grant, and by what the receiver takes in."""
        return self._room.rate_bps_max

    @property
    def carried_bps(self) -> int | None:
        """What the line carries, as far as the search has found it."""
        span = self._plateau.known() if self._plateau else None
        return span.rate_bps if span else None

    @property
    def received_bps(self) -> int | None:
        """What has been received while the line was congested: C, not yet for long enough."""
        return self._plateau.received_bps() if self._plateau else None

    @property
    def loss_ppm(self) -> int:
        """What the line loses without being overloaded."""
        return self._plateau.loss_ppm if self._plateau else 0

    def wanted(self) -> LoadRate:
        """Return what the sender is to do now."""
        return self._command

    def feedback(self, tick: LoadTick, *, now_ns: int) -> None:
        """Take a report of the receiver."""
        self.advance(now_ns)
        last = self._last
        if self.ended is not None or (last is not None and tick.tick <= last.tick):
            return
        if not self._possible(tick):
            self._impossible += 1
            if self._impossible >= IMPOSSIBLE_MAX:
                self._end(Ended.TEST_POINT_LOST, "the receiver reports counts that can't be")
            return
        self._heard_ns = self._now_ns
        moved = tick.packets > (last.packets if last else 0)
        if moved:
            self._moved_ns = self._now_ns
        self._last = tick
        overrun = self._room.overrun(tick, self._command, in_train=self._plateau is None)
        if self._plateau is None:
            self._train_seen(tick, still=not moved, overrun=overrun)
        elif overrun:
            self._plateau.again(self.rate_max_bps)
            if not self._stands_by:
                self._order_rate(self._plateau.offer_bps)
        else:
            self._plateau_seen(self._plateau, tick)

    def advance(self, now_ns: int) -> None:
        """Let time pass: silence, the end of time and of octets are noticed here."""
        if self.ended is not None or now_ns <= self._now_ns:
            return
        self._now_ns = now_ns
        self.spending.advance(now_ns)
        patience_ns = SILENCE_NS + 2 * self._base_rtt_us * NS_PER_US
        if now_ns >= self._ends_ns:
            self._end(Ended.COMPLETED, "time was up before the rate was known")
        elif now_ns - self._heard_ns > patience_ns:
            self._end(Ended.TEST_POINT_LOST, "the receiver's reports stopped")
        elif now_ns - self._moved_ns > patience_ns + self._train_ns():
            self._end(Ended.LINK_LOST, "nothing of the load arrives any more")
        elif self._plateau is not None:
            if not self.spending.lasts(self._command.rate_bps):
                self._end(Ended.BUDGET, "the octets of the grant were used up")
        elif now_ns - self._commanded_ns > self._train_ns() + TRAIN_WAIT_NS + patience_ns // 2:
            self._trains.not_seen()
            self._next()

    def surely_in(self, span_us: int) -> bool:
        """Say whether the search will be decided by what it sees in the next `span_us`."""
        return self._plateau is not None and self._plateau.surely_in(span_us)

    def stand_by(self) -> None:
        """Order nothing more: something else is being sent, and what is on its way decides."""
        self._stands_by = True

    def again(self, after: int) -> None:
        """Go on where that did not decide it; `after` is the number of what else was sent."""
        plateau = self._plateau
        received_bps = plateau.received_bps() if plateau else None
        self._stands_by = False
        self._command = replace(self._command, number=after)
        if received_bps is not None:
            self._begin_plateau(received_bps)
        elif plateau is not None:
            self._order_rate(plateau.offer_bps)

    def _possible(self, tick: LoadTick) -> bool:
        last = self._last
        backwards = last is not None and (
            tick.at_us < last.at_us
            or tick.packets < last.packets
            or tick.octets < last.octets
            or tick.highest < last.highest
            or tick.command < last.command
        )
        return not (
            backwards
            or tick.packets > tick.highest
            or tick.octets != tick.packets * self._ip_octets
            or tick.command > self._command.number
            or not 0 <= tick.command_octets <= tick.octets
            or not 0 <= tick.command_first_us <= tick.at_us
            or tick.delay_us < 0
            or tick.command_sent_us < 0
        )

    def _train_seen(self, tick: LoadTick, *, still: bool, overrun: bool) -> None:
        if tick.command != self._command.number:
            return
        complete = tick.highest >= self._trains_sent or still
        if self._trains.seen(tick, complete=complete, overrun=overrun):
            self._next()

    def _plateau_seen(self, plateau: Plateau, tick: LoadTick) -> None:
        if plateau.seen(tick, number=self._command.number) and not self._stands_by:
            self._order_rate(plateau.offer_bps)
        if self.ended is not None:
            return
        if plateau.known() is not None:
            self._end(Ended.DECIDED, "a sub-interval under a standing queue was seen")
        elif plateau.hopeless():
            self._end(
                Ended.DECIDED, "every sub-interval loses more than the idle line and 0.5 points"
            )
        elif plateau.limited():
            limit = "the sender's host" if plateau.sender_slow else "the grant"
            more = f"{limit} lets be sent"
            if self._room.slow and not plateau.sender_slow:
                more = "the receiver's host takes in"
            self._end(Ended.DECIDED, f"the line carries more than {more}")

    def _next(self) -> None:
        """Send the next train, or go on to the plateau."""
        estimate_bps = self._trains.estimate_bps
        if estimate_bps is None:
            self._order_train()
            return
        self._begin_plateau(estimate_bps)

    def _begin_plateau(self, estimate_bps: int) -> None:
        self._plateau = Plateau(
            estimate_bps=estimate_bps,
            rate_max_bps=self.rate_max_bps,
            base_rtt_us=self._base_rtt_us,
            ip_octets=self._ip_octets,
            idle=self._idle,
            goal=self._goal,
        )
        self._order_rate(self._plateau.offer_bps)

    def _order_train(self) -> None:
        packets = self._trains.packets
        if packets >= self.spending.packets_left():
            self._end(Ended.BUDGET, "the grant has too few octets for a first look at the line")
            return
        self.spending.order_train(packets)
        self._trains_sent += packets
        self._order(self._trains.rate_bps, packets)

    def _order_rate(self, rate_bps: int) -> None:
        packets = self.spending.packets_left()
        if not packets or not self.spending.lasts(rate_bps):
            self._end(Ended.BUDGET, "the octets of the grant were used up")
            return
        self.spending.order_rate(rate_bps)
        self._order(rate_bps, packets)

    def _order(self, rate_bps: int, packets: int) -> None:
        self._command = LoadRate(
            number=self._command.number + 1,
            rate_bps=rate_bps,
            train_packets=min(packets, LOAD_TRAIN_PACKETS_MAX),
        )
        self._commanded_ns = self._now_ns

    def _end(self, ended: Ended, detail: str) -> None:
        self.ended, self.detail = ended, detail
        self._order(0, 0)

    def _train_ns(self) -> int:
        return self._trains.duration_us * NS_PER_US
