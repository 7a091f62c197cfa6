"""The daemon's one loop: takes what came, asks the foreman, does the one thing he says.

    waiter thread --+
    crew's thread --+--> queue --> loop --> foreman.next --> report, stop, look, begin, rest
    signals      ---+
    any thread's defect

Everything that decides or writes happens here, in one thread. A report that can't be delivered is
tried again with growing pauses, while what runs goes on running. Records that wait in the outbox
are posted whenever the server is there.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from omega_agent.daemon.crew import Crew
from omega_agent.daemon.foreman import (
    Begin,
    Ending,
    Foreman,
    LeaveOut,
    LookAtLine,
    Rest,
    Say,
    Stop,
)
from omega_agent.daemon.line_look import LOOK_S, LineLook
from omega_agent.daemon.local_limits import LocalLimits, Used
from omega_agent.daemon.memory import Memory
from omega_agent.daemon.news import (
    Barred,
    Broken,
    DiskRefused,
    Ended,
    News,
    Quit,
    Sealed,
    WasDown,
    Watches,
)
from omega_agent.daemon.sender import Sender
from omega_agent.daemon.timetable import Timetable
from omega_agent.daemon.waiter import Answered, Self, Silent, Turned
from omega_agent.daemon.watching import Watching
from omega_agent.daemon.work import Work
from omega_agent.errors import BusyError, NoAnswerError, WrongAnswerError
from omega_agent.moments import utc
from omega_agent.uplink import Uplink
from omega_core.clock import Clock
from omega_core.envelope import PayloadType, seal
from omega_core.errors import RefusedError, StorageError
from omega_core.instruction import (
    AVAILABILITY,
    CheckInAnswer,
    InstructionReport,
    Suppression,
)
from omega_core.models import model_bytes
from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S

_SAY_AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_OUTBOX_EVERY_S = 300
_DISK_AGAIN_S = 30.0
_S_PER_HOUR = 3_600
_STOP_WAIT_S = 40.0  # for a measurement that was asked to end


class ServerTime:
    """The server's clock, as far as its last answer tells; None before the first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: tuple[int, int] | None = None

    def said(self, now_unix_us: int, at_ns: int) -> None:
        """Take note of what the server said its time is."""
        self._said = now_unix_us, at_ns

    def unix_us(self) -> int | None:
        """Return the server's time now."""
        if self._said is None:
            return None
        now_unix_us, at_ns = self._said
        return now_unix_us + (self._clock.monotonic_ns() - at_ns) // NS_PER_US


