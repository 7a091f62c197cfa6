"""A worker process: moves the octets of the runs that the host gives it.

    host                                   worker
    start {run, direction, octets_max, duration, congestion} ->
    join {run, flow, joined_ns} + socket ->  flow threads begin
                                          <- progress {run, flows}, every tick of an upward run
                                          <- exhausted {run}, when its octets are used up
    stop {run}                         ->
                                          <- closed {run, flows, senders, octets}
    load {run, ...} + socket           ->  its thread begins
                                          <- load_stopped {run, why}, when it ends by itself
                                          <- moved {runs}, every tick: IP octets so far
    stop {run}                         ->
                                          <- load_closed {run, counts, octets}

All flows of a run are in one worker, so its octets are counted in one place; the runs are spread
over the workers, one for each core. Waiting for threads to end never holds up another run's ticks.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
from dataclasses import dataclass

from omega_core.clock import Clock, SystemClock
from omega_core.congestion import CongestionChange
from omega_core.limits import BLOCK_OCTETS, TICK_NS
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.load import LoadKeys
from omega_server.testpoint.bulk import BulkRun
from omega_server.testpoint.channel import Channel, ChannelClosedError, Message, channel_of_child
from omega_server.testpoint.load_stream import LoadOrder, LoadStream

_CLOSING_LOOK_NS = 5 * NS_PER_MS  # how often to look whether the threads of an ending run have left


@dataclass(slots=True)
class _Running:
    run: BulkRun
    next_tick_ns: int
    closing: bool = False
    exhausted: bool = False


@dataclass(slots=True)
class _Loading:
    load: LoadStream
    closing: bool = False
    told: bool = False


class Worker:
    """Carries out what the host orders, and keeps the ticks."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._block = memoryview(os.urandom(BLOCK_OCTETS))
        self._runs: dict[int, _Running] = {}
        self._loads: dict[int, _Loading] = {}
        self._moved_ns = clock.monotonic_ns()
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the host is gone."""
        while True:
            if self._selector.select(self._wait_s()):
                for message in self._channel.receive():
                    self._obey(message)
            now_ns = self._clock.monotonic_ns()
            for number in [*self._runs]:
                self._advance(number, self._runs[number], now_ns)
            for number in [*self._loads]:
                self._advance_load(number, self._loads[number])
            self._tell_moved(now_ns)

    def _wait_s(self) -> float | None:
        if not self._runs and not self._loads:
            return None
        now_ns = self._clock.monotonic_ns()
        due_ns = min((each.next_tick_ns for each in self._runs.values()), default=now_ns + TICK_NS)
        if self._loads:
            due_ns = min(due_ns, now_ns + TICK_NS)
        closing = [each.closing for each in self._runs.values()]
        closing += [each.closing for each in self._loads.values()]
        if any(closing):
            due_ns = min(due_ns, now_ns + _CLOSING_LOOK_NS)
        return max(due_ns - now_ns, 0) / NS_PER_S

    def _tell_moved(self, now_ns: int) -> None:
        """Tell the host what each run has moved so far."""
        if now_ns < self._moved_ns + TICK_NS or not (self._runs or self._loads):
            return
        self._moved_ns = now_ns
        runs = [(number, *each.run.moved) for number, each in self._runs.items()]
        runs += [(number, *each.load.moved) for number, each in self._loads.items()]
        self._channel.send({"op": "moved", "runs": runs})

    def _obey(self, message: Message) -> None:
        match message:
            case {"op": "start", "run": number}:
                self._start(number, message)
            case {"op": "join", "run": number, "flow": flow, "joined_ns": joined_ns}:
                self._join(number, flow, joined_ns)
            case {"op": "stop", "run": number}:
                if (running := self._runs.get(number)) is not None:
                    running.closing = True
                    running.run.stop()
                elif (loading := self._loads.get(number)) is not None:
                    loading.closing = True
                    loading.load.stop()
            case {"op": "load", "run": number}:
                self._start_load(number, message)
            case _:
                raise ValueError(f"the host ordered {message.get('op')!r}")

    def _start(self, number: int, message: Message) -> None:
        run = BulkRun(
            Direction(message["direction"]),
            CongestionChange(message["congestion_control"], message["congestion_control_fast"]),
            octets_max=message["octets_max"],
            duration_ns=message["duration_ns"],
            pace_bps=message["pace_bps"],
            block=self._block,
            clock=self._clock,
        )
        self._runs[number] = _Running(run, self._clock.monotonic_ns() + TICK_NS)

    def _join(self, number: int, flow: int, joined_ns: int) -> None:
        connection = socket.socket(fileno=self._channel.descriptors.popleft())
        running = self._runs.get(number)
        if running is None or running.closing:
            connection.close()
            return
        running.run.join(connection, flow, joined_ns=joined_ns)

    def _start_load(self, number: int, message: Message) -> None:
        keys = LoadKeys(
            message["stream"],
            *(bytes.fromhex(message[name]) for name in ("token", "rate_key", "feedback_key")),
        )
        order = LoadOrder(
            direction=Direction(message["direction"]),
            octets_max=message["octets_max"],
            duration_ns=message["duration_ns"],
            silence_ns=message["silence_ns"],
            ip_octets=message["ip_octets"],
            addresses=frozenset(message["addresses"]),
            keys=keys,
        )
        endpoint = socket.socket(fileno=self._channel.descriptors.popleft())
        load = LoadStream(endpoint, order, self._clock)
        self._loads[number] = _Loading(load)
        load.start()

    def _advance_load(self, number: int, loading: _Loading) -> None:
        if loading.load.alive:
            return
        if loading.closing:
            report = loading.load.report()
            self._channel.send({"op": "load_closed", "run": number, **report})
            del self._loads[number]
        elif not loading.told:
            loading.told = True
            why = loading.load.why
            self._channel.send({"op": "load_stopped", "run": number, "why": why})

    def _advance(self, number: int, running: _Running, now_ns: int) -> None:
        if running.closing and running.run.stopped:
            running.run.settle()
            self._channel.send({"op": "closed", "run": number, **running.run.report()})
            del self._runs[number]
            return
        if now_ns < running.next_tick_ns:
            return
        running.next_tick_ns += TICK_NS * (1 + (now_ns - running.next_tick_ns) // TICK_NS)
        if running.closing:
            return
        flows = running.run.tick()
        if flows:
            self._channel.send({"op": "progress", "run": number, "flows": flows})
        if not running.exhausted and running.run.exhausted:
            running.exhausted = True
            running.run.stop()
            self._channel.send({"op": "exhausted", "run": number})


def main() -> None:
    """Run as a child of the host."""
    with contextlib.suppress(ChannelClosedError):
        Worker(channel_of_child(sys.argv), SystemClock()).run()
    os._exit(0)  # without waiting for flow threads: the host is gone, and so are its sessions


if __name__ == "__main__":
    main()
