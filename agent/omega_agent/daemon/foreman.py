"""What the daemon does next: a machine without clock, disk or network.

    arrived, is_due, answered, withdrawn, suppressed, line_was, ended     what has happened
    next(now)  -->  Say | Stop | LookAtLine | Begin | LeaveOut | Rest    the one thing to do now

Order. First what must stop, then what must be said; then, oldest instruction first, whether it may
begin. Nothing begins before the server has taken the `accepted` of it: of two devices with one key
only one gets that answer. One measurement runs at a time. Every change is in the journal before
`next` returns.

Times are the server's, in microseconds since 1970, as its last answer said plus what has passed
since; `local` is the same moment on the wall of the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from omega_agent.daemon.journal import Journal
from omega_agent.daemon.local_limits import Deferral, LocalLimits, Refusal, Used, decide
from omega_agent.daemon.work import Stage, Work
from omega_core.instruction import Instruction, InstructionReport, Suppression
from omega_core.limits import INSTRUCTIONS_HELD_MAX
from omega_core.units import US_PER_S

BEGUN_MAX = 2  # what was cut off by a power cut is tried once more
_LOOK_AGAIN_US = 5 * US_PER_S
_SUPPRESSED_AGAIN_US = 300 * US_PER_S


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the server."""

    report: InstructionReport


@dataclass(frozen=True, slots=True)
class Stop:
    """End the measurement that runs; what it has found is kept."""

    name: str


@dataclass(frozen=True, slots=True)
class LookAtLine:
    """See whether anybody uses the line, and tell by `line_was`."""

    name: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Carry an instruction out, and tell by `ended`."""

    work: Work


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Let a measurement of a schedule go that can't be made: tell the device's owner why."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do until something happens, or until this time, if one is given."""

    until_unix_us: int | None


