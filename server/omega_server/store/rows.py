"""What the store takes and gives: frozen rows, in the words of the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from omega_core.key_history import KeyLife

AVAILABILITY_MODE = "availability"
"""In the place of a session's mode, in rows of availability records: no session has it."""

Subject = Literal["sheet", "ticket", "subscriber", "agent", "test_point", "server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A one-time enrolment token; only its digest is kept.

    `serial` and `sheet_id` are what the device must name, where the operator said so.
    """

    digest: str
    created_unix_us: int
    expires_unix_us: int
    used_unix_us: int | None = None
    used_by_kid: str | None = None
    serial: str | None = None
    sheet_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBinding:
    """What a device says of itself when it enrols; a token may ask for it."""

    serial: str | None = None
    sheet_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """An enrolled device and its first key; those that followed are `key_port.KeyStore`'s.

    `statement` is the server's sealed word that the key is its own.
    """

    agent_id: str
    kid: str
    key: str
    statement: bytes
    enrolled_unix_us: int
    revoked_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPointRow:
    """A test point whose observations are accepted."""

    __test__ = False  # not a pytest class

    test_point_id: str
    kid: str
    key: str
    statement: bytes
    added_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """A party to a subscription; nothing here describes a person."""

    subscriber_ref: str
    plan_id: str
    created_unix_us: int
    activated_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """An installation sheet; its state follows from its events."""

    sheet_id: str
    subscriber_ref: str
    created_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """A ticket; its number is kept for ever."""

    ticket_id: str
    subscriber_ref: str
    description: str
    created_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One entry of a log that only grows. `content` is JSON.

    `place` numbers the entries that were written by somebody who had read the log, from 1 for each
    subject; None of those that are true whatever the log says.
    """

    subject: Subject
    subject_id: str
    kind: str
    at_unix_us: int
    content: dict[str, Any]
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow:
    """One version of an acceptance profile; `content` is its canonical JSON."""

    digest: str
    profile_id: str
    version: int
    content: bytes
    added_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """A grant as it was signed, and what the Collector looks up in it.

    `digest` is of the payload. `quota_prefix` is set where grants are counted: for agents nobody
    knows the address, or the network, for a campaign the device and its plan.
    """

    grant_id: str
    session_id: str
    digest: str
    envelope: bytes
    agent_id: str | None
    agent_kid: str
    agent_key: str
    seq: int
    purpose: str
    mode: str
    sheet_id: str | None
    ticket_id: str | None
    profile_digest: str | None
    quota_prefix: str | None
    issued_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNonce:
    """What makes a session request the only one of its kind until it can't be used any more."""

    kid: str
    nonce: str
    expires_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `sessions_max` grants for one prefix since `since_unix_us`."""

    prefix: str
    since_unix_us: int
    sessions_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRow:
    """The test point's sealed counts of one session."""

    digest: str
    session_id: str
    grant_digest: str
    test_point_id: str
    envelope: bytes
    received_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDraft:
    """A record as it was received, and what the server made of it; its receipt is still to come.

    `judgement` is the JSON text of `omega_core.verdict.Judgement`, None where no profile applies.
    `seq` is its place in the device's chain, `clock_offset_us` what the device's clock was ahead of
    the server's; both are None in a record that an older program has stored.
    """

    digest: str
    envelope_digest: str
    envelope: bytes
    grant_digest: str | None
    session_id: str | None
    agent_id: str | None
    agent_kid: str
    mode: str
    sheet_id: str | None
    ticket_id: str | None
    observers: str
    verdict: str | None
    judgement: str | None
    received_unix_us: int
    seq: int | None
    clock_offset_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow(RecordDraft):
    """A record with its receipt."""

    receipt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """What an availability record says of its place and time, so that it is found without opening.

    Times are of the agent's own time line; `outages` and `gaps` count them, `sure_outages` those
    that surely lasted for a time. `is_down` says that one of these went on when the window closed.
    """

    digest: str
    agent_id: str
    agent_kid: str
    test_point: str
    seq: int
    prev: str | None
    started_us: int
    ended_us: int
    clock_step_us: int
    outages: int
    sure_outages: int
    gaps: int
    is_down: bool
    received_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRow:
    """An entry of the transparency log, and the record it is about: None where that is gone."""

    log_index: int
    kind: str
    envelope_digest: str
    envelope: bytes | None
    receipt: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A grant of a sheet or ticket, without its secret, and the record it led to, if any."""

    grant_id: str
    session_id: str
    agent_id: str | None
    seq: int
    purpose: str
    mode: str
    issued_unix_us: int
    grant_digest: str
    record_digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A record as a sheet or ticket lists it: without its bytes."""

    digest: str
    session_id: str | None
    agent_id: str | None
    agent_kid: str
    mode: str
    granted: bool
    observers: str
    verdict: str | None
    received_unix_us: int
    seq: int | None
    clock_offset_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose key a key id names: an enrolled agent, or a key made for one granted run.

    `life` is what happened to the key, for `omega_core.key_history.state_at`.
    """

    key: str
    agent_id: str | None
    life: KeyLife
