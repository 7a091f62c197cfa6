"""SIGKILL of server, agent and ticket system at drawn moments, and what is to be seen afterwards.

    found = KillTrial(folder, seed=1).run(times=100)
    found.faults        sentences; empty is what must be

Everything is a real process: `omega-server run` and its test point, `omega run` and the child that
measures, a ticket system that keeps its notes on disk. A round opens no ticket of its own: each has
one that was linked before, is diagnosed once, and is killed into from the press on. Rounds end with
their instruction; deliveries are waited for at the end, all at once. A server that dies with a
delivery in hand leaves a lease of minutes: the trial moves it up instead of waiting.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any

from omega_server.connectors.config import CONNECTORS_FILE, read_settings
from omega_server.connectors.desk import link_ticket
from omega_server.connectors.diagnostic import mark_of
from omega_server.store import open_store
from support.children import python_path
from support.daemons import Daemon, resident
from support.kept_target import notes_in
from support.live_server import children_of
from support.main_job import Site, site_on_loopback

SYSTEM = "helpdesk"
_VICTIMS = ("server", "daemon", "daemon and child", "child", "target")
_KILLS_A_ROUND = (1, 2, 2, 3)
_SPAN_S = 9.0  # a quick diagnosis on loopback takes six, with what comes before and after
_DEAD_S = 0.5
_ROUND_S = 180
_SETTLED_S = 120
_LEASE_MOVED_US = 5_000_000
_MARK_CHARS = len(mark_of("0" * 64))


@dataclass
class Found:
    """What a trial came to."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    instructions: int = 0
    records: int = 0
    notes: int = 0
    faults: list[str] = field(default_factory=list)


