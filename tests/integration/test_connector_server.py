"""The server's own threads and commands: a record posted to a ticket stands in the other system."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from omega_server.cli.program import app
from omega_server.connectors.config import CONNECTORS_FILE, read_settings
from omega_server.connectors.desk import diagnoser, link_ticket
from omega_server.connectors.diagnostic import Language, mark_of, text_of
from omega_server.connectors.postmen import Postmen
from omega_server.installation import couriers_of
from omega_server.tickets import load
from support.facts import evidence
from support.server_rig import Rig, digest_of, make_rig
from support.ticket_peers import SECRET, Trouble, ZammadPeer, peer
from support.zone_facts import path4, path_facts

END_S = 10


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with make_rig(tmp_path / "data") as made:
        yield made


@pytest.fixture
def configured(rig: Rig, tmp_path: Path) -> Iterator[ZammadPeer]:
    of = ZammadPeer()
    secret = tmp_path / "token"
    secret.write_text(SECRET)
    with peer(of) as url:
        (rig.installation.settings.data / CONNECTORS_FILE).write_text(
            f'[[systems]]\nname = "helpdesk"\nkind = "zammad"\nurl = "{url}"\n'
            f'token_file = "{secret}"\npublic_url = "https://omega.example"\n'
        )
        yield of


def omega_server(rig: Rig, *arguments: str) -> tuple[int, str]:
    data = str(rig.installation.settings.data)
    ran = CliRunner().invoke(app, ["connector", *arguments, "--data", data])
    return ran.exit_code, ran.output + (str(ran.exception) if ran.exception else "")


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.perf_counter() + END_S
    while not condition():
        assert time.perf_counter() < end_s
        time.sleep(0.02)


def posted(rig: Rig) -> tuple[str, str]:
    ticket_id = rig.ticket()
    granted = rig.granted(rig.enrolled(), purpose="ticket", ticket_id=ticket_id)
    record = rig.record(granted)
    rig.post(record)
    return ticket_id, digest_of(record)


def test_a_record_of_a_linked_ticket_is_shown_with_its_bundle(
    rig: Rig, configured: ZammadPeer
) -> None:
    ticket_id, digest = posted(rig)
    assert omega_server(rig, "link", ticket_id, "helpdesk", "7")[0] == 0
    assert "as before" in omega_server(rig, "link", ticket_id, "helpdesk", "7")[1]
    with Postmen(couriers_of(rig.installation), poll_s=0.02):
        wait_until(lambda: configured.marks() == [mark_of(digest)])
        wait_until(lambda: "posted" in omega_server(rig, "list")[1])
    assert f"https://omega.example/v1/records/{digest}" in configured.notes[0][1]
    assert configured.files == [("7", f"omega-{digest[:12]}.json")]
    kinds = [each.kind for each in rig.store.cases.events("ticket", ticket_id)]
    assert kinds[-2:] == ["connected", "delivered"]
    code, said = omega_server(rig, "list", "--json", "--ticket", ticket_id)
    assert code == 0
    assert [each["record_digest"] for each in json.loads(said)] == [digest]
    assert "no deliveries" in omega_server(rig, "list", "--undelivered")[1]


def test_a_refused_secret_is_seen_and_tried_again_by_command(
    rig: Rig, configured: ZammadPeer
) -> None:
    configured.will(Trouble.DENY)
    ticket_id, _ = posted(rig)
    omega_server(rig, "link", ticket_id, "helpdesk", "7")
    with Postmen(couriers_of(rig.installation), poll_s=0.02):
        wait_until(lambda: "stopped" in omega_server(rig, "list")[1])
        assert "not_authorised: HTTP 401" in omega_server(rig, "list")[1]
        assert "1 deliveries" in omega_server(rig, "retry", "helpdesk")[1]
        # The rig's clock stands at another day than the command's.
        assert rig.store.deliveries.retry("helpdesk", rig.clock.unix_us()) == 1
        wait_until(lambda: len(configured.notes) == 1)


def test_a_configuration_is_checked_against_the_system(rig: Rig, configured: ZammadPeer) -> None:
    assert configured.requests == []
    assert "accepts the secret" in omega_server(rig, "check")[1]
    assert "in order" in omega_server(rig, "check", "--offline")[1]
    path = rig.installation.settings.data / CONNECTORS_FILE
    Path(path.read_text().split('token_file = "')[1].split('"')[0]).write_text("another-secret")
    code, said = omega_server(rig, "check", "--json")
    assert code == 69
    assert "HTTP 401" in said
    path.unlink()
    assert "no ticket system" in omega_server(rig, "check")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("link", "TT-2026-000001", "other", "7"), "there is helpdesk", id="system"),
        pytest.param(("link", "TT-2026-000001", "helpdesk", "x"), "have a number", id="number"),
        pytest.param(("link", "TT-2026-000009", "helpdesk", "7"), "not known", id="ticket"),
        pytest.param(("check", "--config", "/nowhere"), "there is no file", id="file"),
    ],
)
def test_a_slip_of_the_operator_is_named(
    rig: Rig, configured: ZammadPeer, arguments: tuple[str, ...], said: str
) -> None:
    assert configured.notes == []
    rig.ticket()
    code, told = omega_server(rig, *arguments)
    assert code != 0
    assert said in told


def test_whose_server_is_meant_must_be_said() -> None:
    ran = CliRunner().invoke(app, ["connector", "check"], env={"OMEGA_DATA": ""})
    assert ran.exit_code != 0


def test_a_located_zone_is_told(rig: Rig, configured: ZammadPeer) -> None:
    assert configured.notes == []
    ticket_id = rig.ticket()
    granted = rig.granted(rig.enrolled(), purpose="ticket", ticket_id=ticket_id)
    record = rig.record(granted, replace(evidence(), path=path_facts(path4(dead_from=2))))
    rig.post(record)
    systems = couriers_of(rig.installation)
    (settings,) = read_settings(rig.installation.settings.data / CONNECTORS_FILE)
    assert link_ticket(rig.store, settings, ticket_id, "7", rig.clock.unix_us())
    diagnose = diagnoser(rig.store, rig.installation.key)
    rig.store.deliveries.gather("helpdesk", 0)
    (row,) = rig.store.deliveries.deliveries()
    told = diagnose(row)
    zone = load(rig.store, ticket_id).life.zone
    assert told.zone is not None
    assert zone is not None
    assert told.zone.code == zone.zone.value
    assert told.record_digest == digest_of(record)
    languages: tuple[Language, ...] = ("en", "fr")
    for language in languages:
        sentence = told.zone.sentences[language]
        assert told.zone.code in text_of(told, language)
        assert sentence in text_of(told, language)
    assert len(systems) == 1
