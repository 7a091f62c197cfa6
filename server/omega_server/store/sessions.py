"""`port.SessionStore` over SQL: grants, profiles, observations, records.

A record is inserted first and looked up only when that fails: whoever loses a race reads what the
winner has committed. It goes into the transparency log in the same transaction, so records are
taken one after the other, on PostgreSQL too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_core.control import LogPosition
from omega_core.log.hashing import EntryKind
from omega_server.store.database import Database
from omega_server.store.errors import (
    GrantUsedError,
    NonceSeenError,
    NotThereError,
    ObservationKnownError,
    ProfileChangedError,
    QuotaExceededError,
    SeqUsedError,
)
from omega_server.store.events import append
from omega_server.store.lines import add_window
from omega_server.store.log import append_entry
from omega_server.store.port import LogSigner
from omega_server.store.rows import (
    AVAILABILITY_MODE,
    Attempt,
    EventRow,
    GrantRow,
    ObservationRow,
    Posting,
    ProfileRow,
    Quota,
    RecordDraft,
    RecordRow,
    RequestNonce,
    WindowRow,
)
from omega_server.store.tables import grants, observations, profiles, records, request_nonces

_IS_MEASURED = records.c.mode != AVAILABILITY_MODE
_RECORD_COLUMNS = [column for column in records.c if column.name != "record_no"]


class SqlSessions:
    """Grants, profiles, observations, records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(
        self,
        grant: GrantRow,
        *,
        nonce: RequestNonce,
        profile: ProfileRow | None,
        quota: Quota | None,
    ) -> None:
        """See `SessionStore.issue`."""
        with self._database.write() as connection:
            self._remember(connection, nonce, grant.issued_unix_us)
            if quota is not None:
                self._check_quota(connection, quota)
            if profile is not None:
                self._keep_profile(connection, profile)
            connection.execute(sa.insert(grants), asdict(grant))

    def grant(self, digest: str) -> GrantRow | None:
        """See `SessionStore.grant`."""
        with self._database.read() as connection:
            select = sa.select(grants).where(grants.c.digest == digest)
            row = connection.execute(select).mappings().first()
            return None if row is None else GrantRow(**row)

    def profile(self, digest: str) -> ProfileRow | None:
        """See `SessionStore.profile`."""
        with self._database.read() as connection:
            select = sa.select(profiles).where(profiles.c.digest == digest)
            row = connection.execute(select).mappings().first()
            return None if row is None else ProfileRow(**row)

    def add_observation(self, observation: ObservationRow) -> bool:
        """See `SessionStore.add_observation`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(observations), asdict(observation))
        except IntegrityError as error:
            known = self.observation(observation.session_id)
            if known is None:
                raise NotThereError("the grant or test point of an observation") from error
            if known.digest != observation.digest:
                raise ObservationKnownError("another observation of this session") from error
            return False
        return True

    def observation(self, session_id: str) -> ObservationRow | None:
        """See `SessionStore.observation`."""
        with self._database.read() as connection:
            select = sa.select(observations).where(observations.c.session_id == session_id)
            row = connection.execute(select).mappings().first()
            return None if row is None else ObservationRow(**row)

    def add_record(
        self,
        record: RecordDraft,
        events: Sequence[EventRow],
        *,
        log: LogSigner,
        receipt: Callable[[LogPosition], bytes],
        window: WindowRow | None = None,
    ) -> tuple[RecordRow, bool]:
        """See `SessionStore.add_record`."""
        try:
            with self._database.write() as connection:
                place = append_entry(
                    self._database,
                    connection,
                    EntryKind.RECORD,
                    digest=record.digest,
                    envelope_digest=record.envelope_digest,
                    log=log,
                )
                row = RecordRow(**asdict(record), receipt=receipt(place))
                connection.execute(sa.insert(records), asdict(row))
                if window is not None:
                    add_window(connection, window)
                append(connection, events)
        except IntegrityError as error:
            known = self.record(record.digest)
            if known is not None:
                return known, False
            if self._has_led_to_a_record(record.grant_digest):
                raise GrantUsedError("the grant has led to another record") from error
            raise SeqUsedError(f"another record of the device has seq {record.seq}") from error
        return row, True

    def _has_led_to_a_record(self, grant_digest: str | None) -> bool:
        select = sa.select(records.c.record_no).where(records.c.grant_digest == grant_digest)
        with self._database.read() as connection:
            return grant_digest is not None and connection.execute(select).first() is not None

    def record(self, digest: str) -> RecordRow | None:
        """See `SessionStore.record`."""
        with self._database.read() as connection:
            select = sa.select(*_RECORD_COLUMNS).where(records.c.digest == digest)
            row = connection.execute(select).mappings().first()
            return None if row is None else RecordRow(**row)

    def attempts(
        self, *, sheet_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[Attempt]:
        """See `SessionStore.attempts`."""
        select = (
            sa.select(
                grants.c.grant_id,
                grants.c.session_id,
                grants.c.agent_id,
                grants.c.seq,
                grants.c.purpose,
                grants.c.mode,
                grants.c.issued_unix_us,
                grants.c.digest.label("grant_digest"),
                records.c.digest.label("record_digest"),
            )
            .select_from(grants.outerjoin(records, records.c.grant_digest == grants.c.digest))
            .where(_of_case(grants, sheet_id, ticket_id))
            .order_by(grants.c.issued_unix_us, grants.c.grant_id)
        )
        with self._database.read() as connection:
            return [Attempt(**row) for row in connection.execute(select).mappings()]

    def postings(
        self, *, sheet_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[Posting]:
        """See `SessionStore.postings`."""
        select = (
            sa.select(
                records.c.digest,
                records.c.session_id,
                records.c.agent_id,
                records.c.agent_kid,
                records.c.mode,
                records.c.grant_digest.is_not(None).label("granted"),
                records.c.observers,
                records.c.verdict,
                records.c.received_unix_us,
                records.c.seq,
                records.c.clock_offset_us,
            )
            .where(_of_case(records, sheet_id, ticket_id))
            .order_by(records.c.record_no)
        )
        with self._database.read() as connection:
            return [
                Posting(**{**row, "granted": bool(row["granted"])})
                for row in connection.execute(select).mappings()
            ]

    def digests(self, *, skip: int, count: int) -> Sequence[str]:
        """See `SessionStore.digests`."""
        select = sa.select(records.c.digest).where(_IS_MEASURED).order_by(records.c.record_no)
        with self._database.read() as connection:
            return [str(each) for each in connection.scalars(select.offset(skip).limit(count))]

    def count_records(self) -> int:
        """See `SessionStore.count_records`."""
        select = sa.select(sa.func.count()).select_from(records).where(_IS_MEASURED)
        with self._database.read() as connection:
            return int(connection.execute(select).scalar_one())

    def _remember(self, connection: Connection, nonce: RequestNonce, now_unix_us: int) -> None:
        expired = request_nonces.c.expires_unix_us < now_unix_us
        connection.execute(sa.delete(request_nonces).where(expired))
        insert = self._database.insert(request_nonces).values(asdict(nonce))
        kept = insert.on_conflict_do_nothing().returning(request_nonces.c.nonce)
        if connection.execute(kept).first() is None:
            raise NonceSeenError("this request was seen before")

    def _check_quota(self, connection: Connection, quota: Quota) -> None:
        self._database.alone(connection, f"quota {quota.prefix}")
        counted = (grants.c.quota_prefix == quota.prefix) & (
            grants.c.issued_unix_us >= quota.since_unix_us
        )
        issued = connection.execute(
            sa.select(grants.c.issued_unix_us).where(counted).order_by(grants.c.issued_unix_us)
        ).scalars()
        times = [int(at) for at in issued]
        if len(times) >= quota.sessions_max:
            oldest = times[-quota.sessions_max] if quota.sessions_max else None
            raise QuotaExceededError(oldest)

    def _keep_profile(self, connection: Connection, profile: ProfileRow) -> None:
        insert = self._database.insert(profiles).values(asdict(profile))
        connection.execute(insert.on_conflict_do_nothing())
        kept = sa.select(profiles.c.profile_id).where(profiles.c.digest == profile.digest)
        if connection.execute(kept).first() is None:
            raise ProfileChangedError(
                f"profile {profile.profile_id} version {profile.version}"
                " was granted before with other content"
            )


def _of_case(
    table: sa.Table, sheet_id: str | None, ticket_id: str | None
) -> sa.ColumnElement[bool]:
    if (sheet_id is None) == (ticket_id is None):
        raise ValueError("name a sheet or a ticket")
    if sheet_id is not None:
        return table.c.sheet_id == sheet_id
    return table.c.ticket_id == ticket_id
