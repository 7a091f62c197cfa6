"""Rows for tests of the store, and many callers in one moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Barrier
from typing import Any, TypeVar

from omega_server.store.port import LogSigner, Store
from omega_server.store.rows import (
    AgentRow,
    EventRow,
    GrantRow,
    ObservationRow,
    ProfileRow,
    RecordDraft,
    RecordRow,
    RequestNonce,
    SheetRow,
    SubscriberRow,
    TestPointRow,
    TokenRow,
)
from omega_server.transparency import LogAuthor
from support.log_trees import LOG_KEY

ResultT = TypeVar("ResultT")
NOW = 1_795_000_000_000_000
AT_ONCE = 12


def digest(number: int) -> str:
    return f"{number:064x}"


def name(letter: str, number: int = 0) -> str:
    return letter * 40 + f"{number:03d}"


def token(number: int = 1, **changes: Any) -> TokenRow:  # noqa: ANN401 - fields of the row
    row = TokenRow(digest=digest(number), created_unix_us=NOW, expires_unix_us=NOW + 10)
    return replace(row, **changes)


def agent(number: int = 1, **changes: Any) -> AgentRow:  # noqa: ANN401 - fields of the row
    row = AgentRow(
        agent_id=f"MA-{number:06d}",
        kid=name("k", number),
        key=name("K", number),
        statement=b"\x00\xff statement",
        enrolled_unix_us=NOW,
    )
    return replace(row, **changes)


def a_test_point(number: int = 1) -> TestPointRow:
    return TestPointRow(
        test_point_id=f"tp-{number}",
        kid=name("t", number),
        key=name("T", number),
        statement=b"s",
        added_unix_us=NOW,
    )


def event(kind: str = "created", subject_id: str = "FI-2026-000001", **content: Any) -> EventRow:  # noqa: ANN401 - JSON
    return EventRow(
        subject="sheet", subject_id=subject_id, kind=kind, at_unix_us=NOW, content=content
    )


def subscriber(ref: str = "S-1") -> SubscriberRow:
    return SubscriberRow(subscriber_ref=ref, plan_id="FTTH-300-100", created_unix_us=NOW)


def sheet(number: int = 1, ref: str = "S-1") -> SheetRow:
    return SheetRow(sheet_id=f"FI-2026-{number:06d}", subscriber_ref=ref, created_unix_us=NOW)


def profile(number: int = 1, **changes: Any) -> ProfileRow:  # noqa: ANN401 - fields of the row
    row = ProfileRow(
        digest=digest(number),
        profile_id="ftth-home-300",
        version=number,
        content=b"{}",
        added_unix_us=NOW,
    )
    return replace(row, **changes)


def grant(number: int = 1, **changes: Any) -> GrantRow:  # noqa: ANN401 - fields of the row
    row = GrantRow(
        grant_id=f"g-{number}",
        session_id=f"s-{number}",
        digest=digest(number),
        envelope=bytes(range(256)),
        agent_id=None,
        agent_kid=name("k"),
        agent_key=name("K"),
        seq=number,
        purpose="selftest",
        mode="measure",
        sheet_id=None,
        ticket_id=None,
        profile_digest=None,
        quota_prefix=None,
        issued_unix_us=NOW + number,
    )
    return replace(row, **changes)


def nonce(number: int = 1, **changes: Any) -> RequestNonce:  # noqa: ANN401 - fields of the row
    row = RequestNonce(kid=name("k"), nonce=f"nonce-{number}", expires_unix_us=NOW + 100)
    return replace(row, **changes)


def observation(number: int = 1, **changes: Any) -> ObservationRow:  # noqa: ANN401 - fields of the row
    row = ObservationRow(
        digest=digest(100 + number),
        session_id=f"s-{number}",
        grant_digest=digest(number),
        test_point_id="tp-1",
        envelope=b"observation",
        received_unix_us=NOW,
    )
    return replace(row, **changes)


def record(number: int = 1, **changes: Any) -> RecordRow:  # noqa: ANN401 - fields of the row
    row = RecordRow(
        digest=digest(200 + number),
        envelope_digest=digest(300 + number),
        envelope=bytes(range(256)) * 4,
        receipt=b"receipt %d" % number,
        grant_digest=None,
        session_id=None,
        agent_id=None,
        agent_kid=name("k"),
        mode="standard",
        sheet_id=None,
        ticket_id=None,
        observers="agree",
        verdict="pass",
        judgement='{"é": 1}',
        received_unix_us=NOW,
        seq=number,
        clock_offset_us=-3_500,
    )
    return replace(row, **changes)


LOG_AUTHOR = LogAuthor("omega.example/log1", LOG_KEY)


def add_record(
    store: Store, row: RecordRow, event: EventRow | None = None, *, log: LogSigner = LOG_AUTHOR
) -> tuple[RecordRow, bool]:
    """Keep a record under the receipt that stands in the row, wherever it comes in the log."""
    events = [] if event is None else [event]
    return store.sessions.add_record(draft_of(row), events, log=log, receipt=lambda _: row.receipt)


def draft_of(row: RecordRow) -> RecordDraft:
    """Return the record before it had a receipt."""
    fields = asdict(row)
    del fields["receipt"]
    return RecordDraft(**fields)


def issue(store: Store, row: GrantRow, **changes: Any) -> None:  # noqa: ANN401 - arguments of `issue`
    arguments: dict[str, Any] = {"nonce": nonce(row.seq), "profile": None, "quota": None}
    store.sessions.issue(row, **{**arguments, **changes})


def at_once(call: Callable[[int], ResultT]) -> list[ResultT | Exception]:
    """Return what many threads got, or were told, that all called in the same moment."""
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> ResultT | Exception:
        barrier.wait()
        try:
            return call(number)
        except Exception as error:  # noqa: BLE001 - the test says which it expects
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))
