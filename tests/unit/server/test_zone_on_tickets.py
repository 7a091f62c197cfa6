"""A record that looked at the path puts the fault's zone on its ticket, as the server judges it."""

from __future__ import annotations

from dataclasses import replace

from omega_core.verdict import Mode
from omega_server import tickets
from omega_server.ticket_life.entries import ZoneCode
from support.facts import evidence
from support.server_rig import Rig, digest_of
from support.zone_facts import path4, path_facts


def posted(rig: Rig, **path: object) -> tuple[str, str]:
    """Post a record of a ticket with this path; return the ticket and the record's digest."""
    ticket_id, device = rig.ticket(), rig.enrolled()
    granted = rig.granted(device, purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    facts = evidence() if not path else replace(evidence(), **path)  # type: ignore[arg-type]
    envelope = rig.record(granted, facts)
    rig.post(envelope)
    return ticket_id, digest_of(envelope)


def kinds(rig: Rig, ticket_id: str) -> list[str]:
    return [event.kind for event in rig.store.cases.events("ticket", ticket_id)]


def test_the_zone_stands_on_the_ticket(rig: Rig) -> None:
    ticket_id, digest = posted(rig, path=path_facts(path4(dead_from=2)))
    assert kinds(rig, ticket_id) == ["opened", "record", "zone"]
    zone = tickets.load(rig.store, ticket_id).life.zone
    assert zone is not None
    assert zone.zone in set(ZoneCode) - {ZoneCode.NONE}
    assert zone.evidence == (digest,)
    assert zone.finding is not None
    assert zone.finding["finding"]["rule"] == "omega-zone"
    assert set(zone.finding["said"]) == {"en", "fr"}


def test_what_is_not_known_is_said_too(rig: Rig) -> None:
    """The profile asks for more than these facts show: nothing is blamed."""
    ticket_id, _ = posted(rig, path=path_facts())
    zone = tickets.load(rig.store, ticket_id).life.zone
    assert zone is not None
    assert zone.zone in {ZoneCode.NONE, ZoneCode.UNKNOWN}


def test_a_record_that_did_not_look_says_nothing(rig: Rig) -> None:
    ticket_id, _ = posted(rig)
    assert kinds(rig, ticket_id) == ["opened", "record"]


def test_posting_it_again_writes_nothing(rig: Rig) -> None:
    ticket_id, device = rig.ticket(), rig.enrolled()
    granted = rig.granted(device, purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    envelope = rig.record(granted, replace(evidence(), path=path_facts()))
    for _ in range(2):
        rig.post(envelope)
    assert kinds(rig, ticket_id) == ["opened", "record", "zone"]


def test_a_sheet_has_no_zone(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    rig.post(rig.record(granted, replace(evidence(), path=path_facts())))
    events = rig.store.cases.events("sheet", granted.grant.sheet_id)
    assert "zone" not in {event.kind for event in events}
