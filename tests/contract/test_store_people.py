"""What every store promises of those who use the pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.people_port import (
    AccountRow,
    AuditRow,
    FailureRow,
    InvitationRow,
    SessionRow,
)
from omega_server.store.port import Store
from support.store_databases import OnPostgres, OnSqlite, at_once
from support.store_rows import NOW

CLAIRE = AccountRow(
    name="claire",
    role="helpdesk",
    level=1,
    language=None,
    password_hash="a hash",
    pin_hash=None,
    created_unix_us=NOW,
)


def session(number: int, **changes: int) -> SessionRow:
    row = SessionRow(
        token_digest=f"{number:064}",
        name="claire",
        csrf="c",
        created_unix_us=NOW,
        used_unix_us=NOW,
        expires_unix_us=NOW + 1_000,
    )
    return replace(row, **changes)  # type: ignore[arg-type] - numbers of the row


def entry(number: int) -> AuditRow:
    return AuditRow(at_unix_us=NOW + number, who="claire", what="login", subject="-", address="-")


class PeopleContract:
    """Behaviour of `PeopleStore`."""

    def test_accounts_are_kept_and_changed(self, store: Store) -> None:
        people = store.people
        people.add(CLAIRE)
        with pytest.raises(AlreadyThereError):
            people.add(CLAIRE)
        changed = replace(CLAIRE, locked_unix_us=NOW, role="noc", level=0)
        people.change(changed)
        assert people.account("claire") == changed
        people.add(replace(CLAIRE, name="anna"))
        assert [each.name for each in people.accounts()] == ["anna", "claire"]
        with pytest.raises(NotThereError):
            people.change(replace(CLAIRE, name="nobody"))
        assert people.account("nobody") is None

    def test_sessions_are_found_used_and_ended(self, store: Store) -> None:
        people = store.people
        people.add(CLAIRE)
        people.open_session(session(1))
        people.used(f"{1:064}", NOW + 7)
        assert people.session(f"{1:064}") == (session(1, used_unix_us=NOW + 7), CLAIRE)
        people.open_session(session(2, created_unix_us=NOW + 1_000, expires_unix_us=NOW + 9_000))
        assert people.session(f"{1:064}") is None, "it was over when the next was opened"
        people.open_session(session(3))
        people.end_sessions("claire", token_digest=f"{2:064}")
        assert people.session(f"{2:064}") is None
        assert people.session(f"{3:064}") is not None
        people.end_sessions("claire")
        assert people.session(f"{3:064}") is None

    def test_an_invitation_is_good_once_however_many_come(self, store: Store) -> None:
        people = store.people
        people.add(CLAIRE)
        old = InvitationRow(token_digest="a" * 64, name="claire", expires_unix_us=NOW + 10)
        people.invite(old)
        people.invite(replace(old, token_digest="b" * 64))
        assert people.accept("a" * 64, NOW) is None, "another has taken its place"
        assert people.accept("b" * 64, NOW + 10) is None, "it is too old"
        came = at_once(lambda _: people.accept("b" * 64, NOW))
        assert came.count("claire") == 1
        assert came.count(None) == len(came) - 1

    def test_failures_are_counted_and_forgotten(self, store: Store) -> None:
        people = store.people
        people.failed(["claire", "from:x"], NOW, forget_before_unix_us=0)
        people.failed(["claire"], NOW + 5, forget_before_unix_us=0)
        assert people.failures(["claire", "from:x", "y"]) == {
            "claire": FailureRow(failures=2, last_unix_us=NOW + 5),
            "from:x": FailureRow(failures=1, last_unix_us=NOW),
        }
        people.forgive("claire")
        people.failed(["y"], NOW + 9, forget_before_unix_us=NOW + 1)
        assert set(people.failures(["claire", "from:x", "y"])) == {"y"}

    def test_the_audit_is_paged_newest_first(self, store: Store) -> None:
        for number in range(5):
            store.people.note(entry(number))
        newest = store.people.audit(count=2)
        assert [each.at_unix_us - NOW for each in newest] == [4, 3]
        rest = store.people.audit(before=newest[-1].audit_no, count=9)
        assert [each.at_unix_us - NOW for each in rest] == [2, 1, 0]


class TestSqlitePeople(OnSqlite, PeopleContract):
    """On SQLite."""


class TestPostgresPeople(OnPostgres, PeopleContract):
    """On PostgreSQL."""