class Loop:
    """The daemon, put together by `commands_run`."""

    def __init__(
        self,
        who: Self,
        foreman: Foreman,
        crew: Crew,
        memory: Memory,
        limits: LocalLimits,
        *,
        server: str,
        news: queue.SimpleQueue[News],
        uplink: Callable[[], Uplink],
        clock: Clock,
        look: LineLook,
        find_record: Callable[[str], str | None],
        sender: Sender,
        watching: Watching | None,
        tell: Callable[..., None],
        stop: threading.Event,
        rng: random.Random,
    ) -> None:
        self._who = who
        self._server = server
        self._foreman = foreman
        self._crew = crew
        self._memory = memory
        self._limits = limits
        self._news = news
        self._uplink = uplink
        self._clock = clock
        self._look = look
        self._find_record = find_record
        self._sender = sender
        self._watching = watching
        self._tell = tell
        self._stop = stop
        self._rng = rng
        self._time = ServerTime(clock)
        self._timetable = Timetable(memory, who.agent_id)
        self._is_connected = False
        self._suppression: Suppression | None = None
        self._was_seen_twice = False
        self._begun_at_unix_us = 0
        self._say_again_ns = 0
        self._tries = 0
        self._drained_ns: int | None = None
        self._over: Ended | None = None
        """What has ended and is not written down yet."""

    def run(self) -> None:
        """Work until told to leave; what runs then is ended in good order."""
        for work in self._foreman.interrupted:
            self._foreman.resume(work.name, self._find_record(work.name))
        while True:
            wait_s = self._guarded(self._step, _DISK_AGAIN_S)
            news = self._next_news(wait_s)
            if isinstance(news, Quit):
                self._leave()
                return
            if news is not None:
                self._guarded(partial(self._take, news), 0.0)

    def _guarded(self, do: Callable[[], float | None], otherwise_s: float) -> float:
        """Do it; a disk that does not take what must be kept is told, and tried again later.

        Nothing has changed then: what could not be written down was not done, and the server hands
        out again what is not here.
        """
        try:
            return do() or 0.0
        except StorageError as error:
            self._tell("daemon_disk", why=error)
            return otherwise_s

    def _next_news(self, wait_s: float) -> News | None:
        try:
            return self._news.get(timeout=wait_s) if wait_s > 0 else self._news.get_nowait()
        except queue.Empty:
            return None

    def _take(self, news: News) -> None:
        match news:
            case Answered():
                self._answered(news)
            case Silent():
                self._is_connected = False
                self._tell("daemon_silent", seconds=round(news.again_s), why=news.error)
            case Turned():
                self._is_connected = False
                self._tell("daemon_turned", why=news.error)
            case Ended():
                self._over = news  # written down by the next step, and again if the disk is full
            case Broken():
                raise RuntimeError("a thread of the daemon has ended") from news.error
            case Watches():
                self._tell("daemon_watches", test_point=news.test_point, address=news.address)
            case Barred():
                self._tell("daemon_barred", addresses=", ".join(news.addresses))
            case Sealed():
                self._drained_ns = None
            case WasDown():
                least_s, most_s = news.bounds_s()
                since = utc(news.outage.since_us)
                self._tell("daemon_was_down", since=since, least_s=least_s, most_s=most_s)
            case DiskRefused():
                self._tell("daemon_disk", why=news.error)
            case Quit():
                raise AssertionError

    def _answered(self, news: Answered) -> None:
        answer = news.answer
        self._time.said(answer.now_unix_us, news.at_ns)
        if not self._is_connected:
            self._is_connected = True
            self._say_again_ns = 0
            self._tell("daemon_answered", server=self._server)
        self._tell_changes(answer)
        self._memory.spread(answer.return_spread_s)
        self._take_schedule(answer)
        self._foreman.withdrawn(answer.withdrawn)
        self._foreman.suppressed(answer.suppression)
        for instruction in news.instructions:
            self._foreman.arrived(instruction)
            self._tell(
                "daemon_got",
                id=instruction.instruction_id,
                purpose=instruction.purpose,
                mode=instruction.mode,
                case=instruction.ticket_id or instruction.sheet_id or "-",
            )

    def _take_schedule(self, answer: CheckInAnswer) -> None:
        if not self._timetable.take(answer):
            return
        schedule = self._timetable.schedule
        if schedule is None:
            self._tell("daemon_unscheduled")
        else:
            hours = f"{schedule.every_s / _S_PER_HOUR:g}"
            self._tell("daemon_scheduled", hours=hours, mode=schedule.mode)

    def _tell_changes(self, answer: CheckInAnswer) -> None:
        if answer.suppression != self._suppression:
            self._suppression = answer.suppression
            if answer.suppression is None:
                self._tell("daemon_unsuppressed")
            else:
                self._tell("daemon_suppressed", why=answer.suppression.reason)
        if answer.is_seen_twice and not self._was_seen_twice:
            self._tell("daemon_twice")
        self._was_seen_twice = answer.is_seen_twice

    def _write_end(self) -> None:
        """Write down how a measurement ended; raises StorageError, and it is to be tried again."""
        news = self._over
        if news is None:
            return
        ending = news.ending
        if ending.record_digest is None and not ending.device_was_busy:
            # It may have been cut off after the record was safe.
            found = self._find_record(news.name)
            if found is not None:
                ending = Ending(record_digest=found, was_stopped=ending.was_stopped)
        if news.octets:
            self._memory.use(Used(begun_unix_us=self._begun_at_unix_us, octets=news.octets))
        self._foreman.ended(news.name, ending, now_unix_us=self._now() or 0)
        self._over, self._drained_ns = None, None
        how = ending.record_digest or ending.code or "-"
        self._tell("daemon_ended", id=news.name, how=how)

    def _step(self) -> float:
        """Do what is to be done now; return how long to wait for news."""
        self._write_end()
        now = self._now()
        if now is None:
            return _SAY_AGAIN_S[-1]
        due = self._timetable.take_due(now)
        if due is not None:
            self._foreman.is_due(due)
        local = datetime.fromtimestamp(now // US_PER_S).astimezone()
        match self._foreman.next(now, local):
            case Say(report):
                return self._report(report)
            case Stop():
                self._crew.stop()
            case LookAtLine(name):
                self._look.begin()
                self._stop.wait(LOOK_S)
                self._foreman.line_was(name, in_use=self._look.in_use(), now_unix_us=now)
            case Begin(work):
                self._begin(work, now)
            case LeaveOut(code, detail):
                self._tell("daemon_left_out", reason=code, why=detail)
            case Rest(until_unix_us):
                return self._rest(now, until_unix_us)
        return 0.0

    def _now(self) -> int | None:
        """Return the server's time, or this device's where that can be: None before there is any.

        A device that starts while the server is away goes on with its schedule by its own clock.
        """
        now, own = self._time.unix_us(), self._clock.unix_us()
        return own if now is None and self._timetable.trusts(own) else now

    def _begin(self, work: Work, now: int) -> None:
        name, instruction = work.name, work.instruction
        found = self._find_record(name) if work.begun else None
        if found is not None:  # its child has outlived the daemon that began it
            self._foreman.resume(name, found)
            return
        if instruction.loads_the_line:
            octets = instruction.bytes_down + instruction.bytes_up
            self._memory.use(Used(begun_unix_us=now, octets=octets))
            self._begun_at_unix_us = now
        self._foreman.begun(name)  # the last that may fail: what is said to run is begun
        self._tell(
            "daemon_began",
            id=name,
            purpose=instruction.purpose,
            mode=instruction.mode,
            case=instruction.ticket_id or instruction.sheet_id or "-",
        )
        if instruction.kind == AVAILABILITY:
            self._have_it_sealed(name)
        else:
            self._crew.begin(instruction, self._limits.targets, is_own=work.is_own)

    def _have_it_sealed(self, name: str) -> None:
        """Ask the watch for what it has seen."""

        def sealed(digest: str | None) -> None:
            nothing = None if digest else "nothing_watched"
            self._news.put(Ended(name, Ending(record_digest=digest, code=nothing), 0))

        if self._watching is None:
            sealed(None)
        else:
            self._watching.report(sealed)

    def _rest(self, now: int, until_unix_us: int | None) -> float:
        if self._is_connected and self._foreman.running is None and self._is_time_to_drain():
            self._sender.begin()
            self._drained_ns = self._clock.monotonic_ns()
        wait_s = float(_OUTBOX_EVERY_S)
        for moment in (until_unix_us, self._timetable.due_unix_us):
            if moment is not None:
                wait_s = min(wait_s, max(0.1, (moment - now) / US_PER_S))
        return wait_s

    def _is_time_to_drain(self) -> bool:
        if self._drained_ns is None:
            return True
        return self._clock.monotonic_ns() - self._drained_ns > _OUTBOX_EVERY_S * NS_PER_S

    def _report(self, report: InstructionReport) -> float:
        """Tell the server; return how long to wait before it is tried again."""
        wait_s = (self._say_again_ns - self._clock.monotonic_ns()) / NS_PER_S
        if wait_s > 0:
            return wait_s
        sealed = seal(model_bytes(report), PayloadType.INSTRUCTION_REPORT, self._who.key)
        try:
            with self._uplink() as uplink:
                uplink.report(sealed)
        except (NoAnswerError, WrongAnswerError, BusyError) as error:
            return self._later(error)
        except RefusedError as error:
            self._foreman.refused(report)
            self._tell("daemon_said", id=report.instruction_id, state=report.state, why=error)
        else:
            self._foreman.answered(report)
            why = report.detail or report.code or "-"
            self._tell("daemon_said", id=report.instruction_id, state=report.state, why=why)
        self._tries = 0
        return 0.0

    def _later(self, error: NoAnswerError | WrongAnswerError | BusyError) -> float:
        pause_s = _SAY_AGAIN_S[min(self._tries, len(_SAY_AGAIN_S) - 1)]
        if isinstance(error, BusyError) and error.retry_after_s is not None:
            pause_s = max(pause_s, error.retry_after_s)
        pause_s *= 0.5 + self._rng.random()
        self._tries += 1
        self._say_again_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)
        return pause_s

    def _leave(self) -> None:
        """End what runs; its record is in the outbox, and its report in the journal."""
        self._stop.set()
        self._tell("daemon_stops")
        self._sender.stop()
        if self._foreman.running is None:
            return
        self._crew.stop()
        deadline_ns = self._clock.monotonic_ns() + int(_STOP_WAIT_S * NS_PER_S)
        while self._foreman.running is not None:
            left_s = (deadline_ns - self._clock.monotonic_ns()) / NS_PER_S
            news = self._next_news(max(0.0, left_s))
            if isinstance(news, Ended):
                self._over = news
                self._guarded(self._write_end, 0.0)
                return  # where the disk was full, the next start finds the record
            if news is None:
                return
