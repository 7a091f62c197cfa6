"""The store as the rest of the server sees it: promises, no SQL.

Every call is one transaction: it happens whole and durably, or not at all. Nothing that was stored
is changed later, apart from a token that is used up, an agent that is revoked, a subscriber that is
activated, an instruction that is taken or has ended, and where agents were last seen. Calls block;
the API makes them in threads. Keys have a port of their own, `key_port`; so have instructions and
those who wait for them, `instruction_port`; so have the lines that agents stand on,
`line_port`, what they measure by themselves, `schedule_port`, all lines together, `fleet_port`, the
rows that were taken over from old files, `old_file_port`, and the operator's people with all that
changes about them, `people_port`.
tests/contract/ holds every implementation to what the docstrings say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from omega_core.control import LogPosition
from omega_core.log.checkpoint import Checkpoint
from omega_core.log.tree import HashReader
from omega_server.store.delivery_port import DeliveryStore
from omega_server.store.fleet_port import FleetStore
from omega_server.store.instruction_port import InstructionStore, PresenceStore
from omega_server.store.key_port import KeyStore
from omega_server.store.line_port import LineStore
from omega_server.store.old_file_port import OldFileStore
from omega_server.store.people_port import PeopleStore
from omega_server.store.rows import (
    AgentRow,
    Attempt,
    EventRow,
    GrantRow,
    LoggedRow,
    ObservationRow,
    Posting,
    ProfileRow,
    Quota,
    RecordDraft,
    RecordRow,
    RequestNonce,
    SheetRow,
    Signer,
    Subject,
    SubscriberRow,
    TestPointRow,
    TicketRow,
    TokenBinding,
    TokenRow,
    WindowRow,
)
from omega_server.store.schedule_port import ScheduleStore

NOT_BOUND = TokenBinding()


class EnrolmentStore(Protocol):
    """Tokens, agents, test points."""

    def add_token(self, token: TokenRow) -> None:
        """Keep a token until it is used."""
        ...

    def tokens(self) -> Sequence[TokenRow]:
        """Return every token, oldest first."""
        ...

    def enrol(
        self,
        agent: AgentRow,
        *,
        token_digest: str,
        binding: TokenBinding = NOT_BOUND,
        event: EventRow | None = None,
    ) -> AgentRow:
        """Use up the token, keep the agent and log the event; return the agent.

        The same key with the same token again returns the agent of the first time: the answer may
        have been lost. A key that is enrolled already stays the agent it is, and uses the token up.
        Its later keys count like its first, and the key that was asked with is returned. Raises
        TokenRefusedError, judging by `agent.enrolled_unix_us`, and `binding` by the token's.
        """
        ...

    def agent(self, agent_id: str) -> AgentRow | None:
        """Return the agent of this name."""
        ...

    def sheet_of(self, agent_id: str) -> str | None:
        """Return the sheet that the agent's token was made for; of several the last one used."""
        ...

    def agents_of(self, subscriber_ref: str) -> Sequence[AgentRow]:
        """Return the agents whose tokens were made for a sheet of the subscriber, by name."""
        ...

    def agents(self) -> Sequence[AgentRow]:
        """Return every agent, first enrolled first."""
        ...

    def revoke(self, agent_id: str, event: EventRow) -> AgentRow:
        """Mark the agent's key as revoked from the event's time on, once; raises NotThereError."""
        ...

    def signer(self, kid: str) -> Signer | None:
        """Return whose key this is: an agent's, any of its keys, else one of a grant."""
        ...

    def add_test_point(self, test_point: TestPointRow) -> None:
        """Keep the test point; the same again changes nothing."""
        ...

    def test_point(self, kid: str) -> TestPointRow | None:
        """Return the test point with this key."""
        ...

    def test_point_named(self, test_point_id: str) -> TestPointRow | None:
        """Return the test point of this name."""
        ...

    def next_number(self, series: str) -> int:
        """Return 1, 2, 3 ... for each name of a series; no number twice, whoever asks."""
        ...


class CaseStore(Protocol):
    """Subscribers, sheets, tickets, and the log of each."""

    def add_subscriber(self, subscriber: SubscriberRow, event: EventRow) -> None:
        """Keep a subscriber; raises AlreadyThereError."""
        ...

    def activate(self, subscriber_ref: str, event: EventRow) -> SubscriberRow:
        """Mark the plan as activated at the event's time, and log the event, once.

        An active plan stays as it is and nothing is logged. Raises NotThereError.
        """
        ...

    def subscriber(self, subscriber_ref: str) -> SubscriberRow | None:
        """Return the subscriber of this name."""
        ...

    def subscribers(self) -> Sequence[SubscriberRow]:
        """Return every subscriber, by name."""
        ...

    def add_sheet(self, sheet: SheetRow, event: EventRow) -> None:
        """Keep a sheet; raises AlreadyThereError, NotThereError."""
        ...

    def sheet(self, sheet_id: str) -> SheetRow | None:
        """Return the sheet of this number."""
        ...

    def sheets(self, subscriber_ref: str | None = None) -> Sequence[SheetRow]:
        """Return every sheet, or those of one subscriber, by number."""
        ...

    def add_ticket(self, ticket: TicketRow, event: EventRow) -> None:
        """Keep a ticket; raises AlreadyThereError, NotThereError."""
        ...

    def ticket(self, ticket_id: str) -> TicketRow | None:
        """Return the ticket of this number."""
        ...

    def tickets(
        self, *, after: str = "", count: int | None = None, subscriber_ref: str | None = None
    ) -> Sequence[TicketRow]:
        """Return the tickets after a number, of one subscriber or all, at most `count`."""
        ...

    def count_tickets(self) -> int:
        """Return how many tickets there are."""
        ...

    def log(self, event: EventRow) -> None:
        """Write one entry to the log of its subject.

        Raises LogGrewError where another entry of the subject has its `place`.
        """
        ...

    def events(self, subject: Subject, subject_id: str) -> Sequence[EventRow]:
        """Return the log of one subject, in the order it was written."""
        ...


