"""`omega-server user`: accounts and links from the console, passwords never in an argument."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core.clock import SystemClock
from omega_core.errors import ExitCode
from omega_server.cli import main
from omega_server.people.opening import People, people_of
from support.people import CHEAP, HERE, PASSWORD
from support.server_rig import Rig

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `user ...` on a rig's store in this process; return exit code, stdout and stderr."""
    data = rig.installation.settings.data

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        words = ["omega-server", "user", *map(str, arguments), "--data", str(data)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as leaving:
            main()
        said = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, said.out, said.err

    return call


def people_now(rig: Rig) -> People:
    return people_of(rig.store, SystemClock(), cost=CHEAP)


def logged_in(rig: Rig, name: str, password: str) -> str:
    people = people_now(rig)
    return people.entrance.login(name, password, HERE).person.role.value


def told(run: Run, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (ExitCode.ACCEPTED, "")
    return json.loads(out)


def descriptor_of(line: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, line)
    os.close(writing)
    return reading


def test_an_account_is_made_with_a_secret_for_its_owner(rig: Rig, run: Run) -> None:
    added = told(run, "add", "tina", "--role", "technician")
    assert (added["person"]["name"], added["person"]["has_password"]) == ("tina", False)
    people = people_now(rig)
    people.desk.set_by_link(added["reset"]["secret"], PASSWORD, HERE)
    assert logged_in(rig, "tina", PASSWORD) == "technician"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_password_comes_by_a_descriptor(rig: Rig, run: Run, end: bytes) -> None:
    reading = descriptor_of(PASSWORD.encode() + end)
    options = ("--role", "helpdesk", "--level", "2", "--password-fd", str(reading))
    code, out, _ = run("add", "hugo", *options)
    os.close(reading)
    assert (code, out) == (ExitCode.ACCEPTED, "hugo  helpdesk level 2  fr  password set\n")
    assert logged_in(rig, "hugo", PASSWORD) == "helpdesk"


def test_a_password_is_typed_twice(rig: Rig, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "another"])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert run("add", "root", "--role", "administrator", "--ask-password")[0] == 0
    assert logged_in(rig, "root", PASSWORD) == "administrator"
    code, _, err = run("add", "aude", "--role", "auditor", "--ask-password")
    assert (code, "not the same" in err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("add", "Tina", "--role", "noc"), "name", id="a capital"),
        pytest.param(("add", "tina", "--role", "king"), "--role is one of", id="no such role"),
        pytest.param(("add", "tina", "--role", "customer"), "private link", id="a customer"),
        pytest.param(("add", "tina", "--role", "helpdesk"), "level", id="no level"),
        pytest.param(("add", "tina", "--role", "noc", "--language", "de"), "fr, en", id="language"),
        pytest.param(("add", "operator", "--role", "noc"), "token", id="the operator's name"),
        pytest.param(("add", "t", "--role", "noc", "--password-fd", "99"), "99", id="no such fd"),
        pytest.param(("add", "t", "--role", "noc", "--ask-password"), "terminal", id="no terminal"),
        pytest.param(("role", "tina", "--role", "noc"), "no account", id="nobody's role"),
        pytest.param(("lock", "tina"), "no account", id="nobody to lock"),
        pytest.param(("reset", "tina"), "no account", id="nobody to reset"),
        pytest.param(("link", "S-99"), "not known", id="no such subscriber"),
        pytest.param(("revoke", "l-99"), "not known", id="no such link"),
    ],
)
def test_what_can_not_be_is_said(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert said in err


def test_an_unfit_password_makes_no_account(run: Run) -> None:
    reading = descriptor_of(b"short\n")
    code, _, err = run("add", "tina", "--role", "noc", "--password-fd", str(reading))
    os.close(reading)
    assert (code, "12 characters" in err) == (ExitCode.USAGE, True)
    assert told(run, "list") == {"people": [], "next_after": None}


def test_an_account_is_changed_locked_and_listed(run: Run) -> None:
    run("add", "tina", "--role", "technician")
    assert told(run, "role", "tina", "--role", "helpdesk", "--level", "3")["level"] == 3
    assert told(run, "lock", "tina")["locked_unix_us"] is not None
    assert "locked 20" in run("list")[1]
    assert told(run, "unlock", "tina")["locked_unix_us"] is None
    assert run("list")[1] == "tina  helpdesk level 3  fr  no password yet\n"
    assert len(told(run, "reset", "tina")["secret"]) == 32


def test_a_link_is_made_and_revoked(rig: Rig, run: Run) -> None:
    ref = rig.subscriber().subscriber_ref
    made = told(run, "link", ref, "--code")
    assert len(made["secret"]) == 11
    assert "100 times" in run("link", ref)[1]
    assert told(run, "revoke", made["link"]["link_id"])["revoked_unix_us"] is not None
    assert ref in run("revoke", made["link"]["link_id"])[1]