Step = Say | Stop | LookAtLine | Begin | LeaveOut | Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a measurement ended: a record was made, or the code of what was in the way.

    `device_was_busy`: another program measured; nothing was begun.
    """

    record_digest: str | None = None
    code: str | None = None
    detail: str | None = None
    device_was_busy: bool = False
    was_stopped: bool = False


class Foreman:
    """Holds the instructions of one device."""

    def __init__(
        self,
        journal: Journal,
        limits: LocalLimits,
        *,
        instance: str,
        used: Callable[[], Iterable[Used]],
    ) -> None:
        self._journal = journal
        self._limits = limits
        self._instance = instance
        self._used = used
        self._works = {work.name: work for work in journal.load()}
        self._suppression: Suppression | None = None
        self._line_free: str | None = None
        self._running: str | None = None
        self._is_stopping = False
        self._left_out: list[LeaveOut] = []

    @property
    def holding(self) -> tuple[str, ...]:
        """The instructions that are here and wanted, for the check-in: asked by its thread.

        One that is withdrawn and still has to end is not named: the server would answer at once,
        and again and again, that it is not wanted.
        """
        works = tuple(self._works.values())  # one step of the interpreter, whatever happens beside
        return tuple(
            sorted(work.name for work in works if not work.is_withdrawn and not work.is_own)
        )

    @property
    def running(self) -> str | None:
        """The instruction that is being carried out."""
        return self._running

    @property
    def interrupted(self) -> tuple[Work, ...]:
        """What an earlier run of the daemon had begun and not ended."""
        return tuple(
            work
            for work in self._works.values()
            if work.stage is Stage.RUNNING and work.name != self._running
        )

    def resume(self, name: str, record_digest: str | None) -> None:
        """Decide about what was interrupted: its record is found, or it is begun once more."""
        work = self._works[name]
        if record_digest is not None:
            self._keep(work.with_report("done", record_digest=record_digest))
        elif work.begun >= BEGUN_MAX:
            self._keep(work.with_report("failed", code="interrupted", detail="cut off twice"))
        else:
            self._keep(work.model_copy(update={"stage": Stage.TAKEN}))

    def arrived(self, instruction: Instruction) -> None:
        """Take note of an instruction that is the server's and for us."""
        if instruction.instruction_id in self._works or len(self._works) >= INSTRUCTIONS_HELD_MAX:
            return
        self._keep(Work(instruction=instruction, taken_as=self._instance))

    def is_due(self, instruction: Instruction) -> None:
        """Take note of what a schedule wants; while the last of it is not over, it is left out."""
        if any(work.is_own for work in self._works.values()):
            return
        if len(self._works) < INSTRUCTIONS_HELD_MAX:
            self._keep(Work(instruction=instruction, taken_as=self._instance, is_own=True))

    def withdrawn(self, names: Iterable[str]) -> None:
        """Take note of what the server does not want any more."""
        for name in names:
            work = self._works.get(name)
            if work is None:
                continue
            if name == self._running:
                self._keep(work.model_copy(update={"is_withdrawn": True}))
            else:
                self._forget(name)

    def suppressed(self, suppression: Suppression | None) -> None:
        """Take note of whether measurement is suppressed."""
        self._suppression = suppression

    def answered(self, report: InstructionReport) -> None:
        """Take note that the server has a report."""
        work = self._works.get(report.instruction_id)
        if work is None:
            return
        work = work.without_report(report.report_no)
        if work.is_over:
            self._forget(work.name)
        else:
            self._keep(work)

    def refused(self, report: InstructionReport) -> None:
        """Take note that the server does not take a report: the instruction is not ours any more.

        What runs is stopped; its record, if one comes of it, is kept and posted like any other.
        """
        work = self._works.get(report.instruction_id)
        if work is None:
            return
        if work.name == self._running:
            changes = {"is_withdrawn": True, "unsent": ()}
            self._keep(work.model_copy(update=changes))
        else:
            self._forget(work.name)

    def line_was(self, name: str, *, in_use: bool, now_unix_us: int) -> None:
        """Take note of what a look at the line has shown."""
        work = self._works.get(name)
        if work is None:
            return
        if not in_use:
            self._line_free = name
            return
        since = work.waits_since_unix_us
        since = now_unix_us if since is None else since
        if now_unix_us >= since + work.instruction.calm_s * US_PER_S:
            self._refuse(work, Refusal(code="line_in_use", detail="the line is in use"))
            return
        waiting = work.model_copy(
            update={
                "waits_since_unix_us": since,
                "look_again_unix_us": now_unix_us + _LOOK_AGAIN_US,
            }
        )
        self._keep(_once(waiting, "line_in_use", "the line is in use"))

    def begun(self, name: str) -> Work:
        """Take note that an instruction is being carried out; it is on the disk afterwards."""
        changes = {"stage": Stage.RUNNING, "begun": self._works[name].begun + 1, "said": None}
        work = self._works[name].model_copy(update=changes)
        self._keep(work)
        self._running, self._line_free, self._is_stopping = name, None, False
        return work

    def ended(self, name: str, ending: Ending, *, now_unix_us: int) -> None:
        """Take note of how it ended; raises StorageError, and it has not ended yet."""
        self._write_end(name, ending, now_unix_us)
        self._running = None

    def _write_end(self, name: str, ending: Ending, now_unix_us: int) -> None:
        work = self._works[name]
        if work.is_withdrawn:
            self._forget(name)
        elif ending.device_was_busy:
            again = work.model_copy(
                update={
                    "stage": Stage.TAKEN,
                    "begun": work.begun - 1,
                    "look_again_unix_us": now_unix_us + _LOOK_AGAIN_US,
                }
            )
            self._keep(_once(again, "another_measurement", "another program measures"))
        elif ending.was_stopped:
            self._keep(
                work.with_report(
                    "cancelled",
                    code="stopped",
                    detail=ending.detail,
                    record_digest=ending.record_digest,
                )
            )
        elif ending.record_digest is not None:
            self._keep(work.with_report("done", record_digest=ending.record_digest))
        else:
            code = ending.code or "no_record"
            if work.is_own:
                self._left_out.append(LeaveOut(code, ending.detail or "-"))
            self._keep(work.with_report("failed", code=code, detail=ending.detail))

    def next(self, now_unix_us: int, local: datetime) -> Step:
        """Return the one thing to do now."""
        if self._running is not None and self._must_stop(self._running):
            self._is_stopping = True
            return Stop(self._running)
        for work in self._in_order():
            if work.unsent:
                return Say(work.unsent[0])
        waits: list[int] = []
        for work in self._in_order():
            if work.stage in {Stage.RUNNING, Stage.ENDED}:
                continue
            if work.look_again_unix_us is not None and now_unix_us < work.look_again_unix_us:
                waits.append(work.look_again_unix_us)
                continue
            step = self._consider(work, now_unix_us, local)
            if step is not None:
                return step
            waiting = self._works.get(work.name)
            if waiting is not None and waiting.look_again_unix_us is not None:
                waits.append(waiting.look_again_unix_us)
        if self._left_out:
            return self._left_out.pop()
        return Rest(min(waits, default=None))

    def _must_stop(self, running: str) -> bool:
        if self._is_stopping:
            return False
        stopped = self._suppression is not None and self._suppression.stop_running
        return stopped or self._works[running].is_withdrawn

    def _consider(self, work: Work, now: int, local: datetime) -> Step | None:
        """Return what to do about one that has not begun; None where it waits, or is over."""
        if work.stage is Stage.RECEIVED and now > work.instruction.not_after_unix_us:
            self._forget(work.name)
            return None
        if self._running is not None:
            return self._say(_once(work, "another_test", "another test is under way"))
        if self._suppression is not None and work.instruction.loads_the_line:
            return self._say(self._suppressed_until(work, self._suppression, now))
        if work.stage is Stage.TAKEN:
            return Begin(work)
        held = decide(work.instruction, self._limits, self._used(), now_unix_us=now, local=local)
        if isinstance(held, Refusal):
            return self._refuse(work, held)
        if isinstance(held, Deferral):
            return self._say(_deferred(work, held))
        if self._line_free != work.name and work.instruction.loads_the_line:
            return LookAtLine(work.name)
        taken = work.with_report("accepted").model_copy(
            update={"stage": Stage.TAKEN, "look_again_unix_us": None}
        )
        if work.is_own:  # there is nobody whose answer is to be waited for
            self._keep(taken)
            return Begin(taken)
        return self._say(taken)

    def _refuse(self, work: Work, refusal: Refusal) -> Step | None:
        if work.is_own:
            self._left_out.append(LeaveOut(refusal.code, refusal.detail))
        return self._say(_refused(work, refusal))

    def _suppressed_until(self, work: Work, suppression: Suppression, now: int) -> Work:
        until = suppression.until_unix_us
        until = now + _SUPPRESSED_AGAIN_US if until is None else until
        held = Deferral(code="suppressed", detail=suppression.reason, until_unix_us=until)
        if work.stage is Stage.RECEIVED and until > work.instruction.not_after_unix_us:
            return _refused(work, Refusal(code=held.code, detail=held.detail))
        return _deferred(work, held)

    def _say(self, work: Work) -> Step | None:
        self._keep(work)
        return Say(work.unsent[0]) if work.unsent else None

    def _in_order(self) -> list[Work]:
        return [self._works[name] for name in sorted(self._works)]

    def _keep(self, work: Work) -> None:
        if work.is_own and work.is_over:
            self._forget(work.name)
        elif self._works.get(work.name) != work:
            self._journal.keep(work)
            self._works[work.name] = work

    def _forget(self, name: str) -> None:
        self._journal.forget(name)
        self._works.pop(name, None)


def _once(work: Work, code: str, detail: str) -> Work:
    """Return the work with a reason for waiting said, unless that was said last."""
    if work.said == code:
        return work
    return work.with_report("busy", code=code, detail=detail)


def _refused(work: Work, refusal: Refusal) -> Work:
    return work.with_report("refused", code=refusal.code, detail=refusal.detail)


def _deferred(work: Work, held: Deferral) -> Work:
    waiting = work.model_copy(update={"look_again_unix_us": held.until_unix_us})
    if work.said == held.code:
        return waiting
    return waiting.with_report(
        "deferred", code=held.code, detail=held.detail, until_unix_us=held.until_unix_us
    )
