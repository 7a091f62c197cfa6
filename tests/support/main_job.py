"""The main job with real processes: a server, an operator's commands, devices that measure.

with site_over(lab, folder) as site:
    omega = site.enrolled("laptop")
    done = omega.run("accept", "--sheet", site.sheet(), "--json")

The same over loopback, where no link is needed: `with site_on_loopback(folder) as site:`. Programs
are the installed ones, `omega` and `omega-server`, as a technician and an operator type them.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from lab.host import Machine
from lab.spec import access_link
from lab.topology import Lab
from omega_core.errors import ExitCode
from support import processors
from support.live_server import children_of

PLANS = Path(__file__).parent / "plans"
PLAN = "LAB-FAST"
PORT = 8600
DOWN_BPS, UP_BPS = 4_000_000, 2_000_000  # what PLAN provisions
MIN_BPS_DOWN = 2_000_000
BUFFER_MS = 200
LINK = access_link(down_bps=DOWN_BPS, up_bps=UP_BPS, rtt_us=20_000, buffer_ms=BUFFER_MS)
SCRIPTS = Path(sys.executable).parent
_START_S = 60
_END_S = 120
_COMMAND_S = 60
_TRIES = 5

Json: TypeAlias = dict[str, Any]


class Here:
    """The machine itself, with `popen` as a host of the lab has it."""

    def popen(
        self,
        argv: Sequence[str | os.PathLike[str]],
        **streams: Any,  # noqa: ANN401 - as Host.popen
    ) -> subprocess.Popen[str]:
        return subprocess.Popen([*argv], text=True, **streams)


Place: TypeAlias = Machine | Here


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command of the agent came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Json:
        """The one JSON object on stdout."""
        content: Json = json.loads(self.stdout)
        assert self.stdout.count("\n") == 1, "one object on one line"
        return content

    @property
    def was_robbed(self) -> bool:
        """Whether nothing but a processor taken by a hypervisor made this run invalid."""
        return self.code == ExitCode.INVALID and processors.were_taken(self.json["measurement"])

    @property
    def own_faults(self) -> list[str]:
        """What made the run invalid, without what a hypervisor did."""
        return processors.own_faults(self.json["measurement"])

    @property
    def last_line(self) -> str:
        return self.stderr.splitlines()[-1]


class Running:
    """A command of the agent under way; its progress is read as JSON, line by line."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self._lines: list[str] = []

    def await_event(self, event: str, **fields: str) -> Json:
        """Read its progress up to an event; raises EOFError when it ends before."""
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self._lines.append(line)
            said = _object_in(line)
            if said.get("event") == event and fields.items() <= said.items():
                return said
        raise EOFError(f"ended before {event} {fields}: {''.join(self._lines)}")

    def await_phase(self, task: str) -> None:
        """Wait until a task has begun."""
        self.await_event("phase_started", task=task)

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def finish(self) -> Ran:
        """Wait for its end."""
        stdout, stderr = self.child.communicate(timeout=_END_S)
        return Ran(self.child.returncode, stdout, "".join(self._lines) + stderr)


