"""Private links in SQL: see `people_port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from omega_server.store.database import Database
from omega_server.store.errors import NotThereError
from omega_server.store.people_log import append
from omega_server.store.people_port import AuditRow, LinkPurpose, LinkRow
from omega_server.store.people_tables import people_links, people_sessions

_LINK = [column for column in people_links.c if column.name != "link_no"]
_NOT_REVOKED = people_links.c.revoked_unix_us.is_(None)


class SqlLinks:
    """The part of `PeopleStore` that is about links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_link(self, link: LinkRow, audit: AuditRow, *, open_max: int) -> bool:
        """See `PeopleStore.add_link`."""
        with self._database.write() as connection:
            owner = link.account_id or link.subscriber_ref
            self._database.alone(connection, f"people_links {owner}")
            if link.account_id is not None:
                mine = people_links.c.account_id == link.account_id
                connection.execute(
                    sa.update(people_links)
                    .where(mine & _NOT_REVOKED)
                    .values(revoked_unix_us=link.created_unix_us)
                )
            else:
                mine = people_links.c.subscriber_ref == link.subscriber_ref
            good = mine & _good_at(link.created_unix_us)
            count = sa.select(sa.func.count()).select_from(people_links).where(good)
            if connection.execute(count).scalar_one() >= open_max:
                return False
            connection.execute(sa.insert(people_links), asdict(link))
            append(connection, audit)
        return True

    def link(self, digest: str) -> LinkRow | None:
        """See `PeopleStore.link`."""
        found = self._links(people_links.c.digest == digest)
        return found[0] if found else None

    def link_named(self, link_id: str) -> LinkRow | None:
        """See `PeopleStore.link_named`."""
        found = self._links(people_links.c.link_id == link_id)
        return found[0] if found else None

    def links(self, subscriber_ref: str) -> Sequence[LinkRow]:
        """See `PeopleStore.links`."""
        return self._links(people_links.c.subscriber_ref == subscriber_ref)

    def use_link(self, digest: str, *, at_unix_us: int) -> LinkRow | None:
        """See `PeopleStore.use_link`."""
        mine = people_links.c.digest == digest
        update = (
            sa.update(people_links)
            .where(mine & _good_at(at_unix_us))
            .values(uses_left=people_links.c.uses_left - 1)
        )
        with self._database.write() as connection:
            if connection.execute(update).rowcount == 0:
                return None
            row = connection.execute(sa.select(*_LINK).where(mine)).mappings().one()
        return _row(row)

    def revoke_link(self, link_id: str, audit: AuditRow) -> LinkRow:
        """See `PeopleStore.revoke_link`."""
        mine = people_links.c.link_id == link_id
        revoke = sa.update(people_links).where(mine & _NOT_REVOKED)
        with self._database.write() as connection:
            changed = connection.execute(revoke.values(revoked_unix_us=audit.at_unix_us)).rowcount
            row = connection.execute(sa.select(*_LINK).where(mine)).mappings().one_or_none()
            if row is None:
                raise NotThereError(f"link {link_id} is not known")
            if changed:
                opened = people_sessions.c.link_id == link_id
                connection.execute(sa.delete(people_sessions).where(opened))
                append(connection, audit)
        return _row(row)

    def _links(self, where: sa.ColumnElement[bool]) -> list[LinkRow]:
        select = sa.select(*_LINK).where(where).order_by(people_links.c.link_no.desc())
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(select).mappings()]


def _good_at(unix_us: int) -> sa.ColumnElement[bool]:
    """Return what holds for a link that still opens something."""
    return (
        _NOT_REVOKED & (people_links.c.uses_left > 0) & (people_links.c.expires_unix_us > unix_us)
    )


def _row(row: Any) -> LinkRow:  # noqa: ANN401 - the driver's mapping of a row
    fields = dict(row)
    return LinkRow(**{**fields, "purpose": LinkPurpose(fields["purpose"])})
