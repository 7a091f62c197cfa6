"""The operator's commands: data on stdout, one line per error, documented exit codes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_acceptance.catalogue import PLANS_DIRECTORY
from omega_acceptance.errors import ProfileError
from omega_core.errors import ExitCode
from omega_server.cli import main
from omega_server.store.database import Database
from support import builders
from support.server_rig import Rig, make_rig

Said = tuple[int, str, str]
Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the program in this process; return exit code, stdout and stderr."""

    def call(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["omega-server", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        said = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, said.out, said.err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which a server has run."""
    with make_rig(tmp_path / "data"):
        return tmp_path / "data"


TEST_POINT = [
    *("testpoint", "--key-file", "/no/such", "--id", "tp"),
    *("--server-key", builders.key_of("server").public.text),
]


def good(said: Said) -> str:
    code, out, err = said
    assert (code, err) == (0, "")
    return out


def as_json(said: Said) -> Any:  # noqa: ANN401 - JSON
    return json.loads(good(said))


def refused(said: Said) -> str:
    code, out, err = said
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("omega-server: ")
    assert err.count("\n") == 1
    return err


def test_from_a_subscriber_to_a_dispatched_sheet(run: Run, data: Path) -> None:
    at = ("--data", data)
    added = as_json(run("subscriber", "add", "S-1", "--plan", "FTTH-300-100", *at, "--json"))
    assert (added["plan_id"], added["activated_unix_us"]) == ("FTTH-300-100", None)
    number = good(run("sheet", "create", "--subscriber", "S-1", *at)).strip()
    assert as_json(run("sheet", "show", number, *at, "--json"))["state"] == "draft"
    assert "activated" in good(run("subscriber", "activate", "S-1", *at))
    assert as_json(run("sheet", "show", number, *at, "--json"))["state"] == "dispatched"
    assert good(run("sheet", "list", *at)) == f"{number}  S-1  dispatched\n"
    assert good(run("subscriber", "list", *at)).startswith("S-1  FTTH-300-100  activated 20")


def test_a_ticket_is_opened_and_shown(run: Run, data: Path) -> None:
    at = ("--data", data)
    good(run("subscriber", "add", "S-1", "--plan", "FTTH-300-100", "--activate", *at))
    number = good(
        run("ticket", "open", "--subscriber", "S-1", "--description", "c'est lent", *at)
    ).strip()
    assert as_json(run("ticket", "show", number, *at, "--json"))["description"] == "c'est lent"
    assert good(run("ticket", "show", number, *at)).startswith(f"{number}  acknowledged\n")
    assert good(run("ticket", "list", *at)) == f"{number}  S-1  acknowledged  3\n"


def test_a_sheet_is_shown_with_its_records(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        granted = rig.installed(rig.enrolled())
        rig.post(rig.record(granted))
        rig.installed(rig.enrolled(), sheet_id=granted.grant.sheet_id)
    shown = good(run("sheet", "show", str(granted.grant.sheet_id), "--data", tmp_path))
    assert "attempts    2: 1 valid, 0 invalid, 1 without a record" in shown
    assert "inconclusive, one observer only" in shown
    assert "no record" in shown
    said = good(
        run("sheet", "show", str(granted.grant.sheet_id), "--data", tmp_path, "--lang", "fr")
    )
    assert "essais      2 : 1 valables, 0 non valables, 1 sans enregistrement" in said


def test_a_token_is_shown_once(run: Run, data: Path) -> None:
    token = good(run("token", "new", "--data", data)).strip()
    listed = good(run("token", "list", "--data", data))
    assert len(token) == 32
    assert token not in listed
    assert listed.count("unused") == 1
    assert len(as_json(run("token", "list", "--data", data, "--json"))) == 1


def test_a_device_is_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        device = rig.enrolled()
    at = ("--data", tmp_path)
    assert good(run("agent", "list", *at)).startswith(f"{device.agent_id}  ")
    gone = as_json(run("agent", "revoke", str(device.agent_id), "--reason", "lost", *at, "--json"))
    assert gone["revoked_unix_us"] is not None
    assert "revoked" in good(run("agent", "list", *at))
    with make_rig(tmp_path) as rig:
        events = rig.store.cases.events("agent", device.agent_id)
        (revoked,) = (event for event in events if event.kind == "revoked")
        assert revoked.content == {"reason": "lost"}


def test_plans_are_listed_shown_and_checked(run: Run) -> None:
    listed = as_json(run("plan", "list", "--json"))
    assert {"FTTH-300-100", "WMX-HOME-2M"} <= {each["plan_id"] for each in listed}
    assert "goodput_bps_down" in good(run("plan", "show", "FTTH-300-100"))
    shown = as_json(run("plan", "show", "FTTH-300-100", "--json"))
    assert shown["content"]["id"] == "ftth-home-300"
    file = PLANS_DIRECTORY / "ftth-home-300-v2.toml"
    assert good(run("plan", "check", file)).startswith(f"{file}: good; ftth-home-300 version")


def test_a_profile_with_a_mistake_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    text = (PLANS_DIRECTORY / "ftth-home-300-v2.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("mtu_bytes = 1500", "mtu_bytes = -1500"), "utf-8")
    assert f"{file}:" in refused(run("plan", "check", file))


@pytest.fixture
def my_plans(tmp_path: Path) -> Path:
    """A folder with one plan that does not come with the product."""
    text = (PLANS_DIRECTORY / "ftth-home-300-v2.toml").read_text("utf-8")
    mine = text.replace('"ftth-home-300"', '"mine"').replace('"FTTH-300-100"', '"MINE-1"')
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.toml").write_text(mine, "utf-8")
    return tmp_path / "mine"


def test_a_folder_of_plans_is_added(run: Run, my_plans: Path) -> None:
    listed = as_json(run("plan", "list", "--plans", my_plans, "--json"))
    assert "MINE-1" in {each["plan_id"] for each in listed}


def test_the_plans_of_the_last_start_are_known_to_the_commands(
    run: Run, my_plans: Path, tmp_path: Path
) -> None:
    at = ("--data", tmp_path / "data")
    with make_rig(tmp_path / "data", plans=my_plans):
        good(run("subscriber", "add", "S-1", "--plan", "MINE-1", *at))
    good(run("subscriber", "add", "S-2", "--plan", "MINE-1", *at))
    assert "MINE-1" in good(run("plan", "list", *at))
    assert "mine version" in good(run("plan", "show", "MINE-1", *at))
    with make_rig(tmp_path / "data"):
        assert "MINE-1" in refused(run("subscriber", "add", "S-3", "--plan", "MINE-1", *at))


def test_plans_that_a_server_did_not_start_with_are_not_remembered(
    run: Run, my_plans: Path, tmp_path: Path
) -> None:
    with make_rig(tmp_path / "data", plans=my_plans):
        pass
    with pytest.raises(ProfileError), make_rig(tmp_path / "data", plans=tmp_path / "nope"):
        pass
    assert "MINE-1" in good(run("plan", "list", "--data", tmp_path / "data"))


def test_migrating_makes_the_tables_and_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert good(run("migrate", "--data", tmp_path / "new")) == "the database is up to date\n"
    assert good(run("sheet", "list", "--data", tmp_path / "new")) == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["sheet", "show", "FI-9"], "FI-9", id="no such sheet"),
        pytest.param(["ticket", "show", "TT-9"], "TT-9", id="no such ticket"),
        pytest.param(["sheet", "create", "--subscriber", "S-9"], "S-9", id="no such subscriber"),
        pytest.param(["subscriber", "activate", "S-9"], "S-9", id="no such subscriber to activate"),
        pytest.param(["subscriber", "add", "S-1", "--plan", "X"], "'X'", id="no such plan"),
        pytest.param(
            ["subscriber", "add", "a b", "--plan", "FTTH-300-100"], "'a b'", id="not a name"
        ),
        pytest.param(["agent", "revoke", "MA-9", "--reason", "x"], "MA-9", id="no such device"),
    ],
)
def test_what_is_refused_is_one_line(
    run: Run, data: Path, arguments: list[str], named: str
) -> None:
    assert named in refused(run(*arguments, "--data", data))


def test_a_subscriber_is_added_once(run: Run, data: Path) -> None:
    add = ("subscriber", "add", "S-1", "--plan", "FTTH-300-100", "--data", data)
    good(run(*add))
    assert "S-1" in refused(run(*add))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["sheet", "list"], "--data DIR, or --database URL", id="which server"),
        pytest.param(["migrate"], "--data DIR, or --database URL", id="which to migrate"),
        pytest.param(
            ["sheet", "list", "--data", "/nonexistent"], "no database", id="no server ran"
        ),
        pytest.param(["sheet", "list", "--database", "mysql://x"], "mysql", id="another database"),
        pytest.param(["plan", "show", "NONE"], "NONE", id="no such plan"),
        pytest.param(
            ["plan", "check", "/nonexistent.toml"], "/nonexistent.toml", id="no such file"
        ),
        pytest.param(["plan", "list", "--plans", "/nonexistent"], "/nonexistent", id="no folder"),
        pytest.param(
            ["run", "--data", "/nonexistent", "--host", "8.8.8.8"], "--insecure", id="in the clear"
        ),
        pytest.param(
            ["run", "--data", "/nonexistent", "--tls-cert", "/no", "--tls-key", "/no"],
            "/no",
            id="no such certificate",
        ),
        pytest.param(
            ["testpoint", "--key-file", "/no", "--server-key", "x", "--id", "tp"],
            "--server-key",
            id="not a key",
        ),
        pytest.param([*TEST_POINT, "--metrics", "9464"], "--metrics", id="no address"),
        pytest.param([*TEST_POINT, "--metrics", "[::1]:65536"], "--metrics", id="no port"),
        pytest.param([*TEST_POINT, "--metrics", "here:9464"], "--metrics", id="no IP address"),
    ],
)
def test_what_cant_be_done_without_a_server(run: Run, arguments: list[str], named: str) -> None:
    assert named in refused(run(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["nonsense"], id="no such command"),
        pytest.param(["run"], id="an option missing"),
        pytest.param(["run", "--data", "x", "--port", "65536"], id="a port too high"),
        pytest.param(["sheet", "show"], id="an argument missing"),
    ],
)
def test_wrong_usage_leaves_with_64(run: Run, arguments: list[str]) -> None:
    code, out, _ = run(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")


def test_help_is_no_error(run: Run) -> None:
    assert "subscriber" in good(run("--help"))


def test_a_database_not_migrated_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "omega.sqlite").touch()
    assert "omega-server migrate" in refused(run("sheet", "list", "--data", tmp_path))


def test_the_document_names_every_command_and_option_of_run(run: Run) -> None:
    document = (Path(__file__).parents[3] / "docs/operations.md").read_text("utf-8")
    options = set(re.findall(r"--[a-z-]+", good(run("run", "--help")))) - {"--help", "--json"}
    assert {option for option in options if option not in document} == set()
    groups = ("token", "agent", "subscriber", "sheet", "ticket", "plan", "log")
    for group in (*groups, "instruction", "suppression", "line"):
        listed = good(run(group, "--help")).partition("Commands:")[2]
        for command in re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE):
            assert f"`{group} {command}" in document


def test_commands_work_beside_a_running_server(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        check_beside(rig, run, tmp_path)


def check_beside(rig: Rig, run: Run, data: Path) -> None:
    sheet_id = rig.sheet()
    assert sheet_id in good(run("sheet", "list", "--data", data))
    good(run("subscriber", "add", "S-beside", "--plan", "FTTH-300-100", "--data", data))
    assert rig.store.cases.subscriber("S-beside") is not None


def test_the_log_is_shown_and_checked(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        rig.post(rig.record(rig.granted(rig.enrolled())))
        note = rig.store.log.checkpoint()
    at = ("--data", tmp_path)
    assert good(run("log", "status", *at)) == note
    shown = as_json(run("log", "status", *at, "--json"))
    assert (shown["entries"], shown["checkpoint"]) == (1, note)
    assert "1 entries, as they were signed" in good(run("log", "check", *at))
    url = f"sqlite:///{tmp_path}/omega.sqlite"
    assert "signatures were not checked" in good(run("log", "check", "--database", url))
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(note, "utf-8")
    checked = as_json(run("log", "check", *at, "--checkpoint", kept, "--json"))
    assert (checked["differences"], checked["signatures_checked"]) == ([], True)


def test_a_log_that_was_rewritten_leaves_with_21_and_says_where(run: Run, tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        for _ in range(2):
            rig.post(rig.record(rig.granted(rig.enrolled())))
    url = f"sqlite:///{tmp_path}/omega.sqlite"
    database = Database(url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE records SET envelope = x'7b7d' WHERE record_no = 2")
    database.close()
    code, out, err = run("log", "check", "--data", tmp_path)
    assert (code, err) == (ExitCode.NOT_VALID, "")
    assert out == "entry 1: its record is not the one that was logged\n"
    code, out, _ = run("log", "check", "--database", url, "--json")
    assert code == ExitCode.NOT_VALID
    assert json.loads(out)["differences"][0]["log_index"] == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file", id="no file"),
        pytest.param(b"\xff not a checkpoint", "no checkpoint", id="another file"),
    ],
)
def test_a_checkpoint_that_cant_be_read_is_said(
    run: Run, data: Path, content: bytes | None, why: str
) -> None:
    path = data / "kept"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run("log", "check", "--data", data, "--checkpoint", path)
    assert (out, code) == ("", ExitCode.STORAGE if content is None else ExitCode.USAGE)
    assert why in err
