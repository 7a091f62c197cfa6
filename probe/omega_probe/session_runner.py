"""The session runner: every task of a plan in order, events while it runs, a result in the end.

    precheck      look at the host; is the line quiet? (`stop_when_invalid` ends here)
    connectivity  TCP, then the control connection, then UDP
    idle_look     a short delay stream, where fixed rates come before the idle stream
    idle          the delay stream on the quiet line; the first stream begins with the last attempt
    qualified_*   the fixed rates of the plan, which find a lossy line cheaply
    capacity_*    the searches: what they find, TCP needs not find out
    goodput_*     the TCP runs of the plan, in its order; then repeats of short fixed rates
    finish        the test point signs what it saw

With `idle_look_ns` the fixed rates follow the short stream, and the guide is told what there is: a
first answer after seconds, before the minute that proof takes. The idle stream then waits until
what the loads have left in a buffer is gone.

Theory of operation. Each task that is planned ends with exactly one TaskEnd; `course` says when no
further one can begin. A request that is refused by itself ends its task and no other. What was
measured before any of this is kept. What is held only while a question is open ends unbegun once
the session's guide says that it is answered.

Stop is honoured within half a second in every task; for as long as that allows, the session still
asks for its observation, so that what was measured has its second observer. Seconds and octets of
the grant are looked at before each task: a stream is shortened to what is left, a run that does not
fit is not begun, and octets are bounded within a run too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from omega_core.derive import LEFT_OUT, NOT_NEEDED
from omega_core.environment import Interface
from omega_core.evidence import Attempt, Ended, Evidence
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.testpoint import Finish, OpenStream
from omega_probe.asking_ahead import AskingAhead
from omega_probe.capacity_task import repeat_due_us
from omega_probe.connectivity_task import ConnectivityTask
from omega_probe.course import Course
from omega_probe.delay_stream import AtTestPoint, ended_of
from omega_probe.environment import Host
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.events import Emitter, Notice
from omega_probe.faults import PATH_CHANGED
from omega_probe.guide import Found, Guide
from omega_probe.host_watch import HostWatch
from omega_probe.idle_task import IdleTask
from omega_probe.load_tasks import LoadTask, LoadTasks
from omega_probe.opening import NotOpenedError, OpenedSession, open_session
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import CapacityTask, MeasurementPlan, TestPointAccess
from omega_probe.quiet_line import IDLE, LOOK, QuietLine
from omega_probe.session_budget import Budget
from omega_probe.session_clock import Moment
from omega_probe.session_result import SessionResult, result_of
from omega_probe.task_book import TaskBook
from omega_probe.test_point_reach import reachable_families
from omega_probe.until_known import UntilKnown
from omega_probe.validity import load_allowance, quiet_allowance
from omega_probe.waiting import SLICE_NS, StoppedError, Waiter

FINISH_TIMEOUT_S: Final = 6  # a test point gives its own parts five seconds to report
LAST_WORD_TIMEOUT_S: Final = 3  # on a line that seems down
DRAIN_NS: Final = NS_PER_S  # for what fixed rates leave in a buffer; where it is more, they failed


class SessionRunner:
    """One session; `run` is called once."""

    def __init__(
        self,
        plan: MeasurementPlan,
        access: TestPointAccess,
        *,
        waiter: Waiter,
        emit: Emitter,
        host: Host,
        earlier_attempts: Sequence[Attempt],
        guide: Guide | None = None,
    ) -> None:
        self._plan = plan
        self._guide = guide
        self._access = access
        self._waiter = waiter
        self._emit = emit
        self._host = host
        self._began = Moment.now(waiter.clock)
        self._started_ns = self._began.monotonic_ns
        self._meter = OwnTrafficMeter()
        self._book = TaskBook(waiter.clock, self._started_ns, emit)
        self._course = Course(self._book, waiter.stop)
        self._addresses, self._without_route = reachable_families(access)
        self._watch = HostWatch(
            host, self._interface(), self._meter, waiter.clock, self._started_ns
        )
        self._reached = ConnectivityTask(
            self._addresses,
            access.tcp_port,
            rounds=plan.connectivity_attempts,
            waiter=waiter,
            meter=self._meter,
            earlier=earlier_attempts,
        )
        key = access.secret if plan.idle_authenticated else None
        self._quiet = QuietLine(plan, key=key, started_ns=self._started_ns, guide=guide)
        self._loads = LoadTasks(
            plan,
            idle=self._quiet.streams,
            key=key,
            started_ns=self._started_ns,
            shown=lambda rate_bps: self._book.progress(rate_bps=rate_bps),
            weigh=self._watch.mark,
        )
        self._opened: OpenedSession | None = None
        self._budget: Budget | None = None
        self._ahead: AskingAhead | None = None
        self._observation: str | None = None
        self._busy_s: int | None = None
        self._way: tuple[str | None, str | None] | None = None

    def run(self) -> SessionResult:
        """Carry out every task, and return what there is."""
        try:
            return self._carry_out()
        finally:
            self._quiet.first.leave()
            self._loads.leave(self._meter)

    def _carry_out(self) -> SessionResult:
        for family in self._without_route:
            self._notice(f"no_route_ipv{family}")
        self._precheck()
        self._connectivity()
        loads, before, quiet = self._plan.loads(), self._plan.loads_before_idle, self._quiet
        if quiet.look is not None:
            self._stream(LOOK, quiet.look)
            self._hold(loads, range(before))
            self._looked()
        if self._plan.idle_duration_ns:
            quiet.attempts = self._reached.attempts
            self._stream(IDLE, quiet.idle, quiet.until_known)
        self._hold(loads, range(before, len(loads)))
        for skipped in self._plan.skipped:
            self._book.skip(skipped, *(self._course.over or (Ended.SKIPPED, LEFT_OUT)))
        self._finish()
        return self._result()

    def _hold(self, loads: Sequence[LoadTask], numbers: range) -> None:
        for number in numbers:
            if self._is_needed(loads[number]):
                self._load(number, loads[number])

    def _looked(self) -> None:
        """Tell the guide what there is, and wait for the line to be quiet again."""
        if self._course.over is not None or self._waiter.stop.is_set():
            return
        if self._guide is not None:
            evidence, environment = self._evidence(), self._watch.environment()
            faults = self._watch.faults(evidence)
            self._guide.looked(Found(evidence=evidence, environment=environment, faults=faults))
        try:
            self._waiter.pause(DRAIN_NS)
        except StoppedError:
            self._course.over = (Ended.INTERRUPTED, "")

    def _precheck(self) -> None:
        """Watch the interface for a while; nothing is sent."""
        watch, plan = self._watch, self._plan
        listens = plan.precheck_ns > 0 and watch.judges_traffic
        listens = listens and not (watch.faults() and plan.stop_when_invalid)
        self._book.begin("precheck", expected_ns=plan.precheck_ns if listens else 0)
        for code in watch.unknown():
            self._notice(code)
        ended = Ended.COMPLETED
        watch.begin("precheck")
        try:
            self._listen(plan.precheck_ns if listens else 0)
        except StoppedError:
            ended = Ended.INTERRUPTED
            self._course.over = (ended, "")
        quiet = quiet_allowance(plan.expected_bps_down, plan.expected_bps_up)
        watch.end(quiet if listens and ended is Ended.COMPLETED else None)
        faults = ", ".join(watch.faults())
        if faults and plan.stop_when_invalid and self._course.over is None:
            self._course.over = (Ended.SKIPPED, f"invalid: {faults}")
        self._book.end(ended, faults)

    def _listen(self, duration_ns: int) -> None:
        self._waiter.check()
        until_ns = self._waiter.deadline_ns(duration_ns)
        while (left_ns := until_ns - self._waiter.clock.monotonic_ns()) > 0:
            self._waiter.pause(min(left_ns, SLICE_NS))
            self._book.progress()

    def _connectivity(self) -> None:
        if self._course.skips("connectivity"):
            return
        rounds, reached = self._plan.connectivity_attempts, self._reached
        self._book.begin("connectivity", expected_ns=(1 + rounds) * 300 * NS_PER_MS)
        self._watch.begin("connectivity")
        ended, detail = Ended.COMPLETED, ""
        try:
            reached.reach(self._open, all_sent=self._begin_idle_early)
        except StoppedError:
            ended = Ended.INTERRUPTED
        except NotOpenedError as error:
            ended, detail = error.ended, str(error)
            self._course.over = (ended, detail)
            self._busy_s = error.busy_s
        if reached.cut_short is not None and ended is Ended.COMPLETED:
            ended, detail = reached.cut_short.ended, reached.cut_short.detail
        if not self._quiet.first.has_begun:
            self._watch.end(None)
        self._course.ends(ended, detail, Evidence(attempts=tuple(reached.attempts)))

    def _begin_idle_early(self) -> None:
        """Begin the first stream, and its phase, while replies to attempts are still to come.

        In the thread that has opened the session, which the others wait for.
        """
        at, budget = self._at(), self._budget
        if at is None or budget is None:
            return
        self._quiet.first.begin_early(at, budget, begins=self._first_stream_begins)

    def _first_stream_begins(self) -> None:
        """Let every packet of the stream be in the phase that is judged by it."""
        self._watch.end(None)
        self._watch.begin(self._quiet.name_of_first)

    def _open(self, ahead: Sequence[OpenStream]) -> AtTestPoint:
        """Open the session at the test point; raises NotOpenedError or StoppedError."""
        opened = open_session(
            self._access,
            self._addresses,
            waiter=self._waiter,
            meter=self._meter,
            ahead=[*ahead, *self._quiet.first.openings()],
        )
        self._opened = opened
        self._budget = budget = Budget(self._access, self._meter, self._waiter.clock)
        self._ahead = AskingAhead(
            self._plan, self._loads, opened.at, budget, mtu_octets=self._watch.mtu_octets
        )
        client = opened.at.client
        if client.address != next(iter(self._addresses.values()), None):
            self._watch.interface = self._host.interface_towards(client.address, client.family)
        self._way = self._host.way(client.address, client.family)
        self._book.progress()
        return opened.at

    def _stream(self, name: str, task: IdleTask, until: UntilKnown | None = None) -> None:
        at, budget, ahead = self._at(), self._budget, self._ahead
        if not task.has_begun and self._course.skips(name):
            return
        if at is None or budget is None or ahead is None:
            return
        plan = task.planned(at, budget)
        if plan.packets < 1 and not task.has_begun:
            self._book.skip(name, Ended.BUDGET)
            return
        self._book.begin(name, expected_ns=plan.packets * plan.period_ns)
        if task.has_begun:
            self._watch.account_from_now()
        else:
            self._watch.begin(name)
        ended, detail = task.carry_out(
            at,
            budget,
            progress=lambda rtt_us: self._book.progress(rtt_us=rtt_us),
            over=ahead.idle_sent,
            late=self._plan.begins_with_search,
            until=until,
        )
        self._watch.end(quiet_allowance(self._plan.expected_bps_down, self._plan.expected_bps_up))
        task.leave()
        self._course.ends(ended, detail, Evidence(idle=tuple(self._quiet.streams)))

    def _begin_load(self, task: LoadTask) -> tuple[AtTestPoint, Budget, AskingAhead] | None:
        """Begin a task that loads the line, if the session goes on and the grant has room."""
        at, budget, ahead, name = self._at(), self._budget, self._ahead, task.name
        if self._course.skips(name) or at is None or budget is None or ahead is None:
            return None
        if not budget.has_room_for_run(task.direction, task.duration_ns):
            self._book.skip(name, Ended.BUDGET)
            return None
        self._book.begin(name, expected_ns=task.expected_ns)
        self._watch.begin(name)
        return at, budget, ahead

    def _load(self, number: int, task: LoadTask) -> None:
        begun = self._begin_load(task)
        if begun is None:
            return
        at, budget, ahead = begun
        loaded = self._loads.carry_out(
            number,
            task,
            at,
            budget,
            mtu_octets=self._watch.mtu_octets(),
            grown=partial(ahead.load_grown, number),
            over=partial(ahead.load_over, number),
            closed=partial(ahead.load_closed, number),
        )
        allowance = load_allowance(self._watch.own_bps(task.direction))
        # what this host dropped the interface has counted, and nobody knows whose it was
        dropped = any(run.host_drops for run in loaded.found.capacity)
        self._watch.end(None if dropped else allowance)
        self._meter.add(self._watch.tail)
        self._course.ends(loaded.ended, loaded.detail, loaded.found)

    def _is_needed(self, task: LoadTask) -> bool:
        """Say whether a task is to be held; of a repeat wait until its time has come."""
        if self._course.over is not None:
            return True
        if isinstance(task, CapacityTask):
            return not task.repeat or self._is_to_be_repeated(task)
        guide = self._guide
        if task.if_open and guide is not None and guide.is_answered(task.name, self._evidence()):
            self._book.skip(task.name, Ended.SKIPPED, NOT_NEEDED)
            return False
        return True

    def _is_to_be_repeated(self, task: CapacityTask) -> bool:
        due_us = repeat_due_us(task, self._loads.searches)
        if due_us is None:
            self._book.skip(task.name, Ended.SKIPPED, "nothing to repeat: it was not short")
            return False
        due_ns = self._started_ns + due_us * NS_PER_US
        try:
            while (left_ns := due_ns - self._waiter.clock.monotonic_ns()) > 0:
                self._waiter.pause(min(left_ns, SLICE_NS))
        except StoppedError:
            self._course.over = (Ended.INTERRUPTED, "")
        return True

    def _finish(self) -> None:
        """Ask for the test point's word, unless it is gone."""
        opened = self._opened
        if opened is None:
            self._book.skip("finish", *(self._course.over or (Ended.SKIPPED, "")))
            return
        self._quiet.idle.take_late_report(opened.at)
        self._loads.take_late_reports()
        client = opened.at.client
        self._book.begin("finish", expected_ns=100 * NS_PER_MS)
        ended, detail = Ended.COMPLETED, ""
        try:
            timeout_s = LAST_WORD_TIMEOUT_S if self._course.over else FINISH_TIMEOUT_S
            self._observation = client.request(Finish(), timeout_s).observation
        except (TestPointLostError, TestPointRefusedError) as error:
            ended, detail = ended_of(error), str(error)
        self._book.end(ended, detail)

    def _look_at_the_way_again(self) -> None:
        at = self._at()
        if at is not None and self._host.way(at.client.address, at.client.family) != self._way:
            self._notice(PATH_CHANGED)

    def _at(self) -> AtTestPoint | None:
        return None if self._opened is None else self._opened.at

    def _interface(self) -> Interface | None:
        for family, address in self._addresses.items():
            interface = self._host.interface_towards(address, family)
            if interface is not None:
                return interface
        return None

    def _notice(self, code: str) -> None:
        if self._watch.note(code):
            self._emit(Notice(code=code))

    def _evidence(self) -> Evidence:
        """Return what there is so far."""
        return Evidence(
            tasks=tuple(self._book.ends),
            attempts=tuple(self._reached.attempts),
            idle=tuple(self._quiet.streams),
            goodput=tuple(self._loads.runs),
            working=tuple(self._loads.working),
            capacity=tuple(self._loads.searches),
        )

    def _result(self) -> SessionResult:
        opened = self._opened
        self._look_at_the_way_again()
        own = self._meter.reading()
        if opened is not None:
            opened.at.client.close()
        evidence = self._evidence()
        clocks = self._began.facts_until(Moment.now(self._waiter.clock))
        return result_of(
            evidence=evidence,
            environment=self._watch.environment(),
            faults=self._watch.faults(evidence, clocks),
            clocks=clocks,
            bytes_down=own.rx.ip_octets,
            bytes_up=own.tx.ip_octets,
            test_point_offset_us=None if opened is None else opened.offset_us,
            address=None if opened is None else opened.at.client.local_address,
            observation=self._observation,
            busy_s=self._busy_s,
        )
