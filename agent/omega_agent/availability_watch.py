"""The availability watch: the driver between tracker, standing stream, journal and outbox.

    while running: wake_ns = watch.step(); select([watch, ...], until wake_ns)

No thread of its own: whoever hosts it calls `step` when the socket is readable, or the time has
come. A step takes what has arrived, sends the attempt that is due, and appends to the journal where
something began or was over.

The time line. All times of a watch are UTC as it was read once, plus what the kernel's clock that
runs on in sleep has counted since; a step of the wall clock moves nothing and is only told. Over a
reboot that clock begins again, and the wall clock says how long it took, or nothing where it went
back (a device that wakes in 1970): then the reboot took no time, and `clock_step_us` shows it.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from omega_agent.availability_journal import AvailabilityJournal, Closing, Kept, Moment, Window
from omega_agent.standing_client import Answered, SendAgain, StandingClient
from omega_core import limits
from omega_core.availability import Attempts, Unwatched
from omega_core.availability_record import AvailabilityRecord, WhyClosed
from omega_core.canonical import digest_hex
from omega_core.clock import Clock
from omega_core.envelope import PayloadType, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_core.record import AgentRef
from omega_core.sockets.datagrams import prepare, receive
from omega_core.units import NS_PER_MS, NS_PER_US
from omega_probe.availability_tracker import AvailabilityTracker, Standing, watched

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SLEPT_NS = 500 * NS_PER_MS
_DATAGRAMS_AT_ONCE = 64


class Witness(Protocol):
    """Somebody else beyond the line who can be asked whether packets pass."""

    def ask(self, at_us: int) -> None:
        """Ask, without waiting; one that is asked already is left alone."""
        ...

    def told(self, now_us: int) -> list[tuple[int, bool]]:
        """Return what came of it: when each was asked, and whether it answered in a second."""
        ...


class Keeper(Protocol):
    """Where sealed records go; an `Outbox` is one."""

    def put(self, record_id: str, content: bytes) -> None:
        """Keep a record durably; the same again changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who watches, and against what."""

    key: SigningKey
    agent: AgentRef
    test_point: str
    address: tuple[str, int]
    is_on_the_line: bool = False
    """This host is the CPE itself: that it has no route means that the line is down."""


class AvailabilityWatch:
    """One watch of one line; see the module."""

    def __init__(
        self,
        watcher: Watcher,
        *,
        client: StandingClient | None,
        journal: AvailabilityJournal,
        keeper: Keeper,
        clock: Clock,
        witness: Witness | None = None,
        boot_id: Callable[[], str] = lambda: _BOOT_ID.read_text(encoding="ascii").strip(),
    ) -> None:
        self._watcher = watcher
        self.client = client
        self._journal = journal
        self._keeper = keeper
        self._clock = clock
        self._witness = witness
        self._boot_id = boot_id()
        self._endpoint: socket.socket | None = None
        self._number = 0
        self._sent_us: dict[int, int] = {}
        self._due_us = self._kept_us = 0
        self._resume(journal.load())

    def fileno(self) -> int:
        """Return the descriptor to wait on, -1 while there is no socket."""
        return -1 if self._endpoint is None else self._endpoint.fileno()

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
        if now_us - self._window.started_us >= limits.WATCH_WINDOW_US:
            self.close("day")
        elif len(self._over) >= limits.WATCH_EVENTS_MAX:
            self.close("full")
        wait_us = max(0, self._due_us - self._now_us())
        return self._clock.monotonic_ns() + wait_us * NS_PER_US

    def close(self, why: WhyClosed) -> str | None:
        """End the window now; return the digest of its record, which the keeper has then.

        None when nothing has been decided in it yet.
        """
        ended_us = self._tracker.standing.reached_us
        if ended_us <= self._window.started_us:
            return None
        self._keep(self._now_us(), always=True)
        closing = Closing(ended_us=ended_us, closed=why, clock_step_us=self._step_us())
        self._journal.close(closing)
        kept = Kept(window=self._window, standing=self._tracker.standing, over=self._over)
        digest = self._seal(kept, closing)
        self._tracker.begin_window()
        return digest

    def end(self) -> None:
        """Stop watching: what is decided is in the journal, and the next start goes on there."""
        self._tracker.settle(self._now_us())
        self._keep(self._now_us(), always=True)
        self._drop_endpoint()

    def _resume(self, kept: Kept | None) -> None:
        wall_us = self._clock.unix_us()
        if kept is None:
            standing = Standing(reached_us=wall_us)
            self._begin(Window(seq=0, prev=None, started_us=wall_us, standing=standing))
            self._anchor(wall_us)
        else:
            self._window, self._over = kept.window, kept.over
            if kept.closing is not None:
                self._seal(kept, kept.closing)
                kept.standing = self._window.standing
            self._anchor(max(wall_us, kept.standing.reached_us))
        self._tracker = AvailabilityTracker(
            self._window.standing if kept is None else kept.standing
        )
        if kept is not None:
            same_boot = kept.at is not None and kept.at.boot_id == self._boot_id
            cause = Unwatched.STOPPED if same_boot else Unwatched.REBOOTED
            self._tracker.missed(self._now_us(), cause)
        self._due_us = self._now_us()
        self._kept_us = self._now_us()
        self._known = self._tracker.standing

    def _begin(self, window: Window) -> None:
        self._journal.begin(window)
        self._window, self._over = window, []

    def _anchor(self, at_us: int) -> None:
        self._base_us = at_us
        self._base_ns = self._slept_from_ns = self._clock.boottime_ns()
        self._awake_from_ns = self._clock.monotonic_ns()

    def _now_us(self) -> int:
        return self._base_us + (self._clock.boottime_ns() - self._base_ns) // NS_PER_US

    def _step_us(self) -> int:
        return self._clock.unix_us() - self._now_us()

    def _look_for_sleep(self, now_us: int) -> None:
        boottime_ns, monotonic_ns = self._clock.boottime_ns(), self._clock.monotonic_ns()
        slept_ns = (boottime_ns - self._slept_from_ns) - (monotonic_ns - self._awake_from_ns)
        self._slept_from_ns, self._awake_from_ns = boottime_ns, monotonic_ns
        if slept_ns > _SLEPT_NS:
            self._tracker.missed(now_us, Unwatched.SUSPENDED)

    def _attempt(self, now_us: int) -> None:
        unix_us = self._clock.unix_us()
        if self.client is None or not self.client.holds_at(unix_us):
            self._tracker.missed(now_us, Unwatched.NOT_GRANTED)
            return
        if self._witness is not None and self._tracker.suspects(now_us):
            self._witness.ask(now_us)
        number, self._number = self._number, self._number + 1
        left = self._send(self.client.attempt(number, unix_us))
        if not left and not self._watcher.is_on_the_line:
            self._tracker.missed(now_us, Unwatched.NO_ROUTE)
            return
        self._tracker.sent(number, now_us)
        self._sent_us[number] = now_us
        self._sent_us.pop(number - 16, None)

    def _send(self, data: bytes) -> bool:
        try:
            if self._endpoint is None:
                self._endpoint = _connected(self._watcher.address)
            self._endpoint.send(data)
        except BlockingIOError:
            return True  # a full queue: the line is slow or stuck, and the attempt is lost there
        except ConnectionRefusedError:
            return True  # the error of an earlier packet: the test point's port is closed
        except OSError:  # no route, no address, no interface: a new socket finds what comes next
            self._drop_endpoint()
            return False
        return True

    def _take_arrivals(self) -> None:
        for _ in range(_DATAGRAMS_AT_ONCE):
            if self._endpoint is None or self.client is None:
                return
            try:
                datagram = receive(self._endpoint)
            except ConnectionRefusedError:
                continue
            except OSError:
                return
            unix_us, now_us = self._clock.unix_us(), self._now_us()
            late_us = 0
            if datagram.received_unix_ns is not None:
                late_us = max(0, unix_us - datagram.received_unix_ns // NS_PER_US)
            match self.client.received(datagram.data, unix_us):
                case Answered(number=number, restarted=restarted):
                    if restarted and number in self._sent_us:
                        self._tracker.restarted(self._sent_us[number])
                    self._tracker.answered(number, now_us - late_us)
                case SendAgain(data=data):
                    self._send(data)
                case None:
                    continue

    def _keep(self, now_us: int, *, always: bool = False) -> None:
        """Write to the journal where something is new, and now and then."""
        over, standing = self._tracker.take_over(), self._tracker.standing
        self._over += over
        known = self._known
        begun = (standing.run is None, standing.gap is None) != (
            known.run is None,
            known.gap is None,
        )
        due = now_us - self._kept_us >= limits.WATCH_CHECKPOINT_US
        if over or begun or due or always:
            moment = Moment(boot_id=self._boot_id, clock_step_us=self._step_us())
            self._journal.add(over, standing, moment)
            self._known, self._kept_us = standing, now_us

    def _seal(self, kept: Kept, closing: Closing) -> str:
        """Seal the window as its journal has it, hand it over, and begin the next."""
        facts = watched(tuple(kept.over), kept.standing, kept.window.started_us, closing.ended_us)
        record = AvailabilityRecord(
            agent=self._watcher.agent,
            test_point=self._watcher.test_point,
            seq=kept.window.seq,
            prev=kept.window.prev,
            closed=closing.closed,
            period_us=limits.WATCH_PERIOD_US,
            waiting_us=limits.WATCH_WAIT_US,
            clock_step_us=closing.clock_step_us,
            watched=facts,
        )
        payload = model_bytes(record)
        digest = digest_hex(payload)
        self._keeper.put(digest, seal(payload, PayloadType.AVAILABILITY, self._watcher.key))
        standing = replace(kept.standing, attempts=Attempts())
        self._begin(
            Window(
                seq=kept.window.seq + 1, prev=digest, started_us=closing.ended_us, standing=standing
            )
        )
        return digest

    def _drop_endpoint(self) -> None:
        if self._endpoint is not None:
            with contextlib.suppress(OSError):
                self._endpoint.close()
        self._endpoint = None


def _connected(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        prepare(endpoint)
        endpoint.connect(address)
    except OSError:
        endpoint.close()
        raise
    return endpoint


class TcpWitness:
    """Asks by a TCP connection to an address: opened or refused, packets pass both ways."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._asked: list[tuple[int, socket.socket]] = []

    def ask(self, at_us: int) -> None:
        """See `Witness.ask`."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        endpoint = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with contextlib.suppress(OSError):
            endpoint.connect_ex(self._address)
        self._asked.append((at_us, endpoint))

    def told(self, now_us: int) -> list[tuple[int, bool]]:
        """See `Witness.told`."""
        told: list[tuple[int, bool]] = []
        waiting: list[tuple[int, socket.socket]] = []
        for asked_us, endpoint in self._asked:
            answered = _came_through(endpoint)
            if answered is None and now_us - asked_us < limits.WATCH_PERIOD_US:
                waiting.append((asked_us, endpoint))
                continue
            told.append((asked_us, bool(answered)))
            endpoint.close()
        self._asked = waiting
        return told


def _came_through(endpoint: socket.socket) -> bool | None:
    """Say whether the other end has answered; None while that is open."""
    error = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error == 0:
        try:
            endpoint.getpeername()
        except OSError:
            return None
        return True
    return error == errno.ECONNREFUSED
