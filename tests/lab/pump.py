"""The process that moves the frames of directions: for each a ring, the queue model, a sender.

Theory of operation. The lab starts one process per direction (`python -m lab.pump FD`), so the two
directions never wait for each other's interpreter; a lab of many slow links gives one process all
of them, so that they share a processor. The loop is dull: it feeds each model what has arrived,
with the kernel's times, and sends what the model says is due.

It sleeps as long as it may. With nothing inside, it waits for a frame or an order. Otherwise it
sleeps until the next frame is due, and does not even wake for arrivals: a frame cannot be due
sooner than the link's delay after it came, so looking into the ring twice within that delay is
enough. A long sleep ends a little early and a short one follows, because timers are late in
proportion to their length. When frames are due closer together than a wake-up is worth, several
are sent at once: at most `_COALESCE_NS` late, never early.

When the lab's end of the control socket closes, whatever the reason, the process kills what is left
in the hosts' namespaces and ends. The namespaces vanish with their last user.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import takewhile
from time import monotonic_ns  # noqa: TID251 - a driver, and this is asked for every frame
from typing import Any, NamedTuple

from lab.frames import Numbered, numbered
from lab.kernel import CLONE_NEWNET, set_timer_slack_ns, setns
from lab.link import Direction, Fate
from lab.messages import receive_message, send_message
from lab.spec import DirectionSpec
from lab.sweep import kill_processes_in
from lab.truth import PacketLog
from lab.wire import FrameSender, RingReader, ip_octets
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US

NAMESPACES_MAX = 64  # of a lab, the links' own included
_COALESCE_NS = 50 * NS_PER_US  # half of what a delay measurement could notice
_LOOK_AHEAD_NS_MIN = 100 * NS_PER_US  # on a shorter link each arrival wakes the pump
_LOOK_AHEAD_NS_MAX = 2 * NS_PER_MS  # bounds what the ring must hold: 160 frames at a gigabit
_LAST_NAP_NS = 100 * NS_PER_US
_LATE_NS = 500 * NS_PER_US
_ORDERS_EVERY_NS = 5 * NS_PER_MS  # how long a busy pump may leave an order unread


class Watched(NamedTuple):
    """A frame with a number in it, on a port that somebody watches."""

    frame: bytes
    packet: Numbered


class Pump:
    """One direction at work."""

    def __init__(self, spec: DirectionSpec, *, source: RingReader, sink: FrameSender) -> None:
        self._model: Direction[bytes | Watched] = Direction(spec, start_ns=monotonic_ns())
        self._source = source
        self._sink = sink
        self._log = PacketLog()
        self._frames_late = 0
        self._late_ns_max = 0

    @property
    def readable(self) -> socket.socket:
        """What to wait on for a frame."""
        return self._source.socket

    def take_in(self) -> None:
        """Give the model what has arrived."""
        arrive = self._model.arrive
        for arrived_ns, frame in self._source.take():
            packet = numbered(frame, self._log.ports) if self._log.ports else None
            if packet is None:
                arrive(arrived_ns, ip_octets(frame), frame)
                continue
            fate = arrive(arrived_ns, ip_octets(frame), Watched(frame, packet))
            if fate is not Fate.HELD:
                self._log.note(packet, fate, ip_bytes=ip_octets(frame), arrived_ns=arrived_ns)

    def let_out(self) -> None:
        """Send what the model says is due."""
        now_ns = monotonic_ns()
        ready = self._model.due(now_ns)
        for held in ready:
            frame = held.frame
            if isinstance(frame, Watched):
                departed_ns = monotonic_ns()
                self._sink.try_send(frame.frame)
                self._log.note(
                    frame.packet,
                    Fate.DELIVERED,
                    ip_bytes=held.ip_bytes,
                    arrived_ns=held.arrived_ns,
                    due_ns=held.due_ns,
                    departed_ns=departed_ns,
                )
            else:
                self._sink.try_send(frame)
        if ready:
            self._late_ns_max = max(self._late_ns_max, now_ns - ready[0].due_ns)
            self._frames_late += sum(
                1 for _ in takewhile(lambda held: now_ns - held.due_ns > _LATE_NS, ready)
            )
        if self._model.severed:
            self._bury()

    def _bury(self) -> None:
        for held in self._model.severed:
            if isinstance(held.frame, Watched):
                self._log.note(
                    held.frame.packet,
                    Fate.CUT,
                    ip_bytes=held.ip_bytes,
                    arrived_ns=held.arrived_ns,
                )
        self._model.severed.clear()

    def carry_out(self, fields: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Do what an order says; return the truth up to then, and the packets logged since."""
        self.take_in()  # what came before the order is treated as before the order
        self.let_out()
        now_ns = monotonic_ns()
        if "spec" in fields:
            self._model.change(now_ns, DirectionSpec.from_json(fields["spec"]))
        if "cut" in fields:
            (self._model.cut if fields["cut"] else self._model.mend)(now_ns)
        if "watch" in fields:
            self._log.ports = frozenset(fields["watch"])
        return self._report(now_ns), self._log.take()

    def next_due_ns(self) -> int | None:
        """Return when the next frame comes out; None when the link is empty."""
        return self._model.next_due_ns()

    def shortest_ns(self) -> int:
        """Return the least time that any frame arriving from now on spends inside."""
        return self._model.shortest_ns()

    def _report(self, now_ns: int) -> dict[str, Any]:
        return {
            **asdict(self._model.counters),
            "read_ns": now_ns,
            "frames_held": self._model.frames_held(),
            "overruns": self._source.overruns(),
            "refused": self._sink.refused,
            "unfinished": self._source.unfinished,
            "unlogged": self._log.unlogged,
            "frames_late": self._frames_late,
            "late_ns_max": self._late_ns_max,
            "cpu_ns": time.process_time_ns(),
        }


