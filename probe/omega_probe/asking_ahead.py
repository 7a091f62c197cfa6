"""When a session asks the test point for what its next load needs: as soon as that is sure.

    idle_sent()       the idle stream's last packet has left: the first load, or both searches
    load_grown()      a TCP run adds no more flows: the next load, if that is one of these as well;
                      its flows connect
    load_over()       a load has ended, its counts have been asked for: the next load; one that was
                      asked for already gets a first word
    load_closed()     the stream beside it was closed as well: what waited for its octets; after the
                      last load the end of the session

Theory of operation. Each of these moments is followed by a round trip, and behind a load by its
buffer, in which the session would only wait. Asked ahead is what nothing can change that is still
on its way. Not asked for is

- a load in the direction of the one before: its counts may say how it is to be carried out, and
  its buffer is still draining;
- a repeat, and a run that is held only while a question is open: nobody knows yet;
- what comes after the idle stream, where fixed rates are held before it;
- a stream, while another's octets are not settled: it has a share of what both directions have
  left. Two searches' streams are opened together, with octets enough, before any load.

Which octets a search takes does not matter, it takes what there are; loads with octets of their own
wait for those of the idle stream to be settled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from omega_core.wire.testpoint import Finish
from omega_probe.delay_stream import AtTestPoint
from omega_probe.load_tasks import LoadTask, LoadTasks
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from omega_probe.session_budget import Budget


class AskingAhead:
    """One session's; made when it is open. `mtu_octets` is asked for the interface's."""

    def __init__(
        self,
        plan: MeasurementPlan,
        loads: LoadTasks,
        at: AtTestPoint,
        budget: Budget,
        *,
        mtu_octets: Callable[[], int | None],
    ) -> None:
        self._plan = plan
        self._loads = loads
        self._at = at
        self._budget = budget
        self._mtu_octets = mtu_octets
        self._after_idle = plan.loads_before_idle

    def idle_sent(self) -> None:
        """Ask while the last replies on the quiet line are on their way."""
        if self._at.waiter.stop.is_set() or not self._plan.begins_with_search:
            return
        if not self._both_searches():
            self._ask(0, with_stream=True)

    def load_grown(self, number: int) -> None:
        """Ask while TCP run `number` goes on."""
        loads, following = self._plan.loads(), number + 1
        if not self._goes_on(following) or following >= len(loads):
            return
        before, task = loads[number], loads[following]
        alike = isinstance(task, GoodputTask) and not _has_stream(before) and not _has_stream(task)
        if alike and before.direction is not task.direction:
            self._ask(following, with_stream=False)

    def load_over(self, number: int) -> None:
        """Ask while the counts of load `number` are on their way."""
        loads, following = self._plan.loads(), number + 1
        if not self._goes_on(following) or following >= len(loads):
            return
        before, task = loads[number], loads[following]
        if before.direction is task.direction:
            return
        if self._loads.is_asked(following):
            self._loads.begin_to_reach(following, self._at)
        elif not (_holds(before) and _has_stream(task)):
            self._ask(following, with_stream=False)

    def load_closed(self, number: int) -> None:
        """Ask when nothing more is to be closed of load `number`."""
        loads, following = self._plan.loads(), number + 1
        if not self._goes_on(following):
            return
        if following >= len(loads):
            self._at.client.ask_ahead(Finish())
        elif loads[number].direction is not loads[following].direction and _holds(loads[number]):
            self._ask(following, with_stream=True)

    def _goes_on(self, following: int) -> bool:
        """Say whether a load is followed by the next, and not by a stop or the idle stream."""
        return not self._at.waiter.stop.is_set() and following != self._after_idle

    def _both_searches(self) -> bool:
        """Ask for two searches that come first; return False where that can't be."""
        first, *others = self._plan.loads()
        second = others[0] if others else None
        if not _is_search(first) or not _is_search(second):
            return False
        return (
            self._has_room(first)
            and self._has_room(second)
            and self._loads.ask_both_ahead(
                (first, second), self._at, self._budget, mtu_octets=self._mtu_octets()
            )
        )

    def _ask(self, number: int, *, with_stream: bool) -> None:
        task = self._plan.loads()[number]
        is_sure = not (task.if_open if isinstance(task, GoodputTask) else task.repeat)
        if is_sure and self._has_room(task):
            self._loads.ask_ahead(
                number,
                task,
                self._at,
                self._budget,
                mtu_octets=self._mtu_octets(),
                beside=with_stream,
            )

    def _has_room(self, task: LoadTask) -> bool:
        return self._budget.has_room_for_run(task.direction, task.duration_ns)


def _is_search(task: LoadTask | None) -> TypeGuard[CapacityTask]:
    return isinstance(task, CapacityTask) and task.fixed_bps is None


def _holds(task: LoadTask) -> bool:
    return isinstance(task, CapacityTask) and task.holds


def _has_stream(task: LoadTask) -> bool:
    return task.beside if isinstance(task, GoodputTask) else task.holds
