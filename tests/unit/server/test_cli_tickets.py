"""`omega-server ticket`: the helpdesk's work from a shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import ExitCode
from omega_core.keys import PublicKey
from omega_server.cli import main
from omega_server.cli.ticket_lines import life_lines
from omega_server.ticket_package import check_package
from omega_server.ticket_views import shown
from support.server_rig import Rig, make_rig
from support.ticket_story import DAY_US, TicketStory, bad_evidence, good_evidence


class Shell:
    """The commands, on one ticket of a stopped server."""

    def __init__(
        self, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.data = data
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.number = ""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        at = ("--data", str(self.data))
        self._monkeypatch.setattr("sys.argv", ["omega-server", *arguments, *at])
        with pytest.raises(SystemExit) as left:
            main()
        said = self._capsys.readouterr()
        return int(str(left.value.code or 0)), said.out, said.err

    def good(self, *arguments: str) -> str:
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, "")
        return out

    def do(self, command: str, *options: str, by: str = "Ana") -> str:
        return self.good("ticket", command, self.number, "--by", by, *options)

    def refused(self, command: str, *options: str) -> str:
        code, out, err = self.run("ticket", command, self.number, "--by", "Ana", *options)
        assert (code, out) == (ExitCode.USAGE, "")
        return err


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    with make_rig(tmp_path / "data"):
        pass
    shell = Shell(tmp_path / "data", monkeypatch, capsys)
    shell.good("subscriber", "add", "S-1", "--plan", "FTTH-300-100", "--activate")
    opened = shell.good("ticket", "open", "--subscriber", "S-1", "--description", "c'est lent")
    shell.number = opened.strip()
    return shell


def test_a_life_from_the_shell(shell: Shell) -> None:
    assert "owner       Ana" in shell.do("own", "--owner", "Ana")
    assert "told" in shell.do(
        "eta", "--at", "2099-01-01T00:00Z", "--reason", "a visit", "--told-by", "phone"
    )
    assert "inProgress" in shell.do("start")
    assert "zone" in shell.refused("escalate", "--to", "2", "--reason", "r")
    assert "zone        Z2" in shell.do("zone", "--zone", "Z2")
    assert "level 3" in shell.do("escalate", "--to", "3", "--reason", "r", "--question", "q")
    shell.do("note", "--text", "moved the antenna", "--changes-line")
    assert "proof       missing" in shell.do("resolve", "--remedy", "moved it")
    assert "proof" in shell.refused("close")
    shell.do("waive", "--reason", "empty house", "--level", "3", by="Tessa")
    assert "consent" in shell.refused("close")
    assert "inProgress" in shell.do(
        "consent", "--person", "Mme Roux", "--channel", "phone", "--refused"
    )
    shell.do("resolve", "--remedy", "moved it back")
    shell.do("waive", "--reason", "empty house", "--level", "3", by="Tessa")
    shell.do("consent", "--person", "Mme Roux", "--channel", "phone")
    assert "closed" in shell.do("close")
    closed = json.loads(shell.good("ticket", "show", shell.number, "--json"))
    assert (closed["state"], closed["waived"], closed["consented"]) == ("closed", True, True)
    assert "priority 3" in shell.good("ticket", "show", shell.number)
    assert shell.good("ticket", "list") == f"{shell.number}  S-1  closed  3\n"
    assert shell.good("ticket", "list", "--unreachable") == ""


def test_a_consent_has_its_own_time(shell: Shell) -> None:
    said = ("--person", "p", "--channel", "mail", "--at", "2001-01-01T00:00Z")
    assert "resolved" in shell.refused("consent", *said) or "status" in shell.refused(
        "consent", *said
    )
    assert "--at: a moment" in shell.refused("eta", "--at", "tomorrow", "--reason", "r")


def test_a_package_is_written_once(shell: Shell, tmp_path: Path) -> None:
    output = tmp_path / "package.zip"
    ask = ("ticket", "package", shell.number, "--output", str(output), "--level", "4")
    assert shell.good(*ask).strip() == str(output)
    with make_rig(shell.data) as rig:
        key = PublicKey.from_text(rig.services.server_key)
    assert check_package(output.read_bytes(), key).without_personal_data
    code, _, err = shell.run(*ask)
    assert code == ExitCode.USAGE
    assert "is there already" in err


def test_what_is_missing_is_said(rig: Rig) -> None:
    story = TicketStory(rig)
    story.measured(bad_evidence())
    story.do("owned", owner="Ana")
    story.do("eta", eta_unix_us=story.now + 10**9, reason="r")
    story.do("waiting", status="pending", party="customer", reason="r")
    story.pass_s(4 * 86_400)
    assert _lines(story)[1:] == [
        "  owner       Ana",
        "  estimate    2026-11-18 11:25:20Z, told -",
        "  notices     0 late, 1 missing",
        "  waits for   customer",
        f"  clock       solved due {_due(story)}",
    ]
    story.do("zone", zone="Z2")
    story.do("resolved", remedy="r")
    digest = story.measured(good_evidence())
    story.consented()
    story.pass_s(9 * DAY_US // 1_000_000)
    lines = "\n".join(_lines(story))
    assert f"proof       {digest[:12]}" in lines
    assert "customer    agrees" in lines


def _lines(story: TicketStory) -> list[str]:
    return list(life_lines(shown(story.rig.store, story.ticket_id, story.now)))


def _due(story: TicketStory) -> Any:  # noqa: ANN401 - text
    from omega_server.cli.common import moment  # noqa: PLC0415

    return moment(shown(story.rig.store, story.ticket_id, story.now).clocks[0].due_unix_us)
