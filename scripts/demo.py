"""The main job on one machine: an installation accepted over an emulated access link.

A server and a customer's device live in two network namespaces, joined by an emulated WiMAX link.
The device measures the line, judges it, seals a record and posts it to the installation sheet; at
the end the record is checked without a network. Where namespaces are not to be had the same runs
over loopback, and says so. Everything is left in build/demo/.

Usage: PYTHONPATH=tests python scripts/demo.py   (make demo)
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lab import privilege
from lab.errors import LabUnavailableError
from lab.host import Host
from lab.spec import access_link
from lab.topology import Lab

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "demo"
SCRIPTS = Path(sysconfig.get_path("scripts"))
PLAN = "WMX-HOME-2M"
SUBSCRIBER = "CUST-0001"
PORT = 8600

# What the plan provisions, a WiMAX round trip, and a base station's buffer.
LINK = access_link(
    down_bps=2_048_000, up_bps=524_000, rtt_us=80_000, jitter_us=5_000, buffer_ms=300
)
LINK_IN_WORDS = "WiMAX, 2.048 Mbit/s down and 0.524 up, 80 ms round trip, 0 to 5 ms of variation"


class Here:
    """The machine itself, for the demo over loopback."""

    def popen(self, argv: Sequence[str], **streams: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start a program, as `Host.popen` does on a host of the lab."""
        return subprocess.Popen([*argv], text=True, **streams)


Place: TypeAlias = Host | Here


@dataclass(frozen=True, slots=True)
class Stage:
    """The two ends, and how they are joined."""

    customer: Place
    server: Place
    server_address: str
    words: str

    @property
    def url(self) -> str:
        """The server as the customer reaches it."""
        return f"http://{self.server_address}:{PORT}"


def main() -> int:
    """Run the demo; return the exit code of the step that failed, or 0."""
    started = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with stage() as ends, server(ends) as token:
        say(f"The line: {ends.words}")
        subscriber = ("subscriber", "add", SUBSCRIBER, "--plan", PLAN, "--activate")
        operate("The operator sells a plan and activates it", *subscriber)
        sheet = operate(
            "and dispatches an installation sheet", "sheet", "create", "--subscriber", SUBSCRIBER
        )
        number = str(sheet["sheet_id"])
        enrol = ("enrol", "--server", ends.url, "--token", token)
        code = omega(ends.customer, "The technician's device is enrolled", *enrol)
        accept = ("accept", "--sheet", number, "--save", str(FOLDER / "record.json"))
        code = code or omega(ends.customer, "The technician accepts the line", *accept)
        if not code:
            show_sheet(ends, number)
    verify = ("verify", str(FOLDER / "record.json"))
    code = code or omega(Here(), "Anybody checks the record, without a network", *verify)
    spent_s = round(time.monotonic() - started)
    if code:
        print(f"\nThe demo stopped with exit code {code}; see {here(FOLDER / 'server.log')}.")
        return code
    tell_what_next(number, spent_s)
    return 0


@contextmanager
def stage() -> Iterator[Stage]:
    """Set up the two ends: over the emulated link where possible, else over loopback."""
    reason = privilege.available()
    if reason is not None:
        words = f"loopback, because the emulated link is not to be had here: {reason}"
        yield Stage(Here(), Here(), "127.0.0.1", words)
        return
    with Lab(LINK) as lab:
        yield Stage(lab.customer, lab.server, lab.server.v4, f"emulated {LINK_IN_WORDS}")


@contextmanager
def server(ends: Stage) -> Iterator[str]:
    """Run the server with its embedded store; yield the enrolment token it printed."""
    argv = ["run", "--data", str(FOLDER / "server"), "--port", str(PORT), "--json"]
    with ExitStack() as stack:
        log = stack.enter_context((FOLDER / "server.log").open("w"))
        show("The server starts, with its embedded store", ["omega-server", *argv])
        process = ends.server.popen(
            [str(SCRIPTS / "omega-server"), *argv], stdout=subprocess.PIPE, stderr=log
        )
        stack.callback(stop, process)
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        first = process.stdout.readline()
        if not first:
            raise SystemExit(f"the server did not start; see {here(FOLDER / 'server.log')}")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield str(json.loads(first)["enrolment_token"])


def stop(process: subprocess.Popen[str]) -> None:
    """End the server in order."""
    process.terminate()
    process.wait(10)


def operate(words: str, *arguments: str) -> dict[str, Any]:
    """Run a command of the operator and return its JSON."""
    show(words, ["omega-server", *arguments])
    argv = [str(SCRIPTS / "omega-server"), *arguments, "--data", str(FOLDER / "server"), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def omega(place: Place, words: str, *arguments: str) -> int:
    """Run a command of the agent, on the terminal, and return its exit code."""
    show(words, ["omega", *arguments])
    env = {**os.environ, "OMEGA_HOME": str(FOLDER / "agent")}
    return place.popen([str(SCRIPTS / "omega"), *arguments], env=env).wait()


def show_sheet(ends: Stage, number: str) -> None:
    """Ask the API for the sheet, as the back office would."""
    token = (FOLDER / "server" / "operator.token").read_text("ascii").strip()
    say(f"The sheet, by the API: GET /v1/sheets/{number}")
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{ends.url}/v1/sheets/{number}", headers={"Authorization": f"Bearer {token}"}
    )
    with ExitStack() as stack:
        if isinstance(ends.server, Host):
            stack.enter_context(ends.server.entered())
        answer = stack.enter_context(urllib.request.urlopen(request, timeout=10))  # noqa: S310
        sheet = json.load(answer)
    print(f"  sheet {sheet['sheet_id']}: {sheet['state']}, plan {sheet['plan']['id']}")
    for record in sheet["records"]:
        print(f"  record {record['digest'][:12]}: {record['verdict']}")


def tell_what_next(number: str, spent_s: int) -> None:
    """Say what was left behind and what to try."""
    home = here(FOLDER / "agent")
    record = here(FOLDER / "record.json")
    binary = here(SCRIPTS / "omega")
    print(
        f"\nDone in {spent_s} s. Left in {here(FOLDER)}: the record, the server's data, its log.\n"
    )
    print("Try next:")
    print(f"  OMEGA_HOME={home} {binary} verify {record} --json | less")
    print(f"  sed 's/pass/fail/' {record} > /tmp/forged.json; {binary} verify /tmp/forged.json")
    print(
        f"  {here(SCRIPTS / 'omega-server')} sheet show {number} --data {here(FOLDER / 'server')}"
    )
    print("  make lab LINK=adsl      a shell on the customer's side of another line")


def show(words: str, argv: Sequence[str]) -> None:
    """Print what comes next, as a person would type it."""
    say(words)
    print(f"  $ {shlex.join(argv).replace(f'{ROOT}/', '')}", flush=True)


def say(words: str) -> None:
    """Print a heading."""
    print(f"\n-- {words}", flush=True)


def here(path: Path) -> str:
    """Return a path as seen from the repository."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    with suppress(LabUnavailableError):  # then `stage` says so and takes loopback
        privilege.ensure([sys.executable, *sys.argv])
    raise SystemExit(main())
