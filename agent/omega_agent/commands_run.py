"""`omega run`: the daemon put together.

What it says goes to stdout, a line each, with the time: that is what a journal keeps. With `--json`
each line is an object with a code and fields.
"""

from __future__ import annotations

import queue
import random
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from omega_agent.daemon.crew import Crew
from omega_agent.daemon.foreman import Ending, Foreman
from omega_agent.daemon.journal import DirectoryJournal
from omega_agent.daemon.line_look import LineLook
from omega_agent.daemon.local_limits import LocalLimits, load_limits
from omega_agent.daemon.loop import Ended, Leave, Loop, News
from omega_agent.daemon.memory import Memory
from omega_agent.daemon.privilege import has_raw_sockets
from omega_agent.daemon.waiter import Self, Waiter
from omega_agent.device import Device, enrolled_device
from omega_agent.errors import WrongUseError
from omega_agent.kept_bundles import record_made_for
from omega_agent.sessions import deliver_earlier
from omega_agent.show import utc
from omega_agent.surroundings import Surroundings, print_json
from omega_core.errors import ExitCode
from omega_core.instruction import Capabilities
from omega_core.keys import to_base64url

_INSTANCE_OCTETS = 16
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(around: Surroundings) -> int:
    """Wait for instructions and carry them out, until SIGTERM or Ctrl-C."""
    device = enrolled_device(around.home)
    limits = load_limits(around.home.limits_file)
    with around.home.waiting():
        memory = Memory(around.home.daemon_file)
        memory.begin()
        _Daemon(around, device, limits, memory).run()
    return ExitCode.ACCEPTED


class _Daemon:
    """The parts, and what each hands to the others."""

    def __init__(
        self, around: Surroundings, device: Device, limits: LocalLimits, memory: Memory
    ) -> None:
        self._around = around
        self._device = device
        self._limits = limits
        self._memory = memory
        self._place = around.workplace()
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._who = self._myself()
        self._foreman = Foreman(
            DirectoryJournal(around.home.instructions),
            limits,
            instance=self._who.instance,
            used=lambda: memory.now.used,
        )

    def run(self) -> None:
        """Run until a signal; the thread that waits is left to end with the process."""
        rng = random.SystemRandom()
        uplink = partial(self._place.uplink, self._device)
        waiter = Waiter(
            self._who,
            uplink,
            self._around.clock,
            tell=self._news.put,
            holding=lambda: self._foreman.holding,
            spread_s=lambda: self._memory.now.return_spread_s,
            stop=self._stop,
            rng=rng,
        )
        loop = Loop(
            self._who,
            self._foreman,
            Crew(self._around.home.path, self._ended),
            self._memory,
            self._limits,
            server=str(self._device.server),
            news=self._news,
            uplink=uplink,
            clock=self._around.clock,
            look=LineLook(self._around.clock),
            find_record=partial(record_made_for, self._around.home),
            drain=self._drain,
            tell=self._tell,
            stop=self._stop,
            rng=rng,
        )
        with self._signals():
            self._tell("daemon_starts", agent=self._who.agent_id, server=self._device.server)
            threading.Thread(target=waiter.run, daemon=True, name="omega-waiter").start()
            loop.run()

    def _myself(self) -> Self:
        agent_id, server_key = self._device.agent_id, self._device.server_key
        if agent_id is None or server_key is None:
            raise WrongUseError("not_enrolled", path=self._around.home.path)
        return Self(
            agent_id=agent_id,
            key=self._device.key,
            server_key=server_key,
            instance=to_base64url(secrets.token_bytes(_INSTANCE_OCTETS)),
            starts=self._memory.now.starts,
            software=self._place.software,
            capabilities=Capabilities(kinds=self._limits.kinds, raw_sockets=has_raw_sockets()),
        )

    def _ended(self, name: str, ending: Ending, octets: int) -> None:
        self._news.put(Ended(name, ending, octets))

    def _drain(self) -> None:
        delivery = deliver_earlier(self._place)
        self._around.tell_rewritten(delivery.rewritten)

    def _tell(self, code: str, /, **fields: object) -> None:
        now = utc(self._around.clock.unix_us())
        if self._around.as_json:
            told = {name: str(value) for name, value in fields.items()}
            print_json({"at": now, "code": code, **told})
        else:
            self._around.print_lines([f"{now} {self._around.speaker.say(code, **fields)}"])

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, self._leave) for each in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _leave(self, *_: object) -> None:
        self._news.put(Leave())
