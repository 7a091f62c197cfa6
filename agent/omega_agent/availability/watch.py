"""The availability watch: the driver between tracker, standing stream and book.

    while running: wake_ns = watch.step(); select([watch, ...], until wake_ns)

No thread of its own: whoever hosts it calls `step` when the socket is readable, or the time has
come. A step takes what has arrived, sends the attempt that is due, and writes to the book where
something began or was over. A disk that does not take it stops no attempt: `trouble` says what the
disk said, and the book is tried again now and then.

The time line. All times of a watch are UTC as it was read once, plus what the kernel's clock that
runs on in sleep has counted since; a step of the wall clock moves nothing and is only told. A watch
that is started again in the same run of the machine goes on by that clock. Over a reboot it begins
again, and the wall clock says how long that took, or nothing where it went back (a device that
wakes in 1970): then the reboot took no time, and `clock_step_us` shows it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omega_agent.availability.book import WatchBook
from omega_agent.availability.client import Answered, SendAgain, StandingClient
from omega_agent.availability.journal import Closing, Moment, Window
from omega_agent.availability.line import Line, UdpLine
from omega_core import limits
from omega_core.availability import Gap, SeenOutage, Unwatched
from omega_core.availability_record import WhyClosed
from omega_core.clock import Clock
from omega_core.errors import StorageError
from omega_core.units import NS_PER_MS, NS_PER_US
from omega_core.wire.standing import is_standing
from omega_probe.availability_tracker import AvailabilityTracker, Standing

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SLEPT_NS = 500 * NS_PER_MS
_DATAGRAMS_AT_ONCE = 64
_ATTEMPTS_KNOWN = 16  # whose answers are still of account: four times the waiting time


class Witness(Protocol):
    """Somebody else beyond the line who can be asked whether packets pass.

    Only what nobody on the customer's side could have said counts as an answer: a box answers for
    others, with a page or with a refusal, exactly when the line behind it is down.
    """

    def ask(self, at_us: int, within_us: int) -> None:
        """Ask, without waiting; one that is asked already is left alone.

        It has answered when it did within this time, has not when nothing came, and nothing is told
        of an answer that came later: packets of it were lost and sent again.
        """
        ...

    def told(self, now_us: int) -> list[tuple[int, bool]]:
        """Return what came of it: when each was asked, and whether it answered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Against what is watched; `client` is None where the server has given no leave."""

    test_point: str
    address: tuple[str, int]
    client: StandingClient | None


class AvailabilityWatch:
    """One watch of one line; see the module."""

    def __init__(
        self,
        place: Place,
        book: WatchBook,
        *,
        clock: Clock,
        rng: random.Random,
        software: str,
        is_on_the_line: bool = False,
        witness: Witness | None = None,
        tell: Callable[[SeenOutage], None] = lambda _: None,
        open_line: Callable[[tuple[str, int]], Line] = UdpLine,
        boot_id: Callable[[], str] = lambda: _BOOT_ID.read_text(encoding="ascii").strip(),
    ) -> None:
        """Go on where the book ends; raises StorageError where a first window can't be begun.

        `is_on_the_line`: this host is the CPE itself, so that it has no route means that the line
        is down. `tell` is called with each outage that is over and was one for sure.
        """
        self.trouble: StorageError | None = None
        self._place = place
        self._book = book
        self._clock = clock
        self._software = software
        self._is_on_the_line = is_on_the_line
        self._witness = witness
        self._tell = tell
        self._rng = rng
        self._boot_id = boot_id()
        self._open_line = open_line
        self._line = open_line(place.address)
        self._number = 0
        self._sent_us: dict[int, int] = {}
        self._kept_us = self._tried_us = 0
        self._witness_due_us = self._witness_pause_us = 0
        self._has_news = False
        """An outage is over that no closed window tells."""
        self._reported_us = -limits.WATCH_REPORT_EVERY_US
        self._tracker = self._resumed()
        self._answered_us = self._now_us()
        self._move_to(place.test_point)
        self._known = self._tracker.standing
        self._due_us = self._now_us()

    def use(self, place: Place) -> None:
        """Watch against this from now on; another test point begins another window.

        Where nothing has been answered for long it is seen whether this host has another address by
        now. Raises StorageError where a new window can't be written; then all is as before.
        """
        self._move_to(place.test_point)
        is_silent = self.silent_us >= limits.WATCH_TURN_US
        goes_elsewhere = place.address != self._place.address
        if goes_elsewhere or (is_silent and self._line.leads_elsewhere()):
            self._close_line()
        if goes_elsewhere:
            self._line = self._open_line(place.address)
        before = self._place.client
        if place.client is not None and before is not None and place.client is not before:
            place.client.take_over(before)
        self._place = place

    @property
    def silent_us(self) -> int:
        """For how long nothing has been answered."""
        return self._now_us() - self._answered_us

    def fileno(self) -> int:
        """Return the descriptor to wait on, -1 while there is no socket."""
        return self._line.fileno()

    def step(self) -> int:
        """Do what is due; return the monotonic nanoseconds at which to call again at the latest."""
        now_us = self._now_us()
        self._look_for_sleep(now_us)
        self._take_arrivals()
        if now_us >= self._due_us:
            self._attempt(now_us)
            self._due_us = max(self._due_us + limits.WATCH_PERIOD_US, now_us)
        if self._witness is not None:
            for asked_us, answered in self._witness.told(now_us):
                self._tracker.witness(asked_us, answered=answered)
        self._tracker.settle(now_us)
        self._keep(now_us)
        if now_us - self._book.window.started_us >= limits.WATCH_WINDOW_US:
            self._try(lambda: self.close("day"), now_us)
        elif self._book.events >= limits.WATCH_EVENTS_MAX:
            self._try(lambda: self.close("full"), now_us)
        elif self._has_news and now_us - self._reported_us >= limits.WATCH_REPORT_EVERY_US:
            self._try(lambda: self.close("outage"), now_us)
        wait_us = max(0, self._due_us - self._now_us())
        return self._clock.monotonic_ns() + wait_us * NS_PER_US

    def close(self, why: WhyClosed) -> str | None:
        """End the window now; return the digest of its record, which the keeper has then.

        None when nothing has been decided in it yet. Raises StorageError; what is known stays.
        """
        standing = self._tracker.standing
        if standing.reached_us <= self._book.window.started_us:
            return None
        self._note(self._tracker.take_over())
        moment = self._moment()
        closing = Closing(
            ended_us=standing.reached_us,
            closed=why,
            clock_step_us=moment.clock_step_us,
            software=self._software,
        )
        before = self._book.window.seq
        try:
            return self._book.close(standing, moment, closing)
        finally:
            if self._book.window.seq != before:  # also where the keeper has not got it yet
                self._tracker.begin_window()
                self._has_news = False
                if why == "outage":
                    self._reported_us = moment.at_us

    def end(self) -> None:
        """Stop watching: what is decided is in the journal, and the next start goes on there.

        Raises StorageError.
        """
        self._tracker.settle(self._now_us())
        self._note(self._tracker.take_over())
        self._close_line()
        self._book.write(self._tracker.standing, self._moment())

    def _move_to(self, test_point: str) -> None:
        if self._book.window.test_point != test_point:
            self.close("stopped")
            self._book.move_to(test_point)

    def _resumed(self) -> AvailabilityTracker:
        wall_us = self._clock.unix_us()
        if self._book.resumed is None:
            self._anchor(wall_us)
            standing = Standing(reached_us=wall_us)
            first = Window(
                seq=0,
                prev=None,
                test_point=self._place.test_point,
                started_us=wall_us,
                standing=standing,
                at=self._moment(),
            )
            self._book.begin(first)
            return AvailabilityTracker(standing)
        standing, at = self._book.resumed
        same_boot = at.boot_id == self._boot_id
        if same_boot:
            since_us = (self._clock.boottime_ns() - at.boottime_ns) // NS_PER_US
            self._anchor(max(at.at_us + since_us, standing.reached_us))
        else:
            self._anchor(max(wall_us, standing.reached_us))
        tracker = AvailabilityTracker(standing)
        tracker.missed(self._now_us(), Unwatched.STOPPED if same_boot else Unwatched.REBOOTED)
        return tracker

    def _anchor(self, at_us: int) -> None:
        self._base_us = at_us
        self._base_ns = self._slept_from_ns = self._clock.boottime_ns()
        self._awake_from_ns = self._clock.monotonic_ns()

    def _now_us(self) -> int:
        return self._base_us + (self._clock.boottime_ns() - self._base_ns) // NS_PER_US

    def _moment(self) -> Moment:
        now_us, boottime_ns = self._now_us(), self._clock.boottime_ns()
        return Moment(
            boot_id=self._boot_id,
            at_us=now_us,
            boottime_ns=boottime_ns,
            clock_step_us=self._clock.unix_us() - now_us,
        )

    def _look_for_sleep(self, now_us: int) -> None:
        boottime_ns, monotonic_ns = self._clock.boottime_ns(), self._clock.monotonic_ns()
        slept_ns = (boottime_ns - self._slept_from_ns) - (monotonic_ns - self._awake_from_ns)
        self._slept_from_ns, self._awake_from_ns = boottime_ns, monotonic_ns
        if slept_ns > _SLEPT_NS:
            self._tracker.missed(now_us, Unwatched.SUSPENDED)

    def _attempt(self, now_us: int) -> None:
        client, unix_us = self._place.client, self._clock.unix_us()
        if client is None or not client.holds_at(unix_us):
            self._tracker.missed(now_us, Unwatched.NOT_GRANTED)
            return
        self._ask_witness(now_us)
        number, self._number = self._number, self._number + 1
        data = client.attempt(number, unix_us)
        left = self._send(data)
        if not left and not self._is_on_the_line:
            self._tracker.missed(now_us, Unwatched.NO_ROUTE)
            return
        self._tracker.sent(number, now_us, is_hello=is_standing(data))
        self._sent_us[number] = now_us
        self._sent_us.pop(number - _ATTEMPTS_KNOWN, None)

    def _ask_witness(self, now_us: int) -> None:
        """Ask together with an attempt; ever less often while the test point stays silent.

        Pauses are drawn: what is silent for one line is so for thousands, and the server comes back
        for all of them at once.
        """
        if self._witness is None or not self._tracker.suspects(now_us):
            self._witness_due_us = self._witness_pause_us = 0
            return
        if now_us < self._witness_due_us:
            return
        self._witness.ask(now_us, self._tracker.witness_us)
        doubled_us = 2 * max(self._witness_pause_us, limits.WATCH_PERIOD_US // 2)
        self._witness_pause_us = min(doubled_us, limits.WATCH_WITNESS_EVERY_US)
        self._witness_due_us = now_us + int(self._witness_pause_us * (0.5 + self._rng.random()))

    def _send(self, data: bytes) -> bool:
        """Return whether the packet has left this host."""
        left = self._line.send(data)
        if not left:
            self._close_line()
        return left

    def _take_arrivals(self) -> None:
        for _ in range(_DATAGRAMS_AT_ONCE):
            if self._place.client is None:
                return
            datagram = self._line.receive()
            if datagram is None:
                return
            unix_us, now_us = self._clock.unix_us(), self._now_us()
            late_us = 0
            if datagram.received_unix_ns is not None:
                late_us = max(0, unix_us - datagram.received_unix_ns // NS_PER_US)
            match self._place.client.received(datagram.data, unix_us):
                case Answered(number=number, restarted=restarted, stream_was_known=was_known):
                    if restarted and number in self._sent_us:
                        self._tracker.restarted(self._sent_us[number])
                    self._tracker.answered(number, now_us - late_us, stream_was_known=was_known)
                    self._answered_us = now_us
                case SendAgain(data=data):
                    self._send(data)
                case None:
                    continue

    def _keep(self, now_us: int) -> None:
        """Write to the book where something is new, and now and then."""
        over, standing = self._tracker.take_over(), self._tracker.standing
        self._note(over)
        known = self._known
        begun = (standing.run is None, standing.gap is None) != (
            known.run is None,
            known.gap is None,
        )
        due = now_us - self._kept_us >= limits.WATCH_CHECKPOINT_US
        if over or begun or due or self._book.is_behind:
            self._try(lambda: self._write(standing, now_us), now_us)

    def _note(self, over: Sequence[SeenOutage | Gap]) -> None:
        self._book.note(over)
        for each in over:
            if isinstance(each, SeenOutage) and each.is_sure:
                self._has_news = True
                self._tell(each)

    def _write(self, standing: Standing, now_us: int) -> None:
        self._book.write(standing, self._moment())
        self._known, self._kept_us = standing, now_us

    def _try(self, write: Callable[[], object], now_us: int) -> None:
        """Write to the disk; after a refusal not again before some time has passed."""
        if self.trouble is not None and now_us - self._tried_us < limits.WATCH_DISK_AGAIN_US:
            return
        self._tried_us = now_us
        try:
            write()
            self.trouble = None
        except StorageError as error:
            self.trouble = error

    def _close_line(self) -> None:
        """Begin anew with the next packet; it may come from another address or port."""
        if self._place.client is not None:
            self._place.client.forget()
        self._line.close()
