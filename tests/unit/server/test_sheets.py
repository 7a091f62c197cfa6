"""A sheet's state follows from its log, and nothing else changes it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.verdict import Mode, Verdict
from omega_server import sheets, subscribers
from omega_server.refusals import Code, RefusalError
from omega_server.sheets import SheetState, completes, state_of
from omega_server.store.rows import EventRow
from support.server_rig import Rig


def event(kind: str, **content: object) -> EventRow:
    return EventRow(
        subject="sheet", subject_id="FI-2026-000001", kind=kind, at_unix_us=1, content=content
    )


COMPLETING = event("record", completes=True)
OTHER = event("record", completes=False)


@pytest.mark.parametrize(
    ("log", "state"),
    [
        pytest.param([], SheetState.DRAFT, id="nothing yet"),
        pytest.param(["created"], SheetState.DRAFT, id="made"),
        pytest.param(["created", "dispatched"], SheetState.DISPATCHED, id="dispatched"),
        pytest.param(["dispatched", "dispatched"], SheetState.DISPATCHED, id="dispatched twice"),
        pytest.param(["dispatched", OTHER], SheetState.DISPATCHED, id="a record that leaves it"),
        pytest.param(["dispatched", COMPLETING], SheetState.MEASURED, id="measured"),
        pytest.param(["dispatched", COMPLETING, OTHER], SheetState.MEASURED, id="measured stays"),
        pytest.param([COMPLETING, "dispatched"], SheetState.MEASURED, id="dispatched too late"),
    ],
)
def test_state_of_a_log(log: list[str | EventRow], state: SheetState) -> None:
    assert state_of([event(each) if isinstance(each, str) else each for each in log]) is state


@given(st.lists(st.sampled_from([event("created"), event("dispatched"), OTHER, COMPLETING])))
def test_a_state_never_goes_back(log: list[EventRow]) -> None:
    order = list(SheetState)
    states = [order.index(state_of(log[:length])) for length in range(len(log) + 1)]
    assert states == sorted(states)


@pytest.mark.parametrize(
    ("mode", "verdict", "granted"),
    [*product(Mode, [*Verdict, None], [True, False])],
)
def test_which_records_complete_a_measurement(
    mode: Mode, verdict: Verdict | None, *, granted: bool
) -> None:
    expected = granted and mode is Mode.STANDARD and verdict in {"pass", "fail", "inconclusive"}
    assert completes(mode, verdict, granted=granted) is expected


def test_numbers_count_up_within_a_year(rig: Rig) -> None:
    assert [rig.sheet() for _ in range(3)] == [
        "FI-2026-000001",
        "FI-2026-000002",
        "FI-2026-000003",
    ]


def test_a_sheet_waits_for_the_plan_and_goes_out_when_it_is_activated(rig: Rig) -> None:
    subscriber = rig.subscriber(activated=False)
    row = sheets.create(rig.store, subscriber, rig.clock.unix_us())
    assert sheets.load(rig.store, row.sheet_id).state is SheetState.DRAFT
    subscribers.activate(rig.store, subscriber.subscriber_ref, rig.clock.unix_us())
    assert sheets.load(rig.store, row.sheet_id).state is SheetState.DISPATCHED


def test_a_sheet_made_while_the_plan_was_being_activated_goes_out_too(rig: Rig) -> None:
    seen_before = rig.subscriber(activated=False)
    subscribers.activate(rig.store, seen_before.subscriber_ref, rig.clock.unix_us())
    row = sheets.create(rig.store, seen_before, rig.clock.unix_us())
    assert sheets.load(rig.store, row.sheet_id).state is SheetState.DISPATCHED


def test_activating_twice_logs_once(rig: Rig) -> None:
    subscriber = rig.subscriber(activated=False)
    sheets.create(rig.store, subscriber, rig.clock.unix_us())
    for _ in range(2):
        subscribers.activate(rig.store, subscriber.subscriber_ref, rig.clock.unix_us())
    kinds = [each.kind for each in rig.store.cases.events("subscriber", subscriber.subscriber_ref)]
    assert kinds == ["added", "activated"]
    log = rig.store.cases.events("sheet", "FI-2026-000001")
    assert [each.kind for each in log] == ["created", "dispatched"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda store: sheets.load(store, "FI-1"), Code.SHEET_UNKNOWN, id="a sheet"),
        pytest.param(
            lambda store: subscribers.known(store, "S-9"),
            Code.SUBSCRIBER_UNKNOWN,
            id="a subscriber",
        ),
        pytest.param(
            lambda store: subscribers.activate(store, "S-9", 1),
            Code.SUBSCRIBER_UNKNOWN,
            id="a subscriber to activate",
        ),
    ],
)
def test_what_is_not_there_is_said_to_be_unknown(rig: Rig, call: object, code: Code) -> None:
    assert callable(call)
    with pytest.raises(RefusalError) as refusal:
        call(rig.store)
    assert refusal.value.code is code


def test_a_subscriber_is_added_once(rig: Rig) -> None:
    subscribers.add(rig.store, "S-1", "FTTH-300-100", 1)
    with pytest.raises(RefusalError) as refusal:
        subscribers.add(rig.store, "S-1", "ADSL-HOME-20M", 2)
    assert refusal.value.code is Code.SUBSCRIBER_KNOWN
    assert rig.store.cases.subscriber("S-1").plan_id == "FTTH-300-100"
