"""What every store promises of keys: who has which, what followed it, what was said against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.key_history import KeyLife
from omega_core.limits import KEY_REVOCATIONS_MAX
from omega_server.store import open_store
from omega_server.store.errors import AlreadyThereError, KeyReplacedError
from omega_server.store.key_port import KeyRow, RevocationRow, RotationRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    AT_ONCE,
    NOW,
    a_test_point,
    agent,
    at_once,
    digest,
    event,
    name,
    token,
)

LATER = NOW + 1_000


def rotation(number: int = 1, **changes: Any) -> RotationRow:  # noqa: ANN401 - fields of the row
    """Return the rotation from the agent's key of this number to `r` of the same number."""
    row = RotationRow(
        role="agent",
        owner_id="MA-000001",
        old_kid=name("k", number),
        kid=name("r", number),
        key=name("R", number),
        envelope=b"rotation",
        statement=b"statement of the new key",
        rotated_unix_us=LATER,
    )
    return replace(row, **changes)


def revocation(**changes: Any) -> RevocationRow:  # noqa: ANN401 - fields of the row
    row = RevocationRow(
        role="agent",
        owner_id="MA-000001",
        kid=name("k", 1),
        reason="stolen",
        revoked_unix_us=LATER,
        invalid_since_unix_us=None,
    )
    return replace(row, **changes)


def log_entry(kind: str = "key_rotated") -> EventRow:
    return replace(event(kind), subject="agent", subject_id="MA-000001")


def with_agent(store: Store, number: int = 1) -> None:
    store.enrolment.add_token(token(number))
    store.enrolment.enrol(agent(number), token_digest=digest(number))


