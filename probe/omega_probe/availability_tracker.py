"""The availability tracker: attempts in, outages and gaps out; no socket and no clock.

Theory of operation. Attempts are told as they leave and as they are answered; `settle` decides
those whose waiting time is over, in the order in which they left. Each is then *answered*, *failed*
or *excused*:

    state     answered        failed                    excused (somebody else answered)
    up        up              run begins                gap begins
    run       outage ends     run goes on               outage ends, or was none; gap begins
    gap       gap ends        gap ends, run begins      gap goes on

Excused is a failed attempt beside which a *witness* (the Controller, another reference) answered,
and after which the test point is silent still: then the line carries packets and the test point is
what is silent. Where the next attempt is answered, the line may have come back in the milliseconds
between the attempt and the question. A witness is only asked once
attempts fail, so the first of a run have none; they are excused too when the first witness asked
answers while the test point goes on being silent. Had the line been down and come back, the test
point would answer as well. A witness that was asked in a run and did not answer makes the run an
outage for good. Once a witness has shown that the test point is what is silent, that is believed
until the test point answers, or a witness does not: what fails in between had none.

Attempts are of two kinds: a packet of a stream that is open, and a hello that opens one. While
nothing is answered both are sent in turn, for the test point may know the stream no more (an
address that has changed on the way). What fails then says something of the line only where an
attempt of its kind would have been answered: hellos where one was, in the end; packets of the
stream where one was, or the welcome says so. Of the others none bounds an outage from below.

Time between two attempts that is longer than `LATE_US` was not watched: the machine slept, or was
too busy. A gap ends a run, because nobody knows whether the line came back meanwhile; the outage is
then bounded by the edge of the gap. So is one at the very beginning of looking.

Times are microseconds of a time line that never steps: the driver counts them by the kernel's clock
that runs on in sleep, from the UTC that it read when the watch began.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched, Watched
from omega_core.limits import (
    WATCH_FIRST_TIME_US,
    WATCH_LATE_US,
    WATCH_NEAR_US,
    WATCH_PERIOD_US,
    WATCH_ROUND_TRIPS,
    WATCH_SUSPECT_US,
    WATCH_WAIT_US,
)


@dataclass(slots=True)
class _Waiting:
    number: int
    sent_us: int
    is_hello: bool
    answered: bool = False
    stream_was_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the tracker stands between attempts: what a journal must keep besides what is over.

    `good_us` is the last good attempt or the beginning of looking, None in a gap. `run` is an
    outage that lasts, `gap` a gap that lasts (its `ended_us` is only how far it has come).
    `hello_failed_us` and `stream_failed_us` are the last failed attempts of each kind in the run.
    """

    reached_us: int
    good_us: int | None = None
    run: SeenOutage | None = None
    gap: Gap | None = None
    doomed: bool = False
    hello_failed_us: int | None = None
    stream_failed_us: int | None = None
    attempts: Attempts = field(default_factory=Attempts)


