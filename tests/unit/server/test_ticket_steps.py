"""Every step from every state: only the table passes, and each refusal names guard and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import KIND_OF, STEPS, Body
from omega_server.ticket_life.life import Life, Status
from omega_server.ticket_life.steps import StepRefusedError, check
from support.ticket_story import ANA, READY, RESOLVED, TESSA, at, consent, eta, owned, record, zone
from support.ticket_story import told as life_after

PASS = record(30, "pass", passed=("goodput_bps_down",))
WAITING = {
    "pending": log.Waiting(status="pending", party="customer", reason="asked for a photo"),
    "held": log.Waiting(status="held", party="depot", reason="no antenna in stock"),
}
CANCELLED = log.Cancelled(reason="solved itself", person="Mme Roux", channel=log.Channel.MAIL)
REJECTED = log.Rejected(reason="a telephone of another operator", turn_to="that operator")

LOGS: Mapping[Status, tuple[Body, ...]] = {
    Status.ACKNOWLEDGED: (owned(), eta(), zone()),
    Status.IN_PROGRESS: READY,
    Status.PENDING: (*READY, WAITING["pending"]),
    Status.HELD: (*READY, WAITING["held"]),
    Status.RESOLVED: RESOLVED,
    Status.CLOSED: (*RESOLVED, PASS, consent(7), log.Closed()),
    Status.CANCELLED: (CANCELLED,),
    Status.REJECTED: (REJECTED,),
}

BODIES: Mapping[str, Body] = {
    "owned": log.Owned(owner="Bob"),
    "eta": eta(900),
    "eta_told": log.EtaTold(channel=log.Channel.PHONE),
    "started": log.Started(),
    "zone": zone(log.ZoneCode.CORE),
    "criticality": log.CriticalitySet(criticality=log.Criticality.BLOCKING, reason="a hospital"),
    "waiting": WAITING["held"],
    "resumed": log.Resumed(event="the antenna has come"),
    "note": log.Note(text="called back"),
    "dispatched": log.Dispatched(to="van 3", reason="antenna", no_remote_reason="no agent there"),
    "arrived": log.Arrived(place="on the roof"),
    "contacted": log.Contacted(channel=log.Channel.PHONE, reached=False, text="no answer"),
    "escalated": log.Escalated(level=2, reason="radio"),
    "returned": log.Returned(level=1, reason="nothing for us"),
    "linked": log.Linked(ticket_id="TT-2026-000009", relation="same_sector"),
    "resolved": log.Resolved(remedy="another connector"),
    "fault_returned": log.FaultReturned(reason="slow again"),
    "consent": consent(50),
    "waiver": log.Waiver(reason="the house is empty until May"),
    "closed": log.Closed(),
    "cancelled": CANCELLED,
    "rejected": REJECTED,
}

NOT_ENDED = "acknowledged inProgress pending held resolved"
NOT_RESOLVED = "acknowledged inProgress pending held"
EVERYWHERE = f"{NOT_ENDED} closed cancelled rejected"
WHERE: Mapping[str, str] = {
    "owned": NOT_ENDED,
    "eta": NOT_RESOLVED,
    "eta_told": NOT_RESOLVED,
    "started": "acknowledged",
    "zone": NOT_ENDED,
    "criticality": NOT_ENDED,
    "waiting": NOT_RESOLVED,
    "resumed": "pending held",
    "note": EVERYWHERE,
    "dispatched": NOT_RESOLVED,
    "arrived": NOT_RESOLVED,
    "contacted": NOT_ENDED,
    "escalated": NOT_ENDED,
    "returned": NOT_ENDED,
    "linked": EVERYWHERE,
    "resolved": "inProgress pending held",
    "fault_returned": "resolved",
    "consent": "resolved",
    "waiver": "resolved",
    "closed": "resolved",
    "cancelled": NOT_ENDED,
    "rejected": "acknowledged inProgress",
}
"""Written out beside the program's own table, from the description of a ticket's life."""


def standing(status: Status, kind: str) -> Life:
    """Return a life in this state, in which nothing but the state may stand in the way."""
    life = life_after(*LOGS[status])
    assert life.status is status
    opened: dict[str, dict[str, Any]] = {
        "arrived": {"dispatched": True},
        "returned": {"level": 3},
        "closed": {"waiver": BODIES["waiver"], "consent": BODIES["consent"]},
    }
    return replace(life, **opened.get(kind, {}))


def refusal(life: Life, body: Body, minutes: int = 60, actor: log.Actor = ANA) -> StepRefusedError:
    with pytest.raises(StepRefusedError) as refused:
        check(life, at(minutes, body, actor))
    assert refused.value.reason
    assert refused.value.remedy
    return refused.value


def test_the_tables_here_are_of_every_step_and_state() -> None:
    assert set(BODIES) == set(WHERE) == set(STEPS)
    assert set(LOGS) == set(Status)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("kind", STEPS)
def test_a_step_is_taken_where_the_table_allows_it(kind: str, status: Status) -> None:
    life, entry = standing(status, kind), at(60, BODIES[kind], TESSA)
    if status in WHERE[kind].split():
        check(life, entry)
    else:
        refused = refusal(life, BODIES[kind], actor=TESSA)
        assert refused.guard == "status"
        assert status in str(refused)
        assert ("predecessor" in refused.remedy) == life.ended


@pytest.mark.parametrize(
    ("log_before", "body", "guard"),
    [
        pytest.param((eta(),), log.Started(), "owner", id="begun by nobody"),
        pytest.param((owned(),), log.Started(), "eta", id="begun without an estimate"),
        pytest.param((), WAITING["pending"], "owner", id="waiting before anybody owns it"),
        pytest.param((), eta(60), "eta", id="an estimate of this very moment"),
        pytest.param((), BODIES["eta_told"], "eta", id="telling an estimate that is not there"),
        pytest.param((), zone(log.ZoneCode.UNKNOWN), "zone", id="unknown without a reason"),
        pytest.param((owned(), eta()), BODIES["escalated"], "zone", id="raised without a zone"),
        pytest.param(
            READY, log.Escalated(level=1, reason="r"), "level", id="raised to where it is"
        ),
        pytest.param(READY, log.Returned(level=1, reason="r"), "level", id="given back to oneself"),
        pytest.param(
            READY, log.Dispatched(to="van", reason="r"), "remote_result", id="sent unmeasured"
        ),
        pytest.param((), BODIES["dispatched"], "owner", id="sent by nobody"),
        pytest.param(READY, BODIES["arrived"], "dispatched", id="arrived without being sent"),
        pytest.param(
            (owned(), eta(), record(1, "fail")), BODIES["resolved"], "zone", id="mended where"
        ),
        pytest.param((record(1, "fail"),), BODIES["resolved"], "owner", id="mended by nobody"),
        pytest.param(
            READY,
            log.Resolved(remedy="r", done_unix_us=1),
            "remedy",
            id="mended before it was opened",
        ),
        pytest.param(RESOLVED, consent(4), "consent", id="agreed before the remedy"),
        pytest.param(RESOLVED, consent(61), "consent", id="agreed in the future"),
        pytest.param((*RESOLVED, PASS), log.Closed(), "consent", id="closed without consent"),
        pytest.param((*RESOLVED, consent(6)), log.Closed(), "proof", id="closed without proof"),
        pytest.param(
            (*RESOLVED, BODIES["waiver"]), log.Closed(), "consent", id="consent is never waived"
        ),
        pytest.param(
            LOGS[Status.CLOSED],
            log.Note(text="t", changes_line=True),
            "status",
            id="worked on after the end",
        ),
    ],
)
def test_a_guard_says_what_is_missing(log_before: tuple[Body, ...], body: Body, guard: str) -> None:
    assert refusal(life_after(*log_before), body).guard == guard


@pytest.mark.parametrize("level", [1, 2, 4])
def test_only_level_3_waives(level: int) -> None:
    life = life_after(*RESOLVED)
    somebody = log.Actor(name="x", level=level)
    assert refusal(life, BODIES["waiver"], actor=somebody).guard == "waiver"
    check(life, at(60, BODIES["waiver"], TESSA))


def test_unknown_with_a_reason_is_a_zone_to_raise_with() -> None:
    life = life_after(zone(log.ZoneCode.UNKNOWN, reason="the agent does not answer"))
    check(life, at(60, BODIES["escalated"]))


def test_a_measurement_or_a_reason_lets_somebody_be_sent() -> None:
    sent = log.Dispatched(to="van", reason="r")
    check(life_after(*READY, record(1, "fail")), at(60, sent))


def test_a_level_may_be_left_out() -> None:
    check(life_after(*READY), at(60, log.Escalated(level=4, reason="firmware")))


@pytest.mark.parametrize("body", [log.Opened(), PASS])
def test_what_the_product_writes_is_nobody_elses(body: Body) -> None:
    assert refusal(life_after(), body).guard == "kind"
    assert KIND_OF[type(body)] not in STEPS
