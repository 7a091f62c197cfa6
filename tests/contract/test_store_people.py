"""What every store promises of people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.people_port import (
    AccountRow,
    AuditRow,
    LinkPurpose,
    LinkRow,
    SessionRow,
    TrySubject,
)
from omega_server.store.port import Store
from omega_server.store.rows import EventRow, SubscriberRow
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import AT_ONCE, NOW, at_once, digest


def account(number: int = 1, **changes: Any) -> AccountRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "account_id": f"a-{number}",
        "name": f"person{number}",
        "role": "technician",
        "level": None,
        "language": "fr",
        "created_unix_us": NOW,
    }
    return AccountRow(**{**fields, **changes})


def session(number: int = 1, **changes: Any) -> SessionRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "digest": digest(number),
        "account_id": "a-1",
        "subscriber_ref": None,
        "link_id": None,
        "language": "fr",
        "csrf_secret": "c" * 32,
        "created_unix_us": NOW + number,
        "used_unix_us": NOW + number,
        "idle_unix_us": NOW + 1_000,
        "ends_unix_us": NOW + 10_000,
    }
    return SessionRow(**{**fields, **changes})


def link(number: int = 1, **changes: Any) -> LinkRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "link_id": f"l-{number}",
        "digest": digest(number),
        "purpose": LinkPurpose.CUSTOMER,
        "account_id": None,
        "subscriber_ref": "S-1",
        "made_by": "helen",
        "created_unix_us": NOW,
        "expires_unix_us": NOW + 1_000,
        "uses_left": 2,
    }
    return LinkRow(**{**fields, **changes})


def entry(what: str = "added", **changes: Any) -> AuditRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "at_unix_us": NOW,
        "who": "root",
        "role": "administrator",
        "what": what,
        "subject": "account",
        "subject_id": "person1",
        "address": "192.0.2.1",
    }
    return AuditRow(**{**fields, **changes})


def with_line(store: Store, ref: str = "S-1") -> None:
    event = EventRow(
        subject="subscriber", subject_id=ref, kind="created", at_unix_us=NOW, content={}
    )
    store.cases.add_subscriber(
        SubscriberRow(
            subscriber_ref=ref, plan_id="P-1", created_unix_us=NOW, activated_unix_us=None
        ),
        event,
    )


def written(store: Store) -> list[str]:
    return [each.what for each in store.people.audit(count=100)]


class PeopleContract:
    """Behaviour of `PeopleStore`."""

    def test_an_account_is_kept_under_one_name(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        assert store.people.account("person1") == account()
        assert store.people.account_of("a-1") == account()
        assert store.people.account("person2") is None
        with pytest.raises(AlreadyThereError):
            store.people.add_account(account(account_id="a-2"), entry("twice"))
        assert written(store) == ["added"], "what was not done is not in the log"

    def test_accounts_come_by_name_in_pages(self, store: Store) -> None:
        for number in (3, 1, 2):
            store.people.add_account(account(number), entry())
        names = [each.name for each in store.people.accounts(count=2)]
        assert names == ["person1", "person2"]
        assert [each.name for each in store.people.accounts(after="person2", count=2)] == [
            "person3"
        ]

    def test_what_changes_of_an_account_is_kept_with_its_entry(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        changed = account(
            role="helpdesk",
            level=2,
            password_hash="$argon2id$",  # noqa: S106 - of a test
            oidc_subject=digest(7),
            locked_unix_us=NOW,
        )
        store.people.change_account(changed, entry("role"))
        assert store.people.account("person1") == changed
        assert store.people.account_of_subject(digest(7)) == changed
        assert written(store) == ["role", "added"]
        with pytest.raises(NotThereError):
            store.people.change_account(account(9), entry("nobody"))
        assert written(store) == ["role", "added"]

    def test_a_subject_is_bound_to_one_account(self, store: Store) -> None:
        store.people.add_account(account(1, oidc_subject=digest(7)), entry())
        store.people.add_account(account(2), entry())
        with pytest.raises(AlreadyThereError):
            store.people.change_account(account(2, oidc_subject=digest(7)), entry())

    def test_tries_of_a_pin_are_counted_until_none_is_left(self, store: Store) -> None:
        store.people.add_account(account(pin_hash="one"), entry())
        assert [store.people.count_pin_try("a-1", tries_max=2) for _ in range(3)] == [
            True,
            True,
            False,
        ]
        store.people.change_account(account(pin_hash="one", level=3), None)
        assert not store.people.count_pin_try("a-1", tries_max=2), "the PIN is the same"
        store.people.change_account(account(pin_hash="two"), None)
        assert store.people.count_pin_try("a-1", tries_max=2)
        store.people.forget_pin_tries("a-1")
        assert store.people.account_of("a-1") == account(pin_hash="two")

    def test_pins_tried_at_once_are_all_counted(self, store: Store) -> None:
        store.people.add_account(account(pin_hash="one"), entry())
        counted = at_once(lambda _: store.people.count_pin_try("a-1", tries_max=5))
        assert counted.count(True) == 5
        assert counted.count(False) == AT_ONCE - 5

    def test_a_session_lasts_until_it_is_ended(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        store.people.add_session(session(), entry("login"), sessions_max=9)
        assert store.people.session(digest(1)) == session()
        store.people.note_use(digest(1), used_unix_us=NOW + 50, idle_unix_us=NOW + 1_050)
        noted = session(used_unix_us=NOW + 50, idle_unix_us=NOW + 1_050)
        assert store.people.session(digest(1)) == noted
        for _ in range(2):
            store.people.end_session(digest(1), entry("logout"))
        assert store.people.session(digest(1)) is None
        store.people.note_use(digest(1), used_unix_us=NOW + 60, idle_unix_us=NOW + 1_060)
        assert store.people.session(digest(1)) is None
        assert written(store) == ["logout", "login", "added"]

    def test_the_oldest_sessions_make_room(self, store: Store) -> None:
        for number in (1, 2):
            store.people.add_account(account(number), entry())
        store.people.add_session(session(9, account_id="a-2"), entry(), sessions_max=2)
        for number in (1, 2, 3):
            store.people.add_session(session(number), entry(), sessions_max=2)
        there = [number for number in (1, 2, 3, 9) if store.people.session(digest(number))]
        assert there == [2, 3, 9]

    def test_sessions_whose_life_is_over_are_removed(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        store.people.add_session(session(1, ends_unix_us=NOW + 5), entry(), sessions_max=9)
        late = session(2, created_unix_us=NOW + 5)
        store.people.add_session(late, entry(), sessions_max=9)
        assert store.people.session(digest(1)) is None
        assert store.people.session(digest(2)) == late

    def test_sessions_end_with_a_change_that_says_so(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        store.people.add_session(session(), entry(), sessions_max=9)
        store.people.change_account(account(language="en"), None)
        assert store.people.session(digest(1)) is not None
        store.people.change_account(account(), entry("locked"), end_sessions=True)
        assert store.people.session(digest(1)) is None

    def test_a_link_is_good_as_often_and_as_long_as_it_says(self, store: Store) -> None:
        with_line(store)
        assert store.people.add_link(link(), entry("link made"), open_max=9)
        assert store.people.link(digest(1)) == link()
        assert store.people.link_named("l-1") == link()
        assert store.people.use_link(digest(1), at_unix_us=NOW) == replace(link(), uses_left=1)
        assert store.people.use_link(digest(1), at_unix_us=NOW + 1_000) is None, "too late"
        assert store.people.use_link(digest(1), at_unix_us=NOW + 999) is not None
        assert store.people.use_link(digest(1), at_unix_us=NOW + 999) is None, "used up"
        assert store.people.use_link(digest(2), at_unix_us=NOW) is None
        assert store.people.link(digest(2)) is None
        assert store.people.link_named("l-2") is None

    def test_a_link_is_used_up_once_whoever_comes(self, store: Store) -> None:
        with_line(store)
        store.people.add_link(link(uses_left=1), entry(), open_max=9)
        used = at_once(lambda _: store.people.use_link(digest(1), at_unix_us=NOW))
        assert used.count(None) == AT_ONCE - 1
        assert used.count(link(uses_left=0)) == 1

    def test_a_line_has_so_many_good_links(self, store: Store) -> None:
        with_line(store)
        with_line(store, "S-2")
        assert store.people.add_link(link(1, expires_unix_us=NOW), entry(), open_max=1), "over"
        assert store.people.add_link(link(2), entry(), open_max=1)
        assert not store.people.add_link(link(3), entry("too many"), open_max=1)
        assert store.people.add_link(link(4, subscriber_ref="S-2"), entry(), open_max=1)
        assert [each.link_id for each in store.people.links("S-1")] == ["l-2", "l-1"]
        assert "too many" not in written(store)

    def test_a_new_link_of_an_account_takes_the_place_of_others(self, store: Store) -> None:
        store.people.add_account(account(), entry())
        of_account = {
            "purpose": LinkPurpose.RESET,
            "account_id": "a-1",
            "subscriber_ref": None,
        }
        assert store.people.add_link(link(1, **of_account), entry(), open_max=1)
        assert store.people.add_link(link(2, **of_account), entry(), open_max=1)
        assert store.people.use_link(digest(1), at_unix_us=NOW) is None
        assert store.people.use_link(digest(2), at_unix_us=NOW) is not None

    def test_revoking_a_link_ends_what_it_opened(self, store: Store) -> None:
        with_line(store)
        store.people.add_link(link(), entry(), open_max=9)
        opened = session(account_id=None, subscriber_ref="S-1", link_id="l-1")
        store.people.add_session(opened, entry(), sessions_max=1)
        revoked = store.people.revoke_link("l-1", entry("revoked", at_unix_us=NOW + 3))
        assert revoked == replace(link(), revoked_unix_us=NOW + 3)
        assert store.people.session(digest(1)) is None
        assert store.people.revoke_link("l-1", entry("again", at_unix_us=NOW + 4)) == revoked
        assert "again" not in written(store)
        with pytest.raises(NotThereError):
            store.people.revoke_link("l-9", entry())

    def test_tries_are_counted_over_a_window(self, store: Store) -> None:
        def count(at: int, key: str = digest(1)) -> tuple[int, int]:
            counted = store.people.count_try(
                TrySubject.NAME, key, at_unix_us=NOW + at, window_us=100, rows_max=9
            )
            return counted.tries, counted.since_unix_us - NOW

        assert [count(0), count(50), count(99)] == [(1, 0), (2, 0), (3, 0)]
        assert count(99, digest(2)) == (1, 99)
        assert count(100) == (1, 100), "the window is over"
        store.people.forget_try(TrySubject.NAME, digest(2), all_of_them=False)
        assert count(120, digest(2)) == (1, 120)
        assert count(120) == (2, 100)
        store.people.forget_try(TrySubject.NAME, digest(1), all_of_them=False)
        assert count(120) == (2, 100)
        store.people.forget_try(TrySubject.NAME, digest(1), all_of_them=True)
        assert count(130) == (1, 130)

    def test_the_oldest_counter_makes_room(self, store: Store) -> None:
        for number in (1, 2, 3):
            store.people.count_try(
                TrySubject.ADDRESS,
                digest(number),
                at_unix_us=NOW + number,
                window_us=100,
                rows_max=2,
            )
        again = [
            store.people.count_try(
                TrySubject.ADDRESS, digest(number), at_unix_us=NOW + 9, window_us=100, rows_max=9
            ).tries
            for number in (2, 3, 1)
        ]
        assert again == [2, 2, 1]

    def test_tries_at_once_are_all_counted(self, store: Store) -> None:
        counted = at_once(
            lambda _: store.people.count_try(
                TrySubject.NAME, digest(1), at_unix_us=NOW, window_us=100, rows_max=9
            )
        )
        tries = sorted(each.tries for each in counted if not isinstance(each, Exception))
        assert tries == list(range(1, AT_ONCE + 1))

    def test_the_audit_log_comes_newest_first(self, store: Store) -> None:
        for number in range(4):
            store.people.write_audit(entry(f"what {number}", who=f"who{number % 2}"))
        page = store.people.audit(count=2)
        assert [each.what for each in page] == ["what 3", "what 2"]
        assert page[0] == entry("what 3", who="who1", audit_no=page[0].audit_no)
        rest = store.people.audit(before=page[-1].audit_no, count=9)
        assert [each.what for each in rest] == ["what 1", "what 0"]
        mine = store.people.audit(count=9, who="who1", subject="account", subject_id="person1")
        assert [each.what for each in mine] == ["what 3", "what 1"]
        assert not store.people.audit(count=9, subject="line")


class TestSqlitePeople(OnSqlite, PeopleContract):
    """On SQLite."""


class TestPostgresPeople(OnPostgres, PeopleContract):
    """On PostgreSQL."""