class Omega:
    """A device: the `omega` command at a place, with a home of its own.

    `before` is a program that runs it, with its arguments: as another user, say.
    """

    def __init__(self, place: Place, home: Path, *, before: Sequence[str] = ()) -> None:
        self.place = place
        self.home = home
        self._before = before

    @property
    def env(self) -> Mapping[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("OMEGA_")}
        return {**clean, "OMEGA_HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def start(self, *arguments: str | Path) -> Running:
        """Start a command whose progress is then read as JSON."""
        return Running(self._popen(*arguments, "--progress", "json"))

    def start_plain(self, *arguments: str | Path) -> Running:
        """Start a command that shows no progress."""
        return Running(self._popen(*arguments))

    def run(self, *arguments: str | Path, timeout_s: float = _END_S) -> Ran:
        """Run a command to its end."""
        child = self._popen(*arguments)
        try:
            stdout, stderr = child.communicate(timeout=timeout_s)
        except BaseException:
            child.kill()
            raise
        return Ran(child.returncode, stdout, stderr)

    def run_undisturbed(self, *arguments: str | Path, timeout_s: float = _END_S) -> Ran:
        """Run one that measures, with `--json`; again where a hypervisor took its processor.

        See `support.processors`.
        """
        done, tries = self.run(*arguments, timeout_s=timeout_s), 1
        while done.was_robbed and tries < _TRIES:
            processors.await_them()
            done, tries = self.run(*arguments, timeout_s=timeout_s), tries + 1
        return done

    def _popen(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return self.place.popen(
            [*self._before, SCRIPTS / "omega", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
        )

    def outbox(self) -> list[str]:
        """Return the digests of the records that wait."""
        listed = self.run("outbox", "--json")
        return [each["digest"] for each in listed.json["waiting"]]

    def waiting_files(self) -> list[Path]:
        """Return the files of the outbox, without asking the agent."""
        return sorted((self.home / "outbox").glob("[0-9]*.*"))


@dataclass
class Site:
    """A server with its data, and where devices stand."""

    folder: Path
    server_place: Place
    customer_place: Place
    host: str
    """The address at which devices find the server."""
    options: tuple[str, ...] = ()
    plans: Path = PLANS
    data: Path = Path()
    """The server's folder."""
    announced: Json = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    _made: int = 0

    def __post_init__(self) -> None:
        if self.data == Path():
            self.data = self.folder / "server"

    @property
    def port(self) -> int:
        return int(str(self.announced["url"]).rpartition(":")[2])

    @property
    def url(self) -> str:
        return self.url_at(self.host)

    def url_at(self, host: str) -> str:
        """Return the server's URL at one of its addresses."""
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Start the server, on the port it had before if there was one."""
        port = (
            self.port if self.announced else (PORT if isinstance(self.server_place, Machine) else 0)
        )
        said = self.folder / "server.out"
        with (self.folder / "server.log").open("a") as log, said.open("w") as out:
            self.process = self.server_place.popen(
                [
                    str(SCRIPTS / "omega-server"),
                    *("run", "--json", "--plans", str(self.plans)),
                    *("--data", str(self.data), "--port", str(port), *self.options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        process = self.process
        wait_until(lambda: "\n" in said.read_text() or process.poll() is not None, _START_S)
        if not said.read_text():
            raise RuntimeError(f"the server did not start: {self.log()}")
        self.announced = json.loads(said.read_text())

    def stop(self) -> int:
        """End the server in order."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(_START_S)

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(_START_S)

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def test_point_processes(self) -> list[int]:
        """Return the server's child processes, and theirs."""
        assert self.process is not None
        found = children_of(self.process.pid)
        return found + [grandchild for child in found for grandchild in children_of(child)]

    def operate(self, *arguments: str) -> Json:
        """Run a command of the operator; return its JSON."""
        done = subprocess.run(
            [SCRIPTS / "omega-server", *arguments, "--data", self.data, "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S,
        )
        assert done.returncode == 0, done.stderr
        answer: Json = json.loads(done.stdout)
        return answer

    def subscriber(self, *, plan: str = PLAN, activated: bool = True) -> str:
        """Add a subscriber; return the reference."""
        self._made += 1
        name = f"CUST-{self._made:04}"
        activate = ("--activate",) if activated else ()
        self.operate("subscriber", "add", name, "--plan", plan, *activate)
        return name

    @cached_property
    def someone(self) -> str:
        """A subscriber of PLAN, activated."""
        return self.subscriber()

    def sheet(self, subscriber: str | None = None) -> str:
        """Return the number of a new installation sheet."""
        made = self.operate("sheet", "create", "--subscriber", subscriber or self.someone)
        return str(made["sheet_id"])

    def ticket(self) -> str:
        """Return the number of a new ticket."""
        said = "pages load slowly"
        made = self.operate("ticket", "open", "--subscriber", self.someone, "--description", said)
        return str(made["ticket_id"])

    def device(self, name: str) -> Omega:
        """Return a device that nobody has enrolled."""
        return Omega(self.customer_place, self.folder / name)

    def enrolled(self, name: str) -> Omega:
        """Return a new device, enrolled with this server."""
        omega = self.device(name)
        token = self.operate("token", "new")["token"]
        done = omega.run("enrol", "--server", self.url, "--token", token)
        assert done.code == 0, done.stderr
        return omega

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Ask the API from the server's own host, so that the link stays quiet."""
        with ExitStack() as stack:
            if isinstance(self.server_place, Machine):
                stack.enter_context(self.server_place.entered())
            connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            stack.callback(connection.close)
            connection.request(method, path, body=body, headers={**(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def case(self, kind: str, number: str) -> Json:
        """Return a sheet (`sheets`) or ticket (`tickets`) as the API tells it to an operator."""
        return self.call("GET", f"/v1/{kind}/{number}")

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask the API as an operator; return its good answer."""
        token = Path(self.announced["operator_token_file"]).read_text("ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        status, content = self.ask(method, path, data, headers)
        assert status in {200, 201}, content
        answer: Json = json.loads(content)
        return answer

    def posted(self, number: str) -> list[tuple[str, str | None]]:
        """Return digest and verdict of each record on a sheet or ticket."""
        kind = "sheets" if number.startswith("FI-") else "tickets"
        return [
            (record["digest"], record["verdict"]) for record in self.case(kind, number)["records"]
        ]

    def is_well(self) -> bool:
        """Say whether the API answers."""
        return self.ask("GET", "/healthz") == (200, b"ok")


@contextmanager
def site_over(lab: Lab, folder: Path) -> Iterator[Site]:
    """Run a server on the lab's server; devices stand at the customer's."""
    yield from _started(Site(folder, lab.server, lab.customer, lab.server.v4))


@contextmanager
def site_on_loopback(folder: Path, *, data: Path = Path()) -> Iterator[Site]:
    """Run a server on a free port of this machine; devices stand beside it."""
    here, address = Here(), "127.0.0.1"
    yield from _started(Site(folder, here, here, address, options=("--host", address), data=data))


def _started(site: Site) -> Iterator[Site]:
    site.start()
    try:
        yield site
    finally:
        if site.process is not None and site.process.poll() is None:
            site.process.send_signal(signal.SIGCONT)
            site.stop()


def leave_waiting(omega: Omega, sheet: str) -> str:
    """Have a device seal a record that it does not post; return its digest.

    A real run that Ctrl-C ends when it has just begun.
    """
    run = omega.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("connectivity")
    run.signal(signal.SIGINT)
    done = run.finish()
    assert done.code == 130, done.stderr
    return str(done.json["record_digest"])


def restore(lab: Lab) -> None:
    """Give a lab of LINK its line back, whatever a test did to it."""
    lab.link.mend()
    lab.link.down.set(rate_bps=DOWN_BPS)
    lab.link.up.set(rate_bps=UP_BPS)


def wait_until(condition: Callable[[], object], within_s: float = 30) -> None:
    """Look every hundredth of a second until something has come about."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come about")
        time.sleep(0.01)


def _object_in(line: str) -> Json:
    try:
        said = json.loads(line)
    except ValueError:
        return {}  # the one line of an error
    return said if isinstance(said, dict) else {}
