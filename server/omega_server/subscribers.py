"""Subscribers: who has which plan, and whether it was activated. A reference, never a person."""

from __future__ import annotations

from omega_server import sheets
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.port import Store
from omega_server.store.rows import EventRow, SubscriberRow


def add(store: Store, subscriber_ref: str, plan_id: str, now_unix_us: int) -> SubscriberRow:
    """Keep a new subscriber of a plan, not yet activated.

    Raises RefusalError `subscriber_known`.
    """
    row = SubscriberRow(subscriber_ref=subscriber_ref, plan_id=plan_id, created_unix_us=now_unix_us)
    event = _event(subscriber_ref, "added", now_unix_us, plan_id=plan_id)
    try:
        store.cases.add_subscriber(row, event)
    except AlreadyThereError as error:
        raise RefusalError(
            Code.SUBSCRIBER_KNOWN, f"subscriber {subscriber_ref} is there"
        ) from error
    return row


def activate(store: Store, subscriber_ref: str, now_unix_us: int) -> SubscriberRow:
    """Activate the plan, and dispatch the sheets that waited for it.

    Repeating it does only what was left undone. Raises RefusalError `subscriber_unknown`.
    """
    try:
        row = store.cases.activate(subscriber_ref, _event(subscriber_ref, "activated", now_unix_us))
    except NotThereError as error:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, str(error)) from error
    for sheet in store.cases.sheets(subscriber_ref):
        sheets.dispatch_if_ready(store, sheet, now_unix_us)
    return row


def known(store: Store, subscriber_ref: str) -> SubscriberRow:
    """Return the subscriber; raises RefusalError `subscriber_unknown`."""
    row = store.cases.subscriber(subscriber_ref)
    if row is None:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"subscriber {subscriber_ref} is not known")
    return row


def _event(subscriber_ref: str, kind: str, now_unix_us: int, **content: str) -> EventRow:
    return EventRow(
        subject="subscriber",
        subject_id=subscriber_ref,
        kind=kind,
        at_unix_us=now_unix_us,
        content=dict(content),
    )
