"""`omega-server key`, and tokens for one device: as an operator types them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core.envelope import parse_envelope
from omega_core.errors import ExitCode
from omega_core.keyfile import load
from omega_server import enrolment
from omega_server.cli import main
from omega_server.identity import SERVER_KEY_FILE
from omega_server.refusals import Code, RefusalError
from support.server_rig import RIG_UNIX_US, make_rig

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return its exit code and what it said."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["omega-server", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        said = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, said.out, said.err

    return call


def as_json(said: tuple[int, str, str]) -> Any:  # noqa: ANN401 - JSON
    code, out, err = said
    assert (code, err) == (0, "")
    return json.loads(out)


def test_every_key_is_listed_with_its_owner_and_state(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        device = rig.enrolled()
    listed = as_json(run("key", "list", "--data", tmp_path, "--json"))
    assert [(each["role"], each["state"]) for each in listed] == [
        ("server", "active"),
        ("test_point", "active"),
        ("agent", "active"),
    ]
    assert listed[2]["kid"] == device.key.public.kid
    _, out, _ = run("key", "list", "--data", tmp_path)
    assert out.count("\n") == 3
    assert f"{device.agent_id}        {device.key.public.kid}  active since 2026-11-18" in out


def test_the_servers_key_is_rotated_and_what_is_to_be_done_is_said(
    run: Run, tmp_path: Path
) -> None:
    with make_rig(tmp_path) as rig:
        old = rig.services.key.public
    code, out, err = run("key", "rotate", "--data", tmp_path)
    new = load(tmp_path / SERVER_KEY_FILE).public
    assert (code, err) == (0, "")
    assert f"server key       {new.text}" in out
    assert "start every server again" in out
    listed = as_json(run("key", "list", "--data", tmp_path, "--json"))
    server = [(each["kid"], each["state"]) for each in listed if each["role"] == "server"]
    assert server == [(old.kid, "active"), (new.kid, "active")]
    assert "active, replaced 20" in run("key", "list", "--data", tmp_path)[1]
    again = as_json(run("key", "rotate", "--data", tmp_path, "--json"))
    assert (again["old_key_id"], again["overlap_s"]) == (new.kid, 604_800)


def test_a_key_is_revoked_and_the_sheet_says_so(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        device = rig.enrolled()
        granted = rig.installed(device)
        rig.post(rig.record(granted))
    at = ("--data", tmp_path)
    _, before, _ = run("sheet", "show", granted.grant.sheet_id, *at)
    revoke = ("key", "revoke", device.key.public.kid, "--reason", "stolen", *at)
    assert as_json(run(*revoke, "--json"))["state"] == "revoked"
    assert run("sheet", "show", granted.grant.sheet_id, *at)[1] == before
    code, out, err = run(*revoke, "--invalid-since", "2026-11-18T01:00:00+01:00")
    assert (code, err) == (0, "")
    assert out.endswith("compromised since 2026-11-18 00:00:00Z\n")
    _, after, _ = run("sheet", "show", granted.grant.sheet_id, *at)
    assert "valid, key compromised" in after
    view = as_json(run("sheet", "show", granted.grant.sheet_id, *at, "--json"))
    assert view["records"][0]["key_state"] == "compromised"
    assert "revoked 20" in run("agent", "list", *at)[1]


def test_a_key_without_a_doubt_is_shown_as_revoked(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        kid = rig.enrolled().key.public.kid
    _, out, _ = run("key", "revoke", kid, "--reason", "retired", "--data", tmp_path)
    assert f"{kid}  revoked 20" in out


def test_a_stolen_device_is_revoked_since_it_was_stolen(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        device = rig.enrolled()
    at = ("--reason", "stolen", "--data", tmp_path)
    run("agent", "revoke", device.agent_id, *at, "--invalid-since", "2026-11-18T00:00Z")
    listed = as_json(run("key", "list", "--data", tmp_path, "--json"))
    assert [each["state"] for each in listed if each["role"] == "agent"] == ["compromised"]
    code, _, err = run("agent", "revoke", device.agent_id, *at, "--invalid-since", "2999-01-01T00Z")
    assert (code, "a moment that has passed" in err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("x", "--reason", "r"), "KID: the 43 characters", id="no id of a key"),
        pytest.param(("A" * 43, "--reason", "r"), "no key has the id", id="nobody's key"),
        pytest.param(
            ("A" * 43, "--reason", "r", "--invalid-since", "2026-11-18T00:00"),
            "a moment with its zone",
            id="a moment without its zone",
        ),
        pytest.param(
            ("A" * 43, "--reason", "r", "--invalid-since", "1969-12-31T00:00Z"),
            "a moment with its zone",
            id="before there were clocks",
        ),
        pytest.param(
            ("A" * 43, "--reason", "r", "--invalid-since", "yesterday"),
            "a moment with its zone",
            id="no moment",
        ),
    ],
)
def test_what_is_no_revocation(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    with make_rig(tmp_path):
        pass
    code, out, err = run("key", "revoke", *arguments, "--data", tmp_path)
    assert (code, out) == (ExitCode.USAGE, "")
    assert said in err


class TestTokenForOneDevice:
    def test_it_says_for_which(self, run: Run, tmp_path: Path) -> None:
        with make_rig(tmp_path) as rig:
            sheet_id = rig.sheet()
        bound = ("--serial", "SN-1", "--sheet", sheet_id, "--data", tmp_path)
        made = as_json(run("token", "new", *bound, "--json"))
        assert (made["serial"], made["sheet_id"]) == ("SN-1", sheet_id)
        assert f"for SN-1  for {sheet_id}" in run("token", "list", "--data", tmp_path)[1]

    def test_a_sheet_that_is_not_there_has_no_token(self, run: Run, tmp_path: Path) -> None:
        with make_rig(tmp_path):
            pass
        code, _, err = run("token", "new", "--sheet", "FI-9", "--data", tmp_path)
        assert code == ExitCode.USAGE
        assert "no sheet FI-9" in err

    def test_another_device_is_refused_and_the_right_one_is_logged(self, tmp_path: Path) -> None:
        with make_rig(tmp_path) as rig:
            token = enrolment.make_token(rig.store, RIG_UNIX_US, serial="SN-1")
            key = rig.new_key()
            with pytest.raises(RefusalError) as refusal:
                rig.services.enrolment.enrol(rig.enrolment(key, token, serial="SN-2"))
            assert refusal.value.code is Code.TOKEN_BOUND
            answer = rig.services.enrolment.enrol(rig.enrolment(key, token, serial="SN-1"))
            (event,) = rig.store.cases.events("agent", answer.agent_id)
            assert (event.kind, event.content["serial"]) == ("key_issued", "SN-1")
            assert parse_envelope(answer.statement.encode()).signatures
