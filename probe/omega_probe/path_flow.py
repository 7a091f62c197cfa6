"""Drives one flow of probes: the machine says what and when, the channel carries it.

Theory of operation. One thread runs one flow to its end. It sleeps in `poll` until an answer came
or the machine wants to send, in slices, so that whoever says stop is heard. The budget is shared by
all flows of a diagnosis: packets, and the moment at which all must be over.
"""

from __future__ import annotations

import errno
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from omega_core import limits
from omega_core.path import HopAnswer, TraceEnd
from omega_core.units import NS_PER_MS
from omega_probe.attempts import reason_of
from omega_probe.mtu_search import MtuSearch
from omega_probe.path_sockets import ProbeChannel
from omega_probe.path_trace import FROM_TARGET, PathTrace
from omega_probe.waiting import SLICE_NS, Waiter

MTU_TTL: Final = 64
MTU_SPACING_NS: Final = 12 * NS_PER_MS  # 1,500 octets: a megabit a second
MTU_PATIENCE_NS_MIN: Final = 400 * NS_PER_MS
MTU_PATIENCE_FACTOR: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PathBudget:
    """What one diagnosis may take."""

    total_ns: int = limits.PATH_TOTAL_NS
    packets: int = limits.PATH_PACKETS_MAX


class Spending:
    """What of the budget is used up; shared by the threads of a diagnosis."""

    def __init__(self, budget: PathBudget, started_ns: int) -> None:
        self.deadline_ns = started_ns + budget.total_ns
        self.packets_sent = 0
        self._packets = budget.packets
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Count one packet that is about to be sent; False if there is none left."""
        with self._lock:
            if self.packets_sent >= self._packets:
                return False
            self.packets_sent += 1
            return True


def run_flow(
    trace: PathTrace,
    channel: ProbeChannel,
    *,
    ip_octets: int,
    waiter: Waiter,
    spending: Spending,
    round_over: Callable[[], None] | None = None,
) -> str:
    """Probe until the machine is done; return why the host refused a packet, or nothing.

    `round_over` is called whenever the next round begins.
    """
    flow = _Flow(trace, channel, ip_octets, waiter, spending)
    rounds_told = 0
    while not trace.is_over(now_ns := waiter.clock.monotonic_ns()):
        if waiter.stop.is_set():
            trace.stop(TraceEnd.INTERRUPTED)
            break
        if now_ns >= spending.deadline_ns:
            trace.stop(TraceEnd.BUDGET)
            break
        flow.send_what_is_due()
        flow.hear_until(trace.next_wakeup_ns())
        if round_over is not None and trace.rounds_over > rounds_told:
            rounds_told = trace.rounds_over
            round_over()
    return flow.refusal


class _Flow:
    """The steps of a flow."""

    def __init__(
        self,
        trace: PathTrace,
        channel: ProbeChannel,
        ip_octets: int,
        waiter: Waiter,
        spending: Spending,
    ) -> None:
        self.refusal = ""
        self._trace = trace
        self._channel = channel
        self._ip_octets = ip_octets
        self._waiter = waiter
        self._spending = spending

    def send_what_is_due(self) -> None:
        clock, trace = self._waiter.clock, self._trace
        while (probe := trace.probe_to_send(clock.monotonic_ns())) is not None:
            if not self._spending.take():
                trace.not_sent(TraceEnd.BUDGET)
                return
            at_ns = clock.monotonic_ns()  # before the call: no round trip is shorter than it was
            try:
                self._channel.send(probe.number, probe.ttl, self._ip_octets)
            except OSError as error:
                self.refusal = reason_of(error)
                trace.not_sent(TraceEnd.NOT_SENT)
                return
            trace.departed(probe.number, at_ns)

    def hear_until(self, wakeup_ns: int | None) -> None:
        clock = self._waiter.clock
        if wakeup_ns is None:
            return
        await_answer(self._channel, min(wakeup_ns, self._spending.deadline_ns), self._waiter)
        for answer in self._channel.receive():
            self._trace.answered(answer, clock.monotonic_ns())


def run_mtu_search(
    search: MtuSearch, channel: ProbeChannel, *, waiter: Waiter, spending: Spending
) -> None:
    """Search until the machine is done, or the budget is."""
    run = _MtuRun(search, channel, waiter, spending)
    while step := search.sizes_to_send():
        if not run.send(step):
            search.stop()
            return
        run.await_step()


class _MtuRun:
    """The steps of a search.

    Until anything was ever answered a step is waited for the whole waiting time, afterwards three
    times the longest round trip.
    """

    def __init__(
        self, search: MtuSearch, channel: ProbeChannel, waiter: Waiter, spending: Spending
    ) -> None:
        self._search = search
        self._channel = channel
        self._waiter = waiter
        self._spending = spending
        self._sent_ns: dict[int, int] = {}
        self._last_ns = 0
        self._longest_ns = 0

    def send(self, step: Sequence[tuple[int, int]]) -> bool:
        """Send the packets of a step; False when no more may or can be sent."""
        self._sent_ns.clear()
        for number, octets in step:
            now_ns = self._waiter.clock.monotonic_ns()
            if self._waiter.stop.is_set() or now_ns >= self._spending.deadline_ns:
                return False
            if not self._spending.take() or not self._send_one(number, octets, now_ns):
                return False
            while self._waiter.clock.monotonic_ns() < now_ns + MTU_SPACING_NS:
                self._hear_until(now_ns + MTU_SPACING_NS)
        return True

    def await_step(self) -> None:
        """Wait for what is missing of a step."""
        while self._sent_ns and not self._waiter.stop.is_set():
            until_ns = min(self._last_ns + self._patience_ns(), self._spending.deadline_ns)
            if self._waiter.clock.monotonic_ns() >= until_ns:
                return
            self._hear_until(until_ns)

    def _send_one(self, number: int, octets: int, now_ns: int) -> bool:
        try:
            self._channel.send(number, MTU_TTL, octets)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                return False
            self._search.refused(number)
            self._search.told(number, None, None)
            return True
        self._sent_ns[number] = self._last_ns = now_ns
        return True

    def _patience_ns(self) -> int:
        if not self._longest_ns:
            return limits.PATH_WAIT_NS
        wanted_ns = max(MTU_PATIENCE_NS_MIN, MTU_PATIENCE_FACTOR * self._longest_ns)
        return min(wanted_ns, limits.PATH_WAIT_NS)

    def _hear_until(self, until_ns: int) -> None:
        """Take in what comes first, if anything does until then."""
        await_answer(self._channel, until_ns, self._waiter)
        now_ns = self._waiter.clock.monotonic_ns()
        for answer in self._channel.receive():
            if answer.answer is HopAnswer.TOO_BIG:
                self._search.told(answer.number, answer.address, answer.mtu_octets)
            elif answer.answer in FROM_TARGET and answer.number is not None:
                self._search.answered(answer.number)
            if answer.number is not None and answer.number in self._sent_ns:
                rtt_ns = now_ns - self._sent_ns.pop(answer.number)
                self._longest_ns = max(self._longest_ns, rtt_ns)


def await_answer(channel: ProbeChannel, until_ns: int, waiter: Waiter) -> None:
    """Sleep until something came on the channel, a moment is there, or a slice is over."""
    left_ns = min(until_ns - waiter.clock.monotonic_ns(), SLICE_NS)
    poller = select.poll()
    for endpoint in channel.endpoints():
        poller.register(endpoint, select.POLLIN)
    poller.poll(max(0, -(-left_ns // NS_PER_MS)))
