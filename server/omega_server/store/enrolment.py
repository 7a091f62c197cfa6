"""`port.EnrolmentStore` over SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_core.key_history import KeyLife
from omega_server.store.database import Database
from omega_server.store.errors import NotThereError, TokenRefusedError
from omega_server.store.events import append
from omega_server.store.key_tables import key_rotations
from omega_server.store.keys import find
from omega_server.store.port import NOT_BOUND
from omega_server.store.rows import (
    AgentRow,
    EventRow,
    Signer,
    TestPointRow,
    TokenBinding,
    TokenRow,
)
from omega_server.store.tables import (
    agents,
    enrolment_tokens,
    grants,
    number_series,
    sheets,
    test_points,
)


class SqlEnrolment:
    """Tokens, agents, test points."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_token(self, token: TokenRow) -> None:
        """See `EnrolmentStore.add_token`."""
        with self._database.write() as connection:
            connection.execute(sa.insert(enrolment_tokens), asdict(token))

    def tokens(self) -> Sequence[TokenRow]:
        """See `EnrolmentStore.tokens`."""
        order = (enrolment_tokens.c.created_unix_us, enrolment_tokens.c.digest)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(enrolment_tokens).order_by(*order)).mappings()
            return [TokenRow(**row) for row in rows]

    def enrol(
        self,
        agent: AgentRow,
        *,
        token_digest: str,
        binding: TokenBinding = NOT_BOUND,
        event: EventRow | None = None,
    ) -> AgentRow:
        """See `EnrolmentStore.enrol`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"token {token_digest}")
            token = _token(connection, token_digest)
            known = _with_key(connection, agent.kid)
            if token.used_unix_us is not None:
                if known is not None and token.used_by_kid == agent.kid:
                    return known
                raise TokenRefusedError("used")
            if agent.enrolled_unix_us > token.expires_unix_us:
                raise TokenRefusedError("expired")
            if not _fits(token, binding):
                raise TokenRefusedError("bound")
            _use_up(connection, token, agent)
            if known is None:
                connection.execute(sa.insert(agents), asdict(agent))
                append(connection, [event] if event else [])
            return known or agent

    def agent(self, agent_id: str) -> AgentRow | None:
        """See `EnrolmentStore.agent`."""
        with self._database.read() as connection:
            return _agent(connection, agents.c.agent_id == agent_id)

    def sheet_of(self, agent_id: str) -> str | None:
        """See `EnrolmentStore.sheet_of`."""
        later = (key_rotations.c.role == "agent") & (key_rotations.c.owner_id == agent_id)
        kids = sa.union(
            sa.select(agents.c.kid).where(agents.c.agent_id == agent_id),
            sa.select(key_rotations.c.kid).where(later),
        )
        select = (
            sa.select(enrolment_tokens.c.sheet_id)
            .where(enrolment_tokens.c.used_by_kid.in_(kids))
            .where(enrolment_tokens.c.sheet_id.is_not(None))
            .order_by(enrolment_tokens.c.used_unix_us.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            sheet_id = connection.execute(select).scalar()
            return None if sheet_id is None else str(sheet_id)

    def agents_of(self, subscriber_ref: str) -> Sequence[AgentRow]:
        """See `EnrolmentStore.agents_of`."""
        mine = sa.select(sheets.c.sheet_id).where(sheets.c.subscriber_ref == subscriber_ref)
        used = (
            sa.select(enrolment_tokens.c.used_by_kid)
            .where(enrolment_tokens.c.sheet_id.in_(mine))
            .where(enrolment_tokens.c.used_by_kid.is_not(None))
        )
        rotated = (
            sa.select(key_rotations.c.owner_id)
            .where(key_rotations.c.role == "agent")
            .where(key_rotations.c.kid.in_(used))
        )
        select = (
            sa.select(agents)
            .where(agents.c.kid.in_(used) | agents.c.agent_id.in_(rotated))
            .order_by(agents.c.agent_id)
        )
        with self._database.read() as connection:
            return [AgentRow(**row) for row in connection.execute(select).mappings()]

    def agents(self) -> Sequence[AgentRow]:
        """See `EnrolmentStore.agents`."""
        order = (agents.c.enrolled_unix_us, agents.c.agent_id)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(agents).order_by(*order)).mappings()
            return [AgentRow(**row) for row in rows]

    def revoke(self, agent_id: str, event: EventRow) -> AgentRow:
        """See `EnrolmentStore.revoke`."""
        with self._database.write() as connection:
            agent = _agent(connection, agents.c.agent_id == agent_id)
            if agent is None:
                raise NotThereError(f"agent {agent_id} is not known")
            if agent.revoked_unix_us is not None:
                return agent
            mine = agents.c.agent_id == agent_id
            connection.execute(
                sa.update(agents).where(mine).values(revoked_unix_us=event.at_unix_us)
            )
            append(connection, [event])
            return replace(agent, revoked_unix_us=event.at_unix_us)

    def signer(self, kid: str) -> Signer | None:
        """See `EnrolmentStore.signer`."""
        with self._database.read() as connection:
            known = find(connection, kid)
            if known is not None and known.role == "agent" and known.key is not None:
                return Signer(key=known.key, agent_id=known.owner_id, life=known.life)
            once = sa.select(grants.c.agent_key).where(grants.c.agent_kid == kid).limit(1)
            key = connection.execute(once).scalar()
            return None if key is None else Signer(key=key, agent_id=None, life=KeyLife())

    def add_test_point(self, test_point: TestPointRow) -> None:
        """See `EnrolmentStore.add_test_point`."""
        insert = self._database.insert(test_points).values(asdict(test_point))
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_nothing())

    def test_point(self, kid: str) -> TestPointRow | None:
        """See `EnrolmentStore.test_point`."""
        return self._test_point(test_points.c.kid == kid)

    def test_point_named(self, test_point_id: str) -> TestPointRow | None:
        """See `EnrolmentStore.test_point_named`."""
        return self._test_point(test_points.c.test_point_id == test_point_id)

    def next_number(self, series: str) -> int:
        """See `EnrolmentStore.next_number`."""
        insert = self._database.insert(number_series).values(name=series, last=1)
        count_on = insert.on_conflict_do_update(
            index_elements=[number_series.c.name], set_={"last": number_series.c.last + 1}
        ).returning(number_series.c.last)
        with self._database.write() as connection:
            return int(connection.execute(count_on).scalar_one())

    def _test_point(self, condition: sa.ColumnElement[bool]) -> TestPointRow | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(test_points).where(condition)).mappings().first()
            return None if row is None else TestPointRow(**row)


def _with_key(connection: Connection, kid: str) -> AgentRow | None:
    """Return the agent that has, or had, this key: with this key."""
    key = find(connection, kid)
    if key is None or key.role != "agent" or key.key is None or key.statement is None:
        return None
    agent = _agent(connection, agents.c.agent_id == key.owner_id)
    return agent and replace(agent, kid=kid, key=key.key, statement=key.statement)


def _fits(token: TokenRow, binding: TokenBinding) -> bool:
    """Say whether the device names what the token asks for."""
    return token.serial in {None, binding.serial} and token.sheet_id in {None, binding.sheet_id}


def _token(connection: Connection, digest: str) -> TokenRow:
    select = sa.select(enrolment_tokens).where(enrolment_tokens.c.digest == digest)
    row = connection.execute(select).mappings().first()
    if row is None:
        raise TokenRefusedError("unknown")
    return TokenRow(**row)


def _use_up(connection: Connection, token: TokenRow, agent: AgentRow) -> None:
    connection.execute(
        sa.update(enrolment_tokens)
        .where(enrolment_tokens.c.digest == token.digest)
        .values(used_unix_us=agent.enrolled_unix_us, used_by_kid=agent.kid)
    )


def _agent(connection: Connection, condition: sa.ColumnElement[bool]) -> AgentRow | None:
    row = connection.execute(sa.select(agents).where(condition)).mappings().first()
    return None if row is None else AgentRow(**row)