class KillTrial:
    """One site, and whoever is killed in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = Random(seed)  # noqa: S311 - draws moments, no secrets
        self._found = Found(seed)
        self._notes = folder / "notes"
        self._port = _free_port()

    def run(self, times: int) -> Found:
        """Kill so many times, let everybody come to rest, and look."""
        plan: list[int] = []
        while sum(plan) < times:
            plan.append(min(self._random.choice(_KILLS_A_ROUND), times - sum(plan)))
        data = self._folder / "server"
        data.mkdir(mode=0o700)
        (self._folder / "secret").write_text("a-token-of-the-trial")
        (data / CONNECTORS_FILE).write_text(
            f'[[systems]]\nname = "{SYSTEM}"\nkind = "zammad"\nurl = "http://127.0.0.1:{self._port}"\n'
            f'token_file = "{self._folder / "secret"}"\n'
        )
        with ExitStack() as stack:
            self._start_target()
            stack.callback(lambda: _kill(self._target))
            self._site: Site = stack.enter_context(site_on_loopback(self._folder))
            tickets = self._linked(len(plan))
            # Tests of a minute, not of a day: the owner's limit of twelve an hour is not on trial.
            device = resident(self._site, "box")
            (device.home / "limits.toml").write_text("tests_an_hour_max = 1000\n")
            self._daemon = stack.enter_context(Daemon(device))
            self._daemon.await_said("daemon_answered")
            names = [self._round(*each) for each in zip(tickets, plan, strict=True)]
            self._come_to_rest(tickets)
            self._look(dict(zip(tickets, names, strict=True)))
        return self._found

    def _round(self, ticket: str, kills: int) -> str:
        """Press *diagnose*, kill meanwhile, and wait for the end of the instruction."""
        pressed: list[str] = []
        press = threading.Thread(target=lambda: pressed.append(self._press(ticket)))
        began = time.monotonic()
        moments = sorted(self._random.uniform(0, _SPAN_S) for _ in range(kills))
        press.start()
        for moment in moments:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            self._kill_one()
        press.join(_ROUND_S)
        if not pressed:
            raise TimeoutError(f"diagnose was not answered for {ticket}")
        end = time.monotonic() + _ROUND_S
        while not (told := self._ask("GET", f"/v1/instructions/{pressed[0]}"))["has_ended"]:
            if time.monotonic() > end:
                break  # what has not ended is told as a fault by `_look`
            time.sleep(0.2)
        self._found.instructions += 1
        self._found.ended[told["state"]] += 1
        return pressed[0]

    def _press(self, ticket: str) -> str:
        wish = json.dumps({"by": "trial"}).encode()
        return str(self._ask("POST", f"/v1/tickets/{ticket}/diagnosis", wish)["instruction_id"])

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask until it answers: whoever asks a server that died asks again."""
        token = Path(self._site.announced["operator_token_file"]).read_text("ascii").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        end = time.monotonic() + _ROUND_S
        while True:
            with suppress(OSError, EOFError, ValueError, HTTPException):
                status, content = self._site.ask(method, path, body, headers)
                if status in {200, 201}:
                    return json.loads(content)
                if status != 503:
                    raise RuntimeError(f"{method} {path}: {status} {content!r}")
            if time.monotonic() > end:
                raise TimeoutError(f"{method} {path}")
            time.sleep(0.1)

    def _kill_one(self) -> None:
        victim = self._random.choice(_VICTIMS)
        dead_s = self._random.uniform(0, _DEAD_S)
        if victim == "server":
            self._site.kill()
            time.sleep(dead_s)
            self._site.start()
        elif victim == "target":
            _kill(self._target)
            time.sleep(dead_s)
            self._start_target()
        else:
            victim = self._kill_agent(victim, dead_s)
        self._found.kills[victim] += 1

    def _kill_agent(self, victim: str, dead_s: float) -> str:
        children = children_of(self._daemon.process.pid)
        if victim == "child" and children:
            with suppress(ProcessLookupError):
                os.kill(self._random.choice(children), signal.SIGKILL)
            return victim
        if victim == "daemon and child":
            for each in children:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        self._daemon.stop(signal.SIGKILL)
        time.sleep(dead_s)
        self._daemon.start()
        return "daemon" if victim == "child" else victim

    def _come_to_rest(self, tickets: list[str]) -> None:
        """Wait until nothing is on its way: no record at the agent, no delivery at the server."""
        end = time.monotonic() + _SETTLED_S
        while time.monotonic() < end:
            posted = sum(len(self._case(ticket)["records"]) for ticket in tickets)
            with closing(sqlite3.connect(self._site.data / "omega.sqlite", timeout=10)) as base:
                (done,) = base.execute(
                    "SELECT count(*) FROM deliveries WHERE state = 'posted'"
                ).fetchone()
                base.execute(
                    "UPDATE deliveries SET due_unix_us = 0 WHERE state = 'waiting' "
                    "AND changed_unix_us < ?",
                    (int(time.time() * 1_000_000) - _LEASE_MOVED_US,),  # noqa: TID251 - as the server's
                )
                base.commit()
            if done == posted and not self._daemon_holds():
                return
            time.sleep(1)

    def _daemon_holds(self) -> bool:
        home = self._folder / "box"
        return any((home / "outbox").glob("[0-9]*.*")) or any((home / "instructions").iterdir())

    def _look(self, names: dict[str, str]) -> None:
        found, seen = self._found, notes_in(self._notes)
        if self._daemon_holds():
            found.faults.append("the agent still holds something")
        for number, (ticket, name) in enumerate(names.items(), 1):
            case, told = self._case(ticket), self._ask("GET", f"/v1/instructions/{name}")
            texts = [text for to, text in seen if to == str(number)]
            found.records += len(case["records"])
            found.notes += len(texts)
            where = f"{ticket} {name} ({told['state']})"
            found.faults += (f"{where}: {each}" for each in faults_of(case, told, texts))

    def _case(self, ticket: str) -> Any:  # noqa: ANN401 - JSON
        return self._ask("GET", f"/v1/tickets/{ticket}")

    def _linked(self, count: int) -> list[str]:
        (settings,) = read_settings(self._site.data / CONNECTORS_FILE)
        subscriber = self._site.someone
        wish = {"actor": {"name": "trial", "level": 1}, "subscriber_ref": subscriber}
        body = json.dumps({**wish, "description": "slow"}).encode()
        tickets = [str(self._ask("POST", "/v1/tickets", body)["ticket_id"]) for _ in range(count)]
        base = f"sqlite:///{self._site.data / 'omega.sqlite'}"
        with open_store(base, may_migrate=False) as store:
            for number, ticket in enumerate(tickets, 1):
                link_ticket(store, settings, ticket, str(number), 0)
        return tickets

    def _start_target(self) -> None:
        command = [sys.executable, "-m", "support.kept_target", str(self._port), str(self._notes)]
        self._target = subprocess.Popen(command, env=python_path())


def faults_of(case: Any, told: Any, texts: list[str]) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Say what is lost or doubled of one instruction.

    `case` and `told` are the API's answers on its ticket and on itself, `texts` the ticket system's
    notes on the ticket.
    """
    digests = [each["digest"] for each in case["records"]]
    if not told["has_ended"]:
        yield "lost, it has not ended"
    if told["state"] == "done" and told["record_digest"] not in digests:
        yield "done, and its record is missing"
    if len(digests) > 1:
        yield f"{len(digests)} records of one instruction"
    states = Counter(
        each["content"]["step"] for each in case["events"] if each["kind"] == "diagnosis"
    )
    if states["asked"] != 1 or states["done"] + states["failed"] != 1:
        yield f"the log tells {dict(states)}"
    marks = [text[text.index("omega:") :][:_MARK_CHARS] for text in texts]
    if sorted(marks) != sorted(map(mark_of, digests)):
        yield f"shown {marks}, records {digests}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
