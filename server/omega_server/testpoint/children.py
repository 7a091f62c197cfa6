"""The host's children: one reflector, and a worker for each core; what it tells them and hears.

When one of them dies the test point ends as a whole, with a code that is not 0: a half of it would
refuse or spoil measurements, and whoever supervises it starts it again in a moment.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omega_core.evidence import FlowCounts, SenderCounts, StreamReport
from omega_core.load import LoadCounts
from omega_core.wire.testpoint import FlowTick
from omega_server.testpoint.channel import READY, ChannelClosedError, Message, start_child
from omega_server.testpoint.commands import (
    LoadReport,
    Reflect,
    ReflectedReport,
    RunReport,
    StartLoad,
    StartRun,
)
from omega_server.testpoint.errors import TestPointBrokenError

_END_TIMEOUT_S = 3
_REFLECTOR = "omega_server.testpoint.reflector_process"
_WORKER = "omega_server.testpoint.worker"


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run among those of all sessions: the worker it is in, and its number there."""

    worker: int
    number: int


@dataclass(slots=True)
class Heard:
    """Whom to tell what the children report."""

    reflected: Callable[[ReflectedReport], None]
    progressed: Callable[[RunKey, tuple[FlowTick, ...]], None]
    exhausted: Callable[[RunKey], None]
    closed: Callable[[RunKey, RunReport], None]
    load_stopped: Callable[[RunKey, str], None]
    load_closed: Callable[[RunKey, LoadReport], None]
    moved: Callable[[RunKey, int, int], None]
    """IP octets a run has received and sent so far."""


class Child:
    """One child process and our end of its channel."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._process, self.channel = start_child(module)

    def end(self) -> None:
        """Let it leave by itself, which it does at the end of the channel; then make sure."""
        self.channel.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Children:
    """All children of one test point."""

    def __init__(self, *, workers: int | None) -> None:
        count = workers or len(os.sched_getaffinity(0))
        self._reflector = Child(_REFLECTOR)
        self._workers = [Child(_WORKER) for _ in range(count)]
        self._running = [0] * count
        self._numbers = 0
        for child in self.all:
            _await_ready(child)

    @property
    def all(self) -> list[Child]:
        """Every child, to wait on."""
        return [self._reflector, *self._workers]

    def give_endpoints(self, endpoints: list[socket.socket]) -> None:
        """Hand the reflector its UDP sockets; ours are closed."""
        descriptors = [endpoint.fileno() for endpoint in endpoints]
        order = {"op": "sockets", "count": len(descriptors)}
        self._reflector.channel.send(order, descriptors)
        for endpoint in endpoints:
            endpoint.close()

    def watch_for(self, test_point: str, server_keys: Sequence[str], key_file: Path) -> None:
        """Have standing streams answered by the reflector, which reads the key by itself."""
        order = {
            "op": "standing",
            "id": test_point,
            "server_keys": list(server_keys),
            "key_file": str(key_file),
        }
        self._tell(self._reflector, order)

    def reflect(self, wanted: Reflect) -> None:
        """Have a stream answered."""
        self._tell(
            self._reflector,
            {
                "op": "open",
                "ssid": wanted.ssid,
                "addresses": sorted(wanted.addresses),
                "key": None if wanted.key is None else wanted.key.hex(),
                "octets_max": wanted.octets_max,
            },
        )

    def stop_reflecting(self, ssid: int) -> None:
        """Have a stream closed; its report comes."""
        self._tell(self._reflector, {"op": "close", "ssid": ssid})

    def start_run(self, wanted: StartRun) -> RunKey:
        """Make a run in the worker that has the fewest."""
        key = self._new_key()
        order = {
            "op": "start",
            "run": key.number,
            "direction": wanted.direction.value,
            "octets_max": wanted.octets_max,
            "duration_ns": wanted.duration_ns,
            "congestion_control": wanted.congestion_control,
            "congestion_control_fast": wanted.congestion_control_fast,
            "pace_bps": wanted.pace_bps,
        }
        self._tell(self._workers[key.worker], order)
        return key

    def start_load(self, wanted: StartLoad, endpoint: socket.socket, *, silence_ns: int) -> RunKey:
        """Have a load served by the worker that has the fewest; ours is the caller's to close."""
        key = self._new_key()
        order = {
            "op": "load",
            "run": key.number,
            "direction": wanted.direction.value,
            "octets_max": wanted.octets_max,
            "duration_ns": wanted.duration_ns,
            "silence_ns": silence_ns,
            "ip_octets": wanted.ip_octets,
            "addresses": sorted(wanted.addresses),
            "stream": wanted.keys.stream,
            "token": wanted.keys.token.hex(),
            "rate_key": wanted.keys.rate_key.hex(),
            "feedback_key": wanted.keys.feedback_key.hex(),
        }
        self._tell(self._workers[key.worker], order, endpoint)
        return key

    def join(self, key: RunKey, connection: socket.socket, *, flow: int, joined_ns: int) -> None:
        """Hand a flow's connection to its run; ours is the caller's to close."""
        order = {"op": "join", "run": key.number, "flow": flow, "joined_ns": joined_ns}
        self._tell(self._workers[key.worker], order, connection)

    def stop_run(self, key: RunKey) -> None:
        """Have a run closed; its report comes."""
        self._tell(self._workers[key.worker], {"op": "stop", "run": key.number})

    def hear(self, child: Child, heard: Heard) -> None:
        """Take what a child has to say; raises TestPointBrokenError when it is dead."""
        try:
            messages = child.channel.receive()
        except ChannelClosedError as error:
            raise _broken(child) from error
        for message in messages:
            if child is self._reflector:
                heard.reflected(_reflected(message))
            else:
                self._hear_worker(self._workers.index(child), message, heard)

    def end(self) -> None:
        """End them all."""
        for child in self.all:
            with suppress(OSError):
                child.channel.close()
        for child in self.all:
            child.end()

    def _new_key(self) -> RunKey:
        """Name a run in the worker that has the fewest."""
        worker = min(range(len(self._workers)), key=lambda index: self._running[index])
        self._numbers += 1
        self._running[worker] += 1
        return RunKey(worker, self._numbers)

    def _hear_worker(self, worker: int, message: Message, heard: Heard) -> None:
        if message["op"] == "moved":
            for number, received, sent in message["runs"]:
                heard.moved(RunKey(worker, number), received, sent)
            return
        key = RunKey(worker, message["run"])
        match message["op"]:
            case "progress":
                heard.progressed(key, tuple(_tick(*flow) for flow in message["flows"]))
            case "exhausted":
                heard.exhausted(key)
            case "closed":
                self._running[worker] -= 1
                heard.closed(key, _run_report(message))
            case "load_stopped":
                heard.load_stopped(key, message["why"])
            case "load_closed":
                self._running[worker] -= 1
                heard.load_closed(key, _load_report(message))
            case _:
                raise ValueError(f"a worker said {message['op']!r}")

    def _tell(self, child: Child, order: Message, connection: socket.socket | None = None) -> None:
        descriptors = [] if connection is None else [connection.fileno()]
        try:
            child.channel.send(order, descriptors)
        except ChannelClosedError as error:
            raise _broken(child) from error