class SessionStore(Protocol):
    """Grants, profiles, observations, records."""

    def issue(
        self,
        grant: GrantRow,
        *,
        nonce: RequestNonce,
        profile: ProfileRow | None,
        quota: Quota | None,
    ) -> None:
        """Keep a grant before it is handed out, and the profile it pins for ever.

        Raises NonceSeenError, QuotaExceededError or ProfileChangedError; then nothing is kept.
        Nonces that expired before the grant was issued are forgotten.
        """
        ...

    def grant(self, digest: str) -> GrantRow | None:
        """Return the grant whose payload has this digest."""
        ...

    def profile(self, digest: str) -> ProfileRow | None:
        """Return the profile with this digest."""
        ...

    def add_observation(self, observation: ObservationRow) -> bool:
        """Keep an observation; False when the same was known.

        Raises ObservationKnownError when another one of the session is stored.
        """
        ...

    def observation(self, session_id: str) -> ObservationRow | None:
        """Return the observation of a session."""
        ...

    def add_record(
        self,
        record: RecordDraft,
        events: Sequence[EventRow],
        *,
        log: LogSigner,
        receipt: Callable[[LogPosition], bytes],
        window: WindowRow | None = None,
    ) -> tuple[RecordRow, bool]:
        """Keep a record, append it to the transparency log, and write the events.

        `window` is kept with an availability record, for `line_port.LineStore`.

        Return what is stored under its digest, and whether it is new. `receipt` is called for the
        record's place in the log, `log` to sign the checkpoint of the grown tree; all of it is kept
        together or not at all. A record whose digest is known is not stored again and logs nothing:
        the row of the first time comes back, with its receipt, however many ask at once. Raises
        GrantUsedError when the grant has led to another record, SeqUsedError when another record
        of the agent has its `seq`, LogBrokenError.
        """
        ...

    def record(self, digest: str) -> RecordRow | None:
        """Return the record with this digest."""
        ...

    def attempts(
        self, *, sheet_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[Attempt]:
        """Return the grants issued for a sheet or a ticket, in order, each with its record."""
        ...

    def postings(
        self, *, sheet_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[Posting]:
        """Return the records posted to a sheet or a ticket, in order of arrival."""
        ...

    def digests(self, *, skip: int, count: int) -> Sequence[str]:
        """Return the digests of at most `count` measurements, in order of arrival, after `skip`."""
        ...

    def count_records(self) -> int:
        """Return how many measurements there are: records that are not of availability."""
        ...


class LogSigner(Protocol):
    """Signs what the log says, inside the transaction that makes it true."""

    @property
    def origin(self) -> str:
        """The log's name."""
        ...

    def sign(self, tree: Checkpoint) -> str:
        """Return the checkpoint as a signed note."""
        ...


class LogStore(HashReader, Protocol):
    """The transparency log: entries, the hashes of its tree, and its newest checkpoint.

    Entries are appended by `SessionStore.add_record`. Each is signed for at once, so the newest
    checkpoint always is of the whole tree; a tree that does not have its root is never signed.
    """

    def begin(self, log: LogSigner) -> None:
        """Sign the tree as it is, unless that was done; raises LogBrokenError."""
        ...

    def checkpoint(self) -> str:
        """Return the newest checkpoint; raises NotThereError before `begin`."""
        ...

    def index_of(self, record_digest: str) -> int | None:
        """Return where a record stands in the log."""
        ...

    def entries(self, first: int, count: int) -> Sequence[LoggedRow]:
        """Return at most `count` entries from `first` on, in their order."""
        ...

    def not_logged(self) -> str | None:
        """Return the digest of the first record that is not in the log, None where all are."""
        ...


class StateStore(Protocol):
    """Single values about the installation itself."""

    def pin(self, name: str, value: str) -> str:
        """Keep the value under this name unless there is one; return the one that is kept."""
        ...

    def value(self, name: str) -> str | None:
        """Return the value under this name."""
        ...

    def check(self) -> None:
        """Do nothing; raises StoreUnavailableError when the store can't be asked."""
        ...


@dataclass(frozen=True)
class Store:
    """Everything the server keeps, by kind."""

    enrolment: EnrolmentStore
    cases: CaseStore
    sessions: SessionStore
    log: LogStore
    state: StateStore
    keys: KeyStore
    deliveries: DeliveryStore
    instructions: InstructionStore
    presence: PresenceStore
    lines: LineStore
    schedules: ScheduleStore
    fleet: FleetStore
    old_files: OldFileStore
    people: PeopleStore
