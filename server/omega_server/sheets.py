"""Installation sheets: a number, a subscriber, and a log from which the state follows.

    draft ----> dispatched ----> measured
          (1)              (2)

    (1) the subscriber's plan is activated: at once for a new sheet, else when that happens
    (2) a granted record of mode standard came out pass, fail or inconclusive; an invalid run, a
        quick one and an ungranted one are listed and leave the state
    (back from measured to dispatched)  a change of the line was recorded since: what was measured
        before it is of another line, until a record follows

Nobody edits a state: `state_of` reads the log, which only grows, and `omega_server.epochs` the
grants, which say what was changed. The steps before and after these
(dossier, contract, fee; both signatures) join the same table later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from omega_core.key_history import KeyState
from omega_core.verdict import Mode, Verdict
from omega_server import epochs
from omega_server.epochs import SheetEpoch
from omega_server.ids import day_of, sheet_number
from omega_server.keys import states_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store
from omega_server.store.rows import Attempt, EventRow, Posting, SheetRow, SubscriberRow

_COMPLETING = {Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE}


class SheetState(StrEnum):
    """Where a sheet stands."""

    DRAFT = "draft"
    DISPATCHED = "dispatched"
    MEASURED = "measured"


class SheetEvent(StrEnum):
    """What can happen to a sheet."""

    CREATED = "created"
    DISPATCHED = "dispatched"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet with everything that is known of it."""

    row: SheetRow
    state: SheetState
    subscriber: SubscriberRow
    attempts: Sequence[Attempt]
    postings: Sequence[Posting]
    key_states: Mapping[str, KeyState]
    events: Sequence[EventRow]
    epochs: Sequence[SheetEpoch]


def state_of(events: Iterable[EventRow]) -> SheetState:
    """Return the state that a log leads to."""
    state = SheetState.DRAFT
    for event in events:
        if event.kind == SheetEvent.DISPATCHED and state is SheetState.DRAFT:
            state = SheetState.DISPATCHED
        elif event.kind == SheetEvent.RECORD and event.content.get("completes") is True:
            state = SheetState.MEASURED
    return state


def state_since_change(
    state: SheetState, epochs: Sequence[SheetEpoch], postings: Iterable[Posting]
) -> SheetState:
    """Return the state of the line as it is: one that was changed since is to be measured again."""
    if state is not SheetState.MEASURED or not epochs:
        return state
    posted = {each.digest for each in postings if each.verdict in _COMPLETING}
    if any(attempt.record_digest in posted for attempt in epochs[-1].attempts):
        return state
    return SheetState.DISPATCHED


def completes(mode: str, verdict: str | None, *, granted: bool) -> bool:
    """Say whether a record brings its sheet to `measured`."""
    return granted and mode == Mode.STANDARD and verdict in _COMPLETING


def create(store: Store, subscriber: SubscriberRow, now_unix_us: int) -> SheetRow:
    """Keep a new sheet, dispatched at once when the plan is active; return it."""
    year = day_of(now_unix_us).year
    number = store.enrolment.next_number(f"sheet {year}")
    row = SheetRow(
        sheet_id=sheet_number(year, number),
        subscriber_ref=subscriber.subscriber_ref,
        created_unix_us=now_unix_us,
    )
    store.cases.add_sheet(row, _event(row.sheet_id, SheetEvent.CREATED, now_unix_us))
    dispatch_if_ready(store, row, now_unix_us)
    return row


def dispatch_if_ready(store: Store, row: SheetRow, now_unix_us: int) -> None:
    """Dispatch a draft sheet whose plan is active.

    Called after a sheet was made and after a plan was activated, each time on what is stored by
    then: whichever comes second sees the other.
    """
    subscriber = store.cases.subscriber(row.subscriber_ref)
    if subscriber is None or subscriber.activated_unix_us is None:
        return
    if state_of(store.cases.events("sheet", row.sheet_id)) is SheetState.DRAFT:
        store.cases.log(_event(row.sheet_id, SheetEvent.DISPATCHED, now_unix_us))


def load(store: Store, sheet_id: str) -> Sheet:
    """Return the whole sheet; raises RefusalError `sheet_unknown`."""
    row = known(store, sheet_id)
    subscriber = store.cases.subscriber(row.subscriber_ref)
    if subscriber is None:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"sheet {sheet_id} has no subscriber")
    events = store.cases.events("sheet", sheet_id)
    postings = store.sessions.postings(sheet_id=sheet_id)
    attempts = store.sessions.attempts(sheet_id=sheet_id)
    found = epochs.of_attempts(store, attempts)
    return Sheet(
        row=row,
        state=state_since_change(state_of(events), found, postings),
        subscriber=subscriber,
        attempts=attempts,
        epochs=found,
        postings=postings,
        key_states=states_of(store, postings),
        events=events,
    )


def known(store: Store, sheet_id: str) -> SheetRow:
    """Return the sheet; raises RefusalError `sheet_unknown`."""
    row = store.cases.sheet(sheet_id)
    if row is None:
        raise RefusalError(Code.SHEET_UNKNOWN, f"there is no sheet {sheet_id}")
    return row


def plan_sold(store: Store, sheet_id: str) -> str | None:
    """Return the plan of a sheet's subscriber, activated or not.

    Raises RefusalError `sheet_unknown`.
    """
    subscriber = store.cases.subscriber(known(store, sheet_id).subscriber_ref)
    return None if subscriber is None else subscriber.plan_id


def plan_to_measure(store: Store, sheet_id: str) -> str:
    """Return the plan a sheet is measured against.

    Raises RefusalError `sheet_unknown`, and `plan_not_activated` before the back office has
    activated it: a line nobody pays for yet is not accepted.
    """
    subscriber = store.cases.subscriber(known(store, sheet_id).subscriber_ref)
    if subscriber is None or subscriber.activated_unix_us is None:
        raise RefusalError(
            Code.PLAN_NOT_ACTIVATED, f"the subscriber of sheet {sheet_id} has no activated plan"
        )
    return subscriber.plan_id


def record_event(
    sheet_id: str, digest: str, *, verdict: str | None, is_completing: bool, now_unix_us: int
) -> EventRow:
    """Return the log entry of a record that was posted to a sheet."""
    return EventRow(
        subject="sheet",
        subject_id=sheet_id,
        kind=SheetEvent.RECORD,
        at_unix_us=now_unix_us,
        content={"digest": digest, "verdict": verdict, "completes": is_completing},
    )


def _event(sheet_id: str, kind: SheetEvent, now_unix_us: int) -> EventRow:
    return EventRow(
        subject="sheet", subject_id=sheet_id, kind=kind, at_unix_us=now_unix_us, content={}
    )
