"""Tickets and records in TM Forum's words, and what may be asked in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from omega_core.record import Record
from omega_core.verdict import Fault, Judgement, Mode, Outcome
from omega_server.envelopes import stored
from omega_server.refusals import Code, RefusalError
from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Body
from omega_server.ticket_life.priority import priority_of, rules_named
from omega_server.ticket_views import PriorityView
from omega_server.tmf.service_test import service_test
from omega_server.tmf.trouble_ticket import (
    new_ticket,
    steps_of_merge,
    steps_of_operations,
    trouble_ticket,
)
from omega_server.tmf.words import chosen, moment
from support.builders import session
from support.json_schema import fits
from support.server_rig import Rig, digest_of
from support.ticket_story import (
    READY,
    RESOLVED,
    TESSA,
    TicketStory,
    bad_evidence,
    good_evidence,
    told,
)
from support.tmf_schemas import SERVICE_TEST, TROUBLE_TICKET

CREATE = {
    "@type": "TroubleTicket",
    "description": "slow",
    "severity": "Major",
    "ticketType": "fault",
    "relatedEntity": [
        {
            "@type": "RelatedEntity",
            "role": "subscriber",
            "entity": {"@type": "EntityRef", "id": "S-1", "@referredType": "Subscriber"},
        }
    ],
    "externalIdentifier": [
        {"@type": "ExternalIdentifier", "id": "INC-7", "owner": "desk", "other": True}
    ],
    "somethingOfTheirs": {"x": 1},
}


def shown(story: TicketStory) -> dict[str, Any]:
    ticket = story.ticket
    priority = priority_of(ticket.life, rules_named(ticket.life.opened.rules))
    found = trouble_ticket(ticket, PriorityView.model_validate(priority))
    assert fits(found, TROUBLE_TICKET)
    return found


def test_of(story: TicketStory, digest: str) -> dict[str, Any]:
    row = story.rig.store.sessions.record(digest)
    judgement = (
        None if row.judgement is None else TypeAdapter(Judgement).validate_json(row.judgement)
    )
    record = stored(Record, row.envelope)
    found = service_test(row, record, judgement, story.subscriber_ref)
    assert fits(found, SERVICE_TEST)
    return found


test_of.__test__ = False  # type: ignore[attr-defined]


# TMF621, read


def test_a_ticket_through_its_life(rig: Rig) -> None:
    story = TicketStory(rig)
    assert shown(story)["status"] == "acknowledged"
    assert "expectedResolutionDate" not in shown(story)
    digest = story.measured(bad_evidence())
    story.ready()
    story.do("note", text="called back")
    story.do("resolved", remedy="another connector")
    story.do("waiver", by=TESSA, reason="r")
    story.consented()
    story.do("closed")
    story.open(predecessor=story.ticket_id)
    found = shown(story)
    history = [change["status"] for change in found["statusChangeHistory"]]
    assert history == ["acknowledged", "inProgress", "resolved", "closed"]
    (note,) = found["note"]
    assert (note["author"], note["text"]) == ("Ana", "called back")
    diagnostics = found["relatedEntity"][1]
    assert (diagnostics["role"], diagnostics["entity"]["id"]) == ("diagnostics", digest)
    assert diagnostics["entity"]["href"].endswith(f"/serviceTest/{digest}")
    marks = {each["name"]: each["value"] for each in found["troubleTicketCharacteristic"]}
    assert marks == {"zone": "Z2", "verdict": "fail", "level": "1"}
    assert found["troubleTicketRelationship"][0]["relationshipType"] == "successor"
    assert found["resolutionDate"] < found["expectedResolutionDate"]


def test_what_another_system_calls_it_is_kept(rig: Rig) -> None:
    story = TicketStory(rig)
    asked = new_ticket(json.dumps(CREATE).encode())
    opened = story.desk.open(asked.model_copy(update={"subscriber_ref": story.subscriber_ref}))
    story.ticket_id = opened.row.ticket_id
    found = shown(story)
    assert (found["severity"], found["ticketType"]) == ("Major", "fault")
    assert found["externalIdentifier"] == [
        {"@type": "ExternalIdentifier", "id": "INC-7", "owner": "desk"}
    ]
    successor = story.do("cancelled", reason="r", person="p", channel="web")
    again = story.open(predecessor=successor.row.ticket_id)
    story.ticket_id = again.row.ticket_id
    assert shown(story)["troubleTicketRelationship"][0]["relationshipType"] == "predecessor"


# TMF621, create and change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"description": ""}, id="nothing described"),
        pytest.param({"severity": None}, id="no severity"),
        pytest.param({"@type": "Ticket"}, id="another type"),
        pytest.param({"relatedEntity": []}, id="nobody's"),
        pytest.param({"relatedEntity": CREATE["relatedEntity"] * 2}, id="two people's"),  # type: ignore[operator]
        pytest.param({"externalIdentifier": [{"owner": "x"}]}, id="an identifier without an id"),
    ],
)
def test_a_create_says_what_it_must(change: dict[str, Any]) -> None:
    assert new_ticket(json.dumps(CREATE).encode()).external[0].owner == "desk"
    with pytest.raises(RefusalError) as refusal:
        new_ticket(json.dumps({**CREATE, **change}).encode())
    assert refusal.value.code is Code.SCHEMA_INVALID


def test_what_is_not_json_is_refused() -> None:
    for data in (b"", b"{", b'{"a":1,"a":2}', b"[]", b"\xff"):
        for parse in (new_ticket, lambda each: steps_of_merge(each, told())):
            with pytest.raises(RefusalError):
                parse(data)


HELD = log.Waiting(status="held", party="third party", reason="r")


@pytest.mark.parametrize(
    ("before", "status", "step"),
    [
        pytest.param((), "inProgress", log.Started(), id="begun"),
        pytest.param((*READY, HELD), "inProgress", log.Resumed(event="r"), id="going on"),
        pytest.param(RESOLVED, "inProgress", log.FaultReturned(reason="r"), id="it came back"),
        pytest.param(
            READY,
            "pending",
            log.Waiting(status="pending", party="customer", reason="r"),
            id="waits",
        ),
        pytest.param(READY, "held", HELD, id="held"),
        pytest.param(READY, "resolved", log.Resolved(remedy="r"), id="mended"),
        pytest.param(RESOLVED, "closed", log.Closed(text="r"), id="closed"),
        pytest.param(
            READY,
            "cancelled",
            log.Cancelled(reason="r", person="tmf621", channel=log.Channel.WEB),
            id="withdrawn",
        ),
        pytest.param(READY, "rejected", log.Rejected(reason="r", turn_to="r"), id="not ours"),
    ],
)
def test_a_status_is_a_step(before: tuple[Body, ...], status: str, step: Body) -> None:
    life = told(*before)
    merge = json.dumps({"status": status, "statusChangeReason": "r"}).encode()
    operations = json.dumps(
        [
            {"op": "add", "path": "/note/-", "value": {"text": "t", "author": "Bob"}},
            {"op": "replace", "path": "/status", "value": status},
            {"op": "replace", "path": "/statusChangeReason", "value": "r"},
        ]
    ).encode()
    assert [body for _, body in steps_of_merge(merge, life)] == [step]
    first, (actor, note) = steps_of_operations(operations, life)
    assert first[1] == step, "the change of status first: it may be refused"
    assert (actor.name, note) == ("Bob", log.Note(about="dialogue", text="t"))


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"status": "resolved"}, id="a status without its reason"),
        pytest.param({"status": "acknowledged", "statusChangeReason": "r"}, id="no way back"),
        pytest.param({"status": "mended"}, id="no status of a ticket"),
        pytest.param({"note": []}, id="all notes replaced"),
        pytest.param({"description": "x"}, id="nothing that can be changed"),
        pytest.param([{"op": "remove", "path": "/note/0"}], id="a note taken away"),
        pytest.param([{"op": "replace", "path": "/note/0", "value": {}}], id="a note rewritten"),
        pytest.param([{"op": "add", "path": "/note/-", "value": "x"}], id="no note"),
        pytest.param([{"op": "add", "path": "/note/-", "value": {}}], id="a note without text"),
        pytest.param(
            [{"op": "replace", "path": "/statusChangeReason", "value": "r"}], id="only a reason"
        ),
        pytest.param([{"op": "replace", "path": "/status", "value": 3}], id="a number"),
    ],
)
def test_other_changes_are_refused(patch: Any) -> None:  # noqa: ANN401 - JSON
    data = json.dumps(patch).encode()
    parse = steps_of_operations if isinstance(patch, list) else steps_of_merge
    with pytest.raises(RefusalError):
        parse(data, told(*READY))


def test_a_note_without_an_author_is_the_interfaces() -> None:
    data = b'[{"op": "add", "path": "/note/-", "value": {"text": "t"}}]'
    ((actor, _),) = steps_of_operations(data, told())
    assert actor.name == "tmf621"


# TMF653


def test_a_record_that_passes_has_no_violation(rig: Rig) -> None:
    story = TicketStory(rig)
    found = test_of(story, story.measured(good_evidence()))
    assert (found["state"], found["mode"]) == ("completed", "ONDEMAND")
    assert found["testSpecification"]["id"] == "ftth-home-300"
    assert found["relatedService"]["id"] == story.subscriber_ref
    assert found["testMeasure"]
    mandatory = [each for each in found["testMeasure"] if each["mandatory"]]
    assert [each for each in mandatory if each["ruleViolation"]] == []


def test_a_fail_and_an_open_criterion_are_told_apart(rig: Rig) -> None:
    story = TicketStory(rig)
    digest = story.measured(bad_evidence())
    found = test_of(story, digest)
    row = rig.store.sessions.record(digest)
    judged = TypeAdapter(Judgement).validate_json(row.judgement)
    for outcome, measure in zip(judged.outcomes, found["testMeasure"], strict=True):
        violations = measure["ruleViolation"]
        assert bool(violations) == (outcome.outcome is not Outcome.PASS)
        for violation in violations:
            failed = outcome.outcome is Outcome.FAIL
            action = violation["appliedConsequence"][0]["appliedAction"]
            assert (violation["thresholdRuleSeverity"], action) == (
                ("high", "open-ticket") if failed else ("low", "remeasure")
            )
            side, crossing = ("Lower", "<") if outcome.op == "at_least" else ("Upper", ">")
            assert violation[f"conformanceComparator{side}"] == crossing
            assert violation[f"conformanceTarget{side}"] == str(outcome.limit)
    kinds = {each.outcome for each in judged.outcomes}
    assert Outcome.FAIL in kinds
    reasons = [each for each in found["characteristic"] if each["name"] == "verdictReasons"]
    assert reasons[0]["value"]


def test_what_is_open_is_measured_again(rig: Rig) -> None:
    story = TicketStory(rig)
    found = test_of(story, story.measured(good_evidence(), Mode.QUICK))
    violations = [v for each in found["testMeasure"] for v in each["ruleViolation"]]
    assert {each["name"] for each in violations} >= {"inconclusive"}


def test_a_spoiled_run_failed_and_measures_nothing(rig: Rig) -> None:
    story = TicketStory(rig)
    granted = rig.granted(
        rig.enrolled(), purpose="ticket", mode=Mode.STANDARD, ticket_id=story.ticket_id
    )
    envelope = rig.record(granted, validity=(Fault.TUNNEL,))
    rig.post(envelope)
    found = test_of(story, digest_of(envelope))
    assert (found["state"], found["testMeasure"]) == ("failed", [])


def test_a_dead_line_is_a_test_too(rig: Rig) -> None:
    story = TicketStory(rig)
    stated = session(
        id=None, test_point=None, address=None, purpose="ticket", ticket_id=story.ticket_id,
        sheet_id=None,
    )  # fmt: skip
    envelope = rig.dead_line(rig.enrolled(), session=stated)
    rig.post(envelope)
    found = test_of(story, digest_of(envelope))
    assert (found["state"], found["testMeasure"]) == ("completed", [])
    assert "testSpecification" not in found


# Words


def test_moments_and_fields() -> None:
    assert moment(1_795_000_000_000_001) == "2026-11-18T11:06:40.000001Z"
    content = {"id": "1", "href": "h", "@type": "T", "a": 1, "b": 2}
    assert chosen(content, None) == content
    assert chosen(content, "b,zzz") == {"id": "1", "href": "h", "@type": "T", "b": 2}