def _await_ready(child: Child) -> None:
    try:
        said = child.channel.receive()
    except ChannelClosedError as error:
        raise _broken(child) from error
    if said != [READY]:
        raise _broken(child)


def _broken(child: Child) -> TestPointBrokenError:
    return TestPointBrokenError(f"a process of the test point died: {child.module}")


def _tick(flow: int, at_us: int, octets: int) -> FlowTick:
    return FlowTick(flow=flow, at_us=at_us, octets=octets)


def _reflected(message: Message) -> ReflectedReport:
    return ReflectedReport(
        ssid=message["ssid"],
        report=StreamReport(
            received=tuple((first, last) for first, last in message["received"]),
            replies=message["replies"],
            duplicates=message["duplicates"],
            reordered=message["reordered"],
        ),
        octets_received=message["octets_received"],
        octets_sent=message["octets_sent"],
    )


def _run_report(message: Message) -> RunReport:
    return RunReport(
        flows=tuple(
            FlowCounts(flow=flow["flow"], at_us=tuple(flow["at_us"]), octets=tuple(flow["octets"]))
            for flow in message["flows"]
        ),
        senders=tuple(SenderCounts(**sender) for sender in message["senders"]),
        congestion_control=message["congestion_control"],
        held_back=message["held_back"],
        octets_received=message["octets_received"],
        octets_sent=message["octets_sent"],
    )


def _load_report(message: Message) -> LoadReport:
    counts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in message["counts"].items()
    }
    return LoadReport(
        counts=LoadCounts(**counts),
        octets_received=message["octets_received"],
        octets_sent=message["octets_sent"],
    )