class Loop:
    """The pumps of one process, and the lab's orders to them."""

    def __init__(self, pumps: Sequence[Pump], control: socket.socket) -> None:
        self._pumps = pumps
        self._control = control
        self._sockets = [*(pump.readable for pump in pumps), control]
        self._orders_read_ns = 0

    def run(self) -> None:
        """Move frames until the lab closes its end of the control socket."""
        running = True
        while running:
            for pump in self._pumps:
                pump.take_in()
                pump.let_out()
            running = self._rest()

    def _rest(self) -> bool:
        """Sleep as long as nothing can be due; False when the lab is gone."""
        waiting = [due for pump in self._pumps if (due := pump.next_due_ns()) is not None]
        if not waiting:
            return self._wait(None)
        due_ns, now_ns = min(waiting), monotonic_ns()
        shortest_ns = min(pump.shortest_ns() for pump in self._pumps)
        look_ahead_ns = min(shortest_ns // 2, _LOOK_AHEAD_NS_MAX)
        if look_ahead_ns < _LOOK_AHEAD_NS_MIN:
            return self._wait(max(due_ns - now_ns, 0))
        pause_ns = max(min(due_ns - now_ns, look_ahead_ns), _COALESCE_NS)
        if pause_ns > 2 * _LAST_NAP_NS:
            pause_ns -= _LAST_NAP_NS
        time.sleep(pause_ns / NS_PER_S)
        if now_ns - self._orders_read_ns > _ORDERS_EVERY_NS:
            return self._wait(0)
        return True

    def _wait(self, timeout_ns: int | None) -> bool:
        """Wait for a frame or an order and obey it; False when the lab is gone."""
        timeout_s = None if timeout_ns is None else timeout_ns / NS_PER_S
        readable, _, _ = select.select(self._sockets, [], [], timeout_s)
        self._orders_read_ns = monotonic_ns()
        return self._control not in readable or self._obey()

    def _obey(self) -> bool:
        message = receive_message(self._control)
        if message is None:
            return False
        fields, _ = message
        send_message(self._control, *self._pumps[fields["pump"]].carry_out(fields))
        return True


def main() -> None:
    """Serve the lab at the other end of the descriptor given as first argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _, namespaces, _, _ = socket.recv_fds(control, 1, NAMESPACES_MAX)
    first = receive_message(control)
    if first is None:
        return
    order, _ = first
    link_namespace, *host_namespaces = namespaces
    setns(link_namespace, CLONE_NEWNET)
    os.close(link_namespace)
    ends = [(RingReader(each["source"]), FrameSender(each["sink"])) for each in order["directions"]]
    _be_prompt()
    pumps = [
        Pump(DirectionSpec.from_json(each["spec"]), source=source, sink=sink)
        for each, (source, sink) in zip(order["directions"], ends, strict=True)
    ]
    send_message(control, {"ready": True})
    try:
        Loop(pumps, control).run()
    finally:
        inodes = [os.fstat(descriptor).st_ino for descriptor in host_namespaces]
        kill_processes_in(inodes, spare={os.getpid(), order["owner"]})


def _be_prompt() -> None:
    """Be woken on time, and before the hosts that this link joins."""
    gc.disable()
    set_timer_slack_ns(1)
    with suppress(PermissionError):  # in a user namespace an ordinary priority has to do
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


if __name__ == "__main__":
    main()