class KeyContract:
    """Keys and what happens to them. A subclass says on which database."""

    def test_a_new_key_belongs_to_the_device_and_so_does_the_old_one(self, store: Store) -> None:
        with_agent(store)
        assert store.keys.rotate(rotation(), log_entry()) == rotation()
        old, new = store.keys.keys_of("agent", "MA-000001")
        assert old == KeyRow(
            role="agent",
            owner_id="MA-000001",
            kid=agent().kid,
            key=agent().key,
            statement=agent().statement,
            life=KeyLife(issued_unix_us=NOW, replaced_unix_us=LATER),
        )
        assert new == KeyRow(
            role="agent",
            owner_id="MA-000001",
            kid=rotation().kid,
            key=rotation().key,
            statement=rotation().statement,
            life=KeyLife(issued_unix_us=LATER),
        )
        assert (store.keys.key(old.kid), store.keys.key(new.kid)) == (old, new)
        assert store.keys.rotations("agent", "MA-000001") == [rotation()]
        assert store.cases.events("agent", "MA-000001") == [log_entry()]

    def test_both_keys_sign_for_the_device(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        for kid, key in ((agent().kid, agent().key), (rotation().kid, rotation().key)):
            signer = store.enrolment.signer(kid)
            assert signer is not None
            assert (signer.agent_id, signer.key) == ("MA-000001", key)

    def test_a_rotation_whose_answer_was_lost_is_answered_as_before(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        again = rotation(envelope=b"again", statement=b"again", rotated_unix_us=LATER + 9)
        assert store.keys.rotate(again, log_entry()) == rotation()
        assert len(store.cases.events("agent", "MA-000001")) == 1

    def test_a_key_has_one_successor(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        with pytest.raises(KeyReplacedError):
            store.keys.rotate(rotation(kid=name("x")), log_entry())

    def test_of_many_who_ask_at_once_one_key_follows(self, store: Store) -> None:
        with_agent(store)
        got = at_once(
            lambda number: store.keys.rotate(rotation(kid=name("x", number)), log_entry())
        )
        assert [type(each) for each in got].count(KeyReplacedError) == AT_ONCE - 1
        assert len(store.keys.keys_of("agent", "MA-000001")) == 2

    @pytest.mark.parametrize("taken", ["an agent's", "a later one of an agent", "a test point's"])
    def test_a_key_that_is_somebodys_follows_nothing(self, store: Store, taken: str) -> None:
        with_agent(store, 1)
        with_agent(store, 2)
        store.enrolment.add_test_point(a_test_point())
        store.keys.rotate(rotation(2, owner_id="MA-000002"), log_entry())
        kid = {
            "an agent's": agent(2).kid,
            "a later one of an agent": name("r", 2),
            "a test point's": a_test_point().kid,
        }[taken]
        with pytest.raises(AlreadyThereError):
            store.keys.rotate(rotation(kid=kid), log_entry())

    def test_a_line_of_three_keys_in_order(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        third = rotation(old_kid=rotation().kid, kid=name("s"), rotated_unix_us=LATER + 5)
        store.keys.rotate(third, log_entry())
        line = store.keys.keys_of("agent", "MA-000001")
        assert [each.kid for each in line] == [agent().kid, rotation().kid, name("s")]
        assert line[1].life == KeyLife(issued_unix_us=LATER, replaced_unix_us=LATER + 5)

    def test_a_device_that_enrols_again_with_its_later_key_is_the_same(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        store.enrolment.add_token(token(2))
        again = agent(2, kid=rotation().kid)
        found = store.enrolment.enrol(again, token_digest=digest(2))
        assert (found.agent_id, found.kid) == ("MA-000001", rotation().kid)
        assert found.statement == rotation().statement

    # Revocations

    def test_a_revoked_key_says_so_and_leaves_the_others(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        assert store.keys.revoke(revocation(invalid_since_unix_us=NOW), log_entry("key_revoked"))
        old, new = store.keys.keys_of("agent", "MA-000001")
        assert (old.life.revoked_unix_us, old.life.invalid_since_unix_us) == (LATER, NOW)
        assert new.life == KeyLife(issued_unix_us=LATER)
        assert store.keys.revocations(agent().kid) == [revocation(invalid_since_unix_us=NOW)]

    @pytest.mark.parametrize(
        ("since", "says_more"),
        [
            pytest.param(None, False, id="the same again"),
            pytest.param(NOW, False, id="the same moment again"),
            pytest.param(NOW + 1, False, id="a later moment"),
            pytest.param(NOW - 1, True, id="an earlier moment"),
        ],
    )
    def test_a_second_revocation_counts_when_it_says_more(
        self, store: Store, since: int | None, *, says_more: bool
    ) -> None:
        with_agent(store)
        store.keys.revoke(revocation(invalid_since_unix_us=NOW), log_entry("key_revoked"))
        second = revocation(invalid_since_unix_us=since, revoked_unix_us=LATER + 7)
        assert store.keys.revoke(second, log_entry("key_revoked")) is says_more
        (key,) = store.keys.keys_of("agent", "MA-000001")
        assert key.life.revoked_unix_us == LATER
        assert key.life.invalid_since_unix_us == (NOW - 1 if says_more else NOW)
        assert len(store.cases.events("agent", "MA-000001")) == 1 + says_more

    def test_a_doubt_that_comes_after_the_revocation_counts(self, store: Store) -> None:
        with_agent(store)
        store.keys.revoke(revocation(), log_entry("key_revoked"))
        assert store.keys.revoke(revocation(invalid_since_unix_us=NOW), log_entry("key_revoked"))

    def test_revocations_of_a_key_are_bounded(self, store: Store) -> None:
        with_agent(store)
        said = [
            store.keys.revoke(revocation(invalid_since_unix_us=NOW - number), log_entry())
            for number in range(KEY_REVOCATIONS_MAX + 1)
        ]
        assert said == [True] * KEY_REVOCATIONS_MAX + [False]

    def test_all_keys_of_a_revoked_device_are_revoked(self, store: Store) -> None:
        with_agent(store)
        store.keys.rotate(rotation(), log_entry())
        store.enrolment.revoke("MA-000001", log_entry("revoked"))
        lives = [each.life for each in store.keys.keys_of("agent", "MA-000001")]
        assert [each.revoked_unix_us for each in lives] == [NOW, NOW]

    # Whoever's they are

    def test_every_key_is_listed_under_its_owner(self, store: Store) -> None:
        store.state.pin("server_kid", name("S"))
        store.enrolment.add_test_point(a_test_point())
        with_agent(store, 1)
        with_agent(store, 2)
        store.keys.rotate(rotation(), log_entry())
        server = rotation(role="server", owner_id="server", old_kid=name("S"), kid=name("n"))
        store.keys.rotate(server, log_entry())
        assert [(each.role, each.owner_id, each.kid) for each in store.keys.all()] == [
            ("server", "server", name("S")),
            ("server", "server", name("n")),
            ("test_point", "tp-1", a_test_point().kid),
            ("agent", "MA-000001", agent(1).kid),
            ("agent", "MA-000001", rotation().kid),
            ("agent", "MA-000002", agent(2).kid),
        ]

    def test_a_key_nobody_has(self, store: Store) -> None:
        assert store.keys.key(name("z")) is None
        assert store.keys.keys_of("agent", "MA-000009") == []
        assert store.keys.revocations(name("z")) == []
        assert store.state.value("server_kid") is None

    def test_what_happened_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url, may_migrate=True) as store:
            with_agent(store)
            store.keys.rotate(rotation(), log_entry())
            store.keys.revoke(revocation(), log_entry("key_revoked"))
            before = store.keys.all()
        with open_store(url, may_migrate=False) as store:
            assert store.keys.all() == before


class TestSqliteKeys(OnSqlite, KeyContract):
    pass


class TestPostgresKeys(OnPostgres, KeyContract):
    pass
