"""`omega run`: the daemon put together.

What it says goes to stdout, a line each, with the time: that is what a journal keeps. With `--json`
each line is an object with a code and fields.

It waits for weeks on small devices, so nothing is loaded here that only a measurement needs, or the
posting of what waits in the outbox: both are done by other processes, which give back what they
took.
"""

from __future__ import annotations

import json
import queue
import random
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from omega_agent.daemon.crew import Crew
from omega_agent.daemon.foreman import Ending, Foreman
from omega_agent.daemon.journal import DirectoryJournal
from omega_agent.daemon.line_look import LineLook
from omega_agent.daemon.local_limits import LocalLimits, load_limits
from omega_agent.daemon.loop import Loop
from omega_agent.daemon.memory import Memory
from omega_agent.daemon.news import Broken, Ended, News, Quit
from omega_agent.daemon.privilege import has_raw_sockets
from omega_agent.daemon.sender import Sender
from omega_agent.daemon.waiter import Self, Waiter
from omega_agent.daemon.watch_setup import watching_of
from omega_agent.daemon.watching import Watching
from omega_agent.device import Device, enrolled_device
from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.moments import utc
from omega_agent.texts import Speaker
from omega_agent.uplink import Uplink
from omega_core.clock import SystemClock
from omega_core.errors import ExitCode
from omega_core.instruction import Capabilities
from omega_core.keys import to_base64url
from omega_probe.environment import software

_INSTANCE_OCTETS = 16
_WATCH_END_S = 5.0  # for one write to a slow disk; what it does not take is lost with the power too
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(home: Home, speaker: Speaker, *, as_json: bool) -> int:
    """Wait for instructions and carry them out, until SIGTERM or Ctrl-C."""
    device = enrolled_device(home)
    limits = load_limits(home.limits_file)
    with home.waiting():
        memory = Memory(home.daemon_file)
        memory.begin()
        _Daemon(home, device, limits, memory, Teller(speaker, as_json=as_json)).run()
    return ExitCode.ACCEPTED


class Teller:
    """Says what happens, with the time of this device's clock."""

    def __init__(self, speaker: Speaker, *, as_json: bool) -> None:
        self._speaker = speaker
        self._as_json = as_json
        self._clock = SystemClock()

    def tell(self, code: str, /, **fields: object) -> None:
        """Say one thing, on one line."""
        now = utc(self._clock.unix_us())
        if self._as_json:
            told = {name: str(value) for name, value in fields.items()}
            line = json.dumps({"at": now, "code": code, **told}, ensure_ascii=False)
        else:
            line = f"{now} {self._speaker.say(code, **fields)}"
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class _Daemon:
    """The parts, and what each hands to the others."""

    def __init__(
        self, home: Home, device: Device, limits: LocalLimits, memory: Memory, teller: Teller
    ) -> None:
        self._home = home
        self._device = device
        self._limits = limits
        self._memory = memory
        self._teller = teller
        self._clock = SystemClock()
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._who = self._myself()
        self._sender = Sender(home)
        self._foreman = Foreman(
            DirectoryJournal(home.instructions),
            limits,
            instance=self._who.instance,
            used=lambda: memory.now.used,
        )

    def run(self) -> None:
        """Run until a signal; the thread that waits is left to end with the process."""
        rng = random.SystemRandom()
        waiter = Waiter(
            self._who,
            self._uplink,
            self._clock,
            tell=self._news.put,
            holding=lambda: self._foreman.holding,
            spread_s=lambda: self._memory.now.return_spread_s,
            schedule_id=self._schedule_id,
            stop=self._stop,
            rng=rng,
        )
        watching = self._watching(rng) if self._limits.watch else None
        loop = Loop(
            self._who,
            self._foreman,
            Crew(self._home.path, self._ended),
            self._memory,
            self._limits,
            server=str(self._device.server),
            news=self._news,
            uplink=self._uplink,
            clock=self._clock,
            look=LineLook(self._clock),
            find_record=self._find_record,
            sender=self._sender,
            watching=watching,
            tell=self._teller.tell,
            stop=self._stop,
            rng=rng,
        )
        with self._signals(), self._no_thread_dies_unseen():
            server = self._device.server
            self._teller.tell("daemon_starts", agent=self._who.agent_id, server=server)
            threading.Thread(target=waiter.run, daemon=True, name="omega-waiter").start()
            with _in_a_thread(watching):
                loop.run()

    def _schedule_id(self) -> str | None:
        schedule = self._memory.now.schedule
        return None if schedule is None else schedule.schedule_id

    def _watching(self, rng: random.Random) -> Watching:
        return watching_of(
            self._home,
            self._device,
            self._who,
            self._limits,
            uplink=self._uplink,
            clock=self._clock,
            rng=rng,
            spread_s=self._memory.now.return_spread_s,
            tell=self._news.put,
        )

    def _myself(self) -> Self:
        agent_id, server_key = self._device.agent_id, self._device.server_key
        if agent_id is None or server_key is None:
            raise WrongUseError("not_enrolled", path=self._home.path)
        return Self(
            agent_id=agent_id,
            key=self._device.key,
            server_key=server_key,
            instance=to_base64url(secrets.token_bytes(_INSTANCE_OCTETS)),
            starts=self._memory.now.starts,
            software=software(),
            capabilities=Capabilities(kinds=self._limits.kinds, raw_sockets=has_raw_sockets()),
        )

    def _uplink(self) -> Uplink:
        device = self._device
        return Uplink(
            device.server, software=software(), clock=self._clock, insecure=device.insecure
        )

    def _find_record(self, instruction_id: str) -> str | None:
        # After something was cut off: rarely, and not worth its memory otherwise.
        from omega_agent.kept_bundles import record_made_for  # noqa: PLC0415 - as said

        return record_made_for(self._home, instruction_id)

    def _ended(self, name: str, ending: Ending, octets: int) -> None:
        self._news.put(Ended(name, ending, octets))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, self._leave) for each in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _no_thread_dies_unseen(self) -> Iterator[None]:
        before = threading.excepthook
        threading.excepthook = self._thread_broke
        try:
            yield
        finally:
            threading.excepthook = before

    def _thread_broke(self, broke: threading.ExceptHookArgs) -> None:
        if broke.exc_value is not None:
            self._news.put(Broken(broke.exc_value))

    def _leave(self, *_: object) -> None:
        self._news.put(Quit())


@contextmanager
def _in_a_thread(watching: Watching | None) -> Iterator[None]:
    """Watch the line meanwhile, where it is to be watched; its journal is whole afterwards."""
    if watching is None:
        yield
        return
    thread = threading.Thread(target=watching.run, daemon=True, name="omega-watch")
    thread.start()
    try:
        yield
    finally:
        watching.end()
        thread.join(_WATCH_END_S)