class AvailabilityTracker:
    """One watch of one line. What is over comes out of `take_over`, once, in the order of time."""

    def __init__(self, started: Standing) -> None:
        self._at = started
        self._waiting: deque[_Waiting] = deque()
        self._round_trips_us: deque[int] = deque(maxlen=WATCH_ROUND_TRIPS)
        self._witnesses_us: deque[int] = deque(maxlen=WATCH_ROUND_TRIPS)
        self._misses_us: deque[int] = deque(maxlen=WATCH_ROUND_TRIPS)
        self._restarted_us: int | None = None
        self._over: list[SeenOutage | Gap] = []

    @property
    def standing(self) -> Standing:
        """Where it stands; attempts that still wait are not in it."""
        return self._at

    def suspects(self, now_us: int) -> bool:
        """Whether a witness should be asked: nothing was good since an attempt went unanswered."""
        if any(each.answered for each in self._waiting):
            newest = max(each.number for each in self._waiting if each.answered)
        else:
            newest = -1
            if self._at.run is not None or self._at.gap is not None:
                return True
        overdue_us = now_us - WATCH_PERIOD_US * 9 // 10
        return any(each.number > newest and each.sent_us <= overdue_us for each in self._waiting)

    @property
    def witness_us(self) -> int:
        """Within what a witness must answer for its packets to have passed when it was asked.

        Whatever of its connection was lost is sent again after a second at the earliest (RFC 6298
        section 2), and may pass then because the line is back: that is later than this.
        """
        return WATCH_FIRST_TIME_US + 2 * min(self._round_trips_us, default=0)

    def sent(self, number: int, at_us: int, *, is_hello: bool = False) -> None:
        """An attempt has left. Numbers ascend, times do not go back."""
        self._waiting.append(_Waiting(number, at_us, is_hello))

    def answered(self, number: int, at_us: int, *, stream_was_known: bool = True) -> None:
        """An answer has come; one that nobody waits for any more is of no account.

        `stream_was_known` tells, with the answer to a hello, of the stream before it.
        """
        for each in self._waiting:
            if each.number == number and not each.answered and at_us - each.sent_us < WATCH_WAIT_US:
                each.answered, each.stream_was_known = True, stream_was_known
                self._round_trips_us.append(max(0, at_us - each.sent_us))

    def witness(self, asked_us: int, *, answered: bool) -> None:
        """Somebody beside the test point was asked, and answered within `witness_us` or never.

        An answer in between shows neither that packets passed then, nor that they did not.
        """
        (self._witnesses_us if answered else self._misses_us).append(asked_us)

    def settle(self, now_us: int) -> None:
        """Decide what can be decided by now."""
        while self._waiting:
            first = self._waiting[0]
            if not first.answered and now_us - first.sent_us < WATCH_WAIT_US:
                return
            self._waiting.popleft()
            self._settle(first)

    def missed(self, until_us: int, cause: Unwatched) -> None:
        """Nobody looks since the last attempt that was decided, and did not until this moment.

        Attempts that still wait are lost with it: their answers can't be waited for.
        """
        self._excuse_waiting()
        self._look_away(min(self._at.reached_us, until_us), cause)
        self._reach(until_us)

    def restarted(self, at_us: int) -> None:
        """The test point has said, to the attempt that left then, that it has started anew.

        A run until then says nothing of the line, unless a witness was silent in it too.
        """
        self._restarted_us = at_us

    def begin_window(self) -> None:
        """Count attempts from nothing again; what lasts goes on."""
        self._at = replace(self._at, attempts=Attempts())

    def take_over(self) -> tuple[SeenOutage | Gap, ...]:
        """Return what has come to its end since the last call."""
        over, self._over = tuple(self._over), []
        return over

    def _settle(self, attempt: _Waiting) -> None:
        at_us = attempt.sent_us
        if at_us - self._at.reached_us > WATCH_LATE_US and self._at.gap is None:
            self._look_away(self._at.reached_us, Unwatched.STALLED)
        if attempt.answered:
            self._good(attempt)
        elif self._had_a_witness(at_us) or self._goes_on_silent(at_us):
            self._excused(at_us)
        else:
            self._failed(attempt)

    def _had_a_witness(self, at_us: int) -> bool:
        if not self._waiting or self._waiting[0].answered:
            return False
        return any(abs(each - at_us) <= WATCH_NEAR_US for each in self._witnesses_us)

    def _goes_on_silent(self, at_us: int) -> bool:
        """Whether a silence of the test point that had a witness still stands.

        The witness is asked less and less often while it lasts: a test point that is gone for a day
        would have all who watch it ask the server each second.
        """
        gap = self._at.gap
        was_silent = gap is not None and gap.cause is Unwatched.TEST_POINT_SILENT
        return was_silent and not self._was_missed(at_us)

    def _was_missed(self, at_us: int) -> bool:
        return any(abs(each - at_us) <= WATCH_NEAR_US for each in self._misses_us)

    def _good(self, attempt: _Waiting) -> None:
        at_us = attempt.sent_us
        if self._restarted_us is not None and at_us >= self._restarted_us:
            self._restarted_us = None
            if not self._at.doomed:
                self._excuse_run(Unwatched.TEST_POINT_RESTARTED)
        self._bound_run(attempt)
        self._end_run(at_us)
        self._end_gap(at_us)
        attempts = replace(self._at.attempts, answered=self._at.attempts.answered + 1)
        self._at = replace(self._at, good_us=at_us, reached_us=at_us, attempts=attempts)

    def _failed(self, attempt: _Waiting) -> None:
        at_us = attempt.sent_us
        self._end_gap(at_us)
        run = self._at.run
        if run is None:
            since_us = at_us if self._at.good_us is None else self._at.good_us
            run = SeenOutage(
                since_us=since_us,
                first_failed_us=at_us,
                last_failed_us=at_us,
                until_us=None,
                round_trip_us=max(self._round_trips_us, default=0),
            )
        attempts = replace(self._at.attempts, failed=self._at.attempts.failed + 1)
        hello_us = at_us if attempt.is_hello else self._at.hello_failed_us
        stream_us = self._at.stream_failed_us if attempt.is_hello else at_us
        self._at = replace(
            self._at,
            run=replace(run, last_failed_us=_last_for_now(run, hello_us, stream_us)),
            doomed=self._at.doomed or self._was_missed(at_us),
            hello_failed_us=hello_us,
            stream_failed_us=stream_us,
            reached_us=at_us,
            attempts=attempts,
        )

    def _bound_run(self, ended_by: _Waiting) -> None:
        """Find the last attempt of the run that surely would have been answered by a good line."""
        run, hello_us, stream_us = (
            self._at.run,
            self._at.hello_failed_us,
            self._at.stream_failed_us,
        )
        if run is None:
            return
        if not ended_by.is_hello:
            hello_us = None  # of hellos a test point that is busy drops some
        elif not ended_by.stream_was_known:
            stream_us = None
        known = [each for each in (hello_us, stream_us) if each is not None]
        last_us = max(known, default=run.first_failed_us)
        self._at = replace(self._at, run=replace(run, last_failed_us=last_us))

    def _excused(self, at_us: int) -> None:
        run = self._at.run
        if run is not None:
            if not self._at.doomed and at_us - run.first_failed_us <= WATCH_SUSPECT_US:
                self._excuse_run(Unwatched.TEST_POINT_SILENT)
            else:
                self._end_run(at_us)
        attempts = replace(self._at.attempts, excused=self._at.attempts.excused + 1)
        self._at = replace(self._at, attempts=attempts)
        self._look_away(at_us, Unwatched.TEST_POINT_SILENT)
        self._reach(at_us)

    def _excuse_run(self, cause: Unwatched) -> None:
        """What failed so far was no outage: the time of it was not watched."""
        run = self._at.run
        if run is None:
            return
        self._forget_run()
        self._look_away(run.since_us, cause)

    def _forget_run(self) -> None:
        self._at = replace(
            self._at, run=None, doomed=False, hello_failed_us=None, stream_failed_us=None
        )

    def _excuse_waiting(self) -> None:
        attempts = self._at.attempts
        self._at = replace(
            self._at, attempts=replace(attempts, excused=attempts.excused + len(self._waiting))
        )
        self._waiting.clear()

    def _look_away(self, from_us: int, cause: Unwatched) -> None:
        """Begin a gap; one that lasts already, of another cause, ends there."""
        if self._at.gap is not None:
            if self._at.gap.cause is cause:
                return
            from_us = max(from_us, self._at.gap.ended_us)
            self._end_gap(from_us)
        self._end_run(from_us)
        gap = Gap(started_us=from_us, ended_us=max(from_us, self._at.reached_us), cause=cause)
        self._at = replace(self._at, gap=gap, good_us=None)

    def _reach(self, at_us: int) -> None:
        gap = self._at.gap
        if gap is not None:
            gap = replace(gap, ended_us=max(gap.ended_us, at_us))
        self._at = replace(self._at, gap=gap, reached_us=max(at_us, self._at.reached_us))

    def _end_gap(self, at_us: int) -> None:
        gap = self._at.gap
        if gap is None:
            return
        if at_us > gap.started_us:
            self._over.append(replace(gap, ended_us=at_us))
        self._at = replace(self._at, gap=None, good_us=None)

    def _end_run(self, until_us: int) -> None:
        if self._at.run is not None:
            until_us = max(until_us, self._at.run.last_failed_us)
            self._over.append(replace(self._at.run, until_us=until_us))
        self._forget_run()


def _last_for_now(run: SeenOutage, hello_us: int | None, stream_us: int | None) -> int:
    """Return the last failed attempt that counts whichever kind is answered in the end."""
    if stream_us is None:
        return run.first_failed_us if hello_us is None else hello_us
    return run.first_failed_us if hello_us is None else min(hello_us, stream_us)


def watched(
    over: tuple[SeenOutage | Gap, ...], standing: Standing, started_us: int, ended_us: int
) -> Watched:
    """Return a window from what was over in it and what lasts at its end."""
    outages = [each for each in over if isinstance(each, SeenOutage)]
    gaps = [each for each in over if isinstance(each, Gap)]
    if standing.run is not None:
        outages.append(standing.run)
    if standing.gap is not None and standing.gap.started_us < ended_us:
        gaps.append(replace(standing.gap, ended_us=ended_us))
    return Watched(
        started_us=started_us,
        ended_us=ended_us,
        outages=tuple(outages),
        gaps=tuple(gaps),
        attempts=standing.attempts,
    )
