"""The file of ticket systems: what it takes, and what it says of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.errors import StorageError, UsageError
from omega_server.connectors.config import (
    SystemSettings,
    check_external_id,
    read_settings,
    system_of,
)
from omega_server.connectors.glpi import Glpi
from omega_server.connectors.request_tracker import RequestTracker
from omega_server.connectors.webhook import Webhook
from omega_server.connectors.zammad import Zammad
from support.clock import HandClock

SECRET = "sixteen-or-more-letters"
GOOD = """
[[systems]]
name = "helpdesk"
kind = "zammad"
url = "https://help.example.net/"
token_env = "OMEGA_HELPDESK_TOKEN"
language = "fr"
"""


def settings_in(tmp_path: Path, text: str) -> tuple[SystemSettings, ...]:
    path = tmp_path / "connectors.toml"
    path.write_text(text)
    return read_settings(path)


def settings(**changes: object) -> SystemSettings:
    fields: dict[str, object] = {
        "name": "helpdesk",
        "kind": "zammad",
        "url": "https://help.example.net",
        "token_env": "OMEGA_HELPDESK_TOKEN",
    }
    return SystemSettings.model_validate({**fields, **changes})


def test_no_file_is_no_systems(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml") == ()


def test_a_folder_in_its_place_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        read_settings(tmp_path)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (found,) = settings_in(tmp_path, GOOD)
    assert (found.name, found.url, found.language) == (
        "helpdesk",
        "https://help.example.net",
        "fr",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[[systems", "not TOML", id="not TOML"),
        pytest.param(GOOD + 'token = "x"\n', "systems.0.token", id="a secret in the file itself"),
        pytest.param(GOOD.replace("zammad", "jira"), "systems.0.kind", id="an unknown kind"),
        pytest.param(GOOD + GOOD, "two systems have one name", id="one name twice"),
        pytest.param(GOOD.replace("https", "ftp"), "http or https", id="another protocol"),
        pytest.param(GOOD.replace("//help", "//a:b@help"), "no name and password", id="a password"),
        pytest.param(GOOD.replace("net/", "net/?a=b"), "only the base", id="a query"),
        pytest.param(GOOD.replace(".net/", ".net:99999/"), "can't be read", id="a port too high"),
        pytest.param(GOOD.replace("https://help.example.net/", "https://"), "host", id="no host"),
        pytest.param(
            GOOD.replace("https://help.example.net", "http://192.0.2.1"),
            "",
            id="plain http to a documentation address counts as private",
        ),
        pytest.param(
            GOOD.replace("https://help.example.net", "http://8.8.8.8"), "plain http", id="far http"
        ),
        pytest.param(
            GOOD.replace('token_env = "OMEGA_HELPDESK_TOKEN"', ""), "either", id="no secret"
        ),
        pytest.param(GOOD + 'token_file = "/x"\n', "either", id="two secrets"),
        pytest.param(GOOD + 'app_token_file = "/x"\n', "glpi alone", id="an App-Token elsewhere"),
        pytest.param(
            GOOD.replace("zammad", "request_tracker") + "internal = false\n",
            "internal",
            id="a comment of RT is always internal",
        ),
        pytest.param("#" * 70_000, "larger", id="too large"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    if not said:
        assert settings_in(tmp_path, text)
        return
    with pytest.raises(UsageError, match=said):
        settings_in(tmp_path, text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("zammad", Zammad),
        ("request_tracker", RequestTracker),
        ("glpi", Glpi),
        ("webhook", Webhook),
    ],
)
def test_each_kind_is_made(kind: str, expected: type) -> None:
    environment = {"OMEGA_HELPDESK_TOKEN": f" {SECRET}\n"}
    assert isinstance(system_of(settings(kind=kind), HandClock(), environment), expected)


def test_a_secret_and_an_app_token_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(SECRET + "\n")
    (tmp_path / "app").write_text("app-token")
    asked = settings(
        kind="glpi", token_env=None, token_file=tmp_path / "user", app_token_file=tmp_path / "app"
    )
    made = system_of(asked, HandClock(), {})
    assert isinstance(made, Glpi)
    assert (made.user_token, made.door.headers) == (SECRET, {"App-Token": "app-token"})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"one\nX-Other: header", id="a line break, which would begin another header"),
        pytest.param("clé".encode(), id="letters no header carries"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"x" * 5_000, id="too long"),
    ],
)
def test_a_secret_that_can_not_be_sent_is_refused_and_not_quoted(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(UsageError) as told:
        system_of(settings(token_env=None, token_file=tmp_path / "secret"), HandClock(), {})
    assert "X-Other" not in str(told.value)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="OMEGA_HELPDESK_TOKEN is not set"):
        system_of(settings(), HandClock(), {})
    with pytest.raises(UsageError, match="is not there"):
        system_of(settings(token_env=None, token_file=tmp_path / "none"), HandClock(), {})
    with pytest.raises(StorageError):
        system_of(settings(token_env=None, token_file=tmp_path), HandClock(), {})


def test_a_webhook_needs_a_secret_of_some_length() -> None:
    asked = settings(kind="webhook")
    with pytest.raises(UsageError, match="16"):
        system_of(asked, HandClock(), {"OMEGA_HELPDESK_TOKEN": "short"})


@pytest.mark.parametrize(
    ("kind", "number", "kept"),
    [
        ("zammad", "7", "7"),
        ("glpi", "0042", "42"),
        ("webhook", "INC-7/ä", "INC-7/ä"),
        ("zammad", "7/../8", None),
        ("request_tracker", "7?x=1", None),
        ("request_tracker", "\u0667", None),
        ("zammad", "0", None),
        ("zammad", "", None),
        ("zammad", "1" * 19, None),
        ("webhook", "", None),
        ("webhook", "a\nb", None),
        ("webhook", "a" * 129, None),
    ],
)
def test_the_number_of_a_ticket_leads_nowhere_else(
    kind: str, number: str, kept: str | None
) -> None:
    if kept is not None:
        assert check_external_id(settings(kind=kind), number) == kept
        return
    with pytest.raises(UsageError):
        check_external_id(settings(kind=kind), number)
