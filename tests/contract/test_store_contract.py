"""One contract for the store, held on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest

from omega_core.errors import UsageError
from omega_server.store import open_store
from omega_server.store.database import Database
from omega_server.store.migrate import differences, migrate
from omega_server.store.port import (
    AlreadyThereError,
    GrantUsedError,
    NonceSeenError,
    NotThereError,
    ObservationKnownError,
    ProfileChangedError,
    QuotaExceededError,
    Store,
    StoreVersionError,
    TokenRefusedError,
)
from omega_server.store.rows import (
    AgentRow,
    EventRow,
    GrantRow,
    ObservationRow,
    ProfileRow,
    Quota,
    RecordRow,
    RequestNonce,
    SheetRow,
    SubscriberRow,
    TestPointRow,
    TicketRow,
    TokenRow,
)

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
    )
    return replace(row, **changes)


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


class StoreContract:
    """What every Store promises. A subclass for each database has a fixture `url`."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        with open_store(url, may_migrate=True) as store:
            yield store

    # The tables

    def test_migrations_from_empty_give_the_tables_of_the_program(self, url: str) -> None:
        database = Database(url)
        migrate(database)
        assert differences(database) == []
        database.close()

    def test_a_database_without_tables_is_refused_where_nobody_may_make_them(
        self, url: str
    ) -> None:
        with (
            pytest.raises(StoreVersionError, match="version none"),
            open_store(url, may_migrate=False),
        ):
            pass

    def test_a_database_of_a_newer_program_is_refused(self, url: str) -> None:
        database = Database(url)
        migrate(database)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        database.close()
        with pytest.raises(StoreVersionError, match="9999"), open_store(url, may_migrate=True):
            pass

    def test_many_servers_that_start_at_once_make_the_tables_once(self, url: str) -> None:
        def start(_: int) -> str:
            database = Database(url)
            try:
                return migrate(database)
            finally:
                database.close()

        assert at_once(start) == ["0001"] * AT_ONCE

    def test_what_was_stored_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url, may_migrate=True) as store:
            store.sessions.add_record(record(), None)
        with open_store(url, may_migrate=False) as store:
            assert store.sessions.record(record().digest) == record()

    # Values about the installation

    def test_the_first_value_under_a_name_stays(self, store: Store) -> None:
        assert store.state.pin("server_kid", "one") == "one"
        assert store.state.pin("server_kid", "two") == "one"

    def test_a_store_that_works_passes_its_check(self, store: Store) -> None:
        store.state.check()

    def test_numbers_of_a_series_are_given_once_however_many_ask(self, store: Store) -> None:
        numbers = at_once(lambda _: store.enrolment.next_number("sheet 2026"))
        assert sorted(numbers) == list(range(1, AT_ONCE + 1))  # type: ignore[type-var] # no errors among them
        assert store.enrolment.next_number("sheet 2027") == 1

    # Tokens and agents

    def test_a_token_enrols_one_device(self, store: Store) -> None:
        store.enrolment.add_token(token())
        assert store.enrolment.enrol(agent(1), token_digest=digest(1)) == agent(1)
        with pytest.raises(TokenRefusedError, match="used"):
            store.enrolment.enrol(agent(2), token_digest=digest(1))
        assert store.enrolment.agents() == [agent(1)]
        assert store.enrolment.tokens() == [
            token(used_unix_us=NOW, used_by_kid=agent(1).kid),
        ]

    def test_one_of_many_devices_gets_the_token(self, store: Store) -> None:
        store.enrolment.add_token(token())
        got = at_once(lambda number: store.enrolment.enrol(agent(number), token_digest=digest(1)))
        assert [type(each) for each in got].count(AgentRow) == 1
        assert len(store.enrolment.agents()) == 1

    def test_the_same_device_asking_again_gets_the_same_name(self, store: Store) -> None:
        store.enrolment.add_token(token())
        first = store.enrolment.enrol(agent(1), token_digest=digest(1))
        again = agent(1, agent_id="MA-000099", enrolled_unix_us=NOW + 99)
        assert store.enrolment.enrol(again, token_digest=digest(1)) == first

    def test_an_enrolled_key_keeps_its_name_with_another_token(self, store: Store) -> None:
        store.enrolment.add_token(token(1))
        store.enrolment.add_token(token(2))
        first = store.enrolment.enrol(agent(1), token_digest=digest(1))
        again = agent(1, agent_id="MA-000002")
        assert store.enrolment.enrol(again, token_digest=digest(2)) == first
        with pytest.raises(TokenRefusedError, match="used"):
            store.enrolment.enrol(agent(3), token_digest=digest(2))

    @pytest.mark.parametrize(
        ("late_us", "refused"),
        [
            pytest.param(10, False, id="a token is good in its last microsecond"),
            pytest.param(11, True, id="and not in the one after it"),
        ],
    )
    def test_life_of_a_token(self, store: Store, late_us: int, *, refused: bool) -> None:
        store.enrolment.add_token(token())
        late = agent(enrolled_unix_us=NOW + late_us)
        if refused:
            with pytest.raises(TokenRefusedError, match="expired"):
                store.enrolment.enrol(late, token_digest=digest(1))
        else:
            assert store.enrolment.enrol(late, token_digest=digest(1)) == late

    def test_an_unknown_token_is_refused(self, store: Store) -> None:
        with pytest.raises(TokenRefusedError, match="unknown"):
            store.enrolment.enrol(agent(), token_digest=digest(7))

    def test_a_revoked_agent_stays_revoked_since_the_first_time(self, store: Store) -> None:
        store.enrolment.add_token(token())
        store.enrolment.enrol(agent(), token_digest=digest(1))
        revoked = replace(event("revoked"), subject="agent", subject_id="MA-000001")
        store.enrolment.revoke("MA-000001", revoked)
        again = store.enrolment.revoke("MA-000001", replace(revoked, at_unix_us=NOW + 5))
        assert again.revoked_unix_us == NOW
        assert store.enrolment.agent("MA-000001") == again
        assert store.cases.events("agent", "MA-000001") == [revoked]
        signer = store.enrolment.signer(agent().kid)
        assert signer is not None
        assert signer.revoked

    def test_nobody_can_be_revoked_who_is_not_there(self, store: Store) -> None:
        with pytest.raises(NotThereError):
            store.enrolment.revoke("MA-000009", event("revoked"))
        assert store.enrolment.agent("MA-000009") is None

    def test_a_key_id_names_an_agent_or_a_key_of_one_grant_or_nobody(self, store: Store) -> None:
        store.enrolment.add_token(token())
        store.enrolment.enrol(agent(), token_digest=digest(1))
        issue(store, grant(agent_kid=name("x"), agent_key=name("X")))
        known, once = store.enrolment.signer(agent().kid), store.enrolment.signer(name("x"))
        assert known is not None
        assert once is not None
        assert (known.agent_id, known.key) == ("MA-000001", agent().key)
        assert (once.agent_id, once.key, once.revoked) == (None, name("X"), False)
        assert store.enrolment.signer(name("y")) is None

    def test_a_test_point_is_found_by_key_and_by_name(self, store: Store) -> None:
        store.enrolment.add_test_point(a_test_point())
        store.enrolment.add_test_point(a_test_point())
        assert store.enrolment.test_point(a_test_point().kid) == a_test_point()
        assert store.enrolment.test_point_named("tp-1") == a_test_point()
        assert store.enrolment.test_point(name("z")) is None
        assert store.enrolment.test_point_named("tp-2") is None

    # Subscribers, sheets, tickets

    def test_subscribers_are_kept_by_name(self, store: Store) -> None:
        for ref in ("S-2", "S-1"):
            store.cases.add_subscriber(subscriber(ref), event("added"))
        assert store.cases.subscribers() == [subscriber("S-1"), subscriber("S-2")]
        assert store.cases.subscriber("S-3") is None
        with pytest.raises(AlreadyThereError):
            store.cases.add_subscriber(subscriber("S-1"), event("added again"))
        assert [each.kind for each in store.cases.events("sheet", "FI-2026-000001")] == [
            "added",
            "added",
        ], "what was refused is not logged"

    def test_a_plan_is_activated_once(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        activated = event("activated")
        first = store.cases.activate("S-1", activated)
        assert first.activated_unix_us == NOW
        assert store.cases.activate("S-1", replace(activated, at_unix_us=NOW + 9)) == first
        assert store.cases.subscriber("S-1") == first
        assert [each.kind for each in store.cases.events("sheet", "FI-2026-000001")] == [
            "added",
            "activated",
        ]
        with pytest.raises(NotThereError):
            store.cases.activate("S-9", activated)

    def test_sheets_belong_to_a_subscriber_that_is_there(self, store: Store) -> None:
        with pytest.raises(NotThereError):
            store.cases.add_sheet(sheet(), event())
        for ref in ("S-1", "S-2"):
            store.cases.add_subscriber(subscriber(ref), event("added"))
        for row in (sheet(2, "S-2"), sheet(1)):
            store.cases.add_sheet(row, event())
        assert store.cases.sheets() == [sheet(1), sheet(2, "S-2")]
        assert store.cases.sheets("S-2") == [sheet(2, "S-2")]
        assert store.cases.sheet("FI-2026-000001") == sheet(1)
        assert store.cases.sheet("FI-2026-000009") is None
        with pytest.raises(AlreadyThereError):
            store.cases.add_sheet(sheet(1), event())

    def test_tickets_keep_what_was_said(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        row = TicketRow(
            ticket_id="TT-2026-000001",
            subscriber_ref="S-1",
            description="c'est lent, l'été 'surtout' 网络",
            created_unix_us=NOW,
        )
        store.cases.add_ticket(row, event("opened"))
        assert store.cases.ticket("TT-2026-000001") == row
        assert store.cases.tickets() == [row]
        assert store.cases.ticket("TT-2026-000002") is None

    def test_a_log_grows_in_order_and_keeps_subjects_apart(self, store: Store) -> None:
        entries = [event(f"e{number}", note="\u0000é", number=number) for number in range(5)]
        for entry in entries:
            store.cases.log(entry)
        store.cases.log(replace(event("other"), subject="ticket"))
        assert store.cases.events("sheet", "FI-2026-000001") == entries

    # Grants

    def test_a_grant_is_kept_byte_for_byte(self, store: Store) -> None:
        issue(store, grant(), profile=profile())
        assert store.sessions.grant(digest(1)) == grant()
        assert store.sessions.grant(digest(2)) is None
        assert store.sessions.profile(digest(1)) == profile()
        assert store.sessions.profile(digest(2)) is None

    def test_a_request_is_honoured_once_however_often_it_is_sent(self, store: Store) -> None:
        got = at_once(lambda number: issue(store, grant(number + 1), nonce=nonce(1)))
        assert got.count(None) == 1
        assert sum(isinstance(each, NonceSeenError) for each in got) == AT_ONCE - 1
        kept = [store.sessions.grant(digest(number + 1)) for number in range(AT_ONCE)]
        assert sum(each is not None for each in kept) == 1, "what was refused is not kept"

    @pytest.mark.parametrize(
        ("issued", "refused"),
        [
            pytest.param(NOW + 100, True, id="a nonce is remembered in its last microsecond"),
            pytest.param(NOW + 101, False, id="and forgotten after it"),
        ],
    )
    def test_life_of_a_nonce(self, store: Store, issued: int, *, refused: bool) -> None:
        issue(store, grant(1), nonce=nonce(1))
        late = grant(2, issued_unix_us=issued)
        if refused:
            with pytest.raises(NonceSeenError):
                issue(store, late, nonce=nonce(1))
        else:
            issue(store, late, nonce=nonce(1))

    def test_two_keys_may_use_the_same_nonce(self, store: Store) -> None:
        issue(store, grant(1), nonce=nonce(1))
        issue(store, grant(2), nonce=nonce(1, kid=name("z")))

    def test_a_released_profile_never_changes(self, store: Store) -> None:
        issue(store, grant(1), profile=profile(1))
        issue(store, grant(2), profile=profile(1))
        with pytest.raises(ProfileChangedError, match="ftth-home-300 version 1"):
            issue(store, grant(3), profile=profile(1, digest=digest(9)))
        assert store.sessions.grant(digest(3)) is None

    def test_a_quota_counts_what_lies_in_its_window(self, store: Store) -> None:
        for number in (1, 2, 3):
            issue(store, grant(number, quota_prefix="192.0.2.1"))
        issue(store, grant(4, quota_prefix="192.0.2.2"))
        window = Quota(prefix="192.0.2.1", since_unix_us=NOW + 2, sessions_max=2)
        with pytest.raises(QuotaExceededError) as refused:
            issue(store, grant(5), quota=window)
        assert refused.value.oldest_unix_us == NOW + 2
        issue(store, grant(5), quota=replace(window, since_unix_us=NOW + 3))

    def test_a_quota_holds_when_many_ask_at_once(self, store: Store) -> None:
        window = Quota(prefix="192.0.2.1", since_unix_us=NOW, sessions_max=3)
        got = at_once(
            lambda number: issue(store, grant(number + 1, quota_prefix="192.0.2.1"), quota=window)
        )
        assert got.count(None) == 3
        assert sum(isinstance(each, QuotaExceededError) for each in got) == AT_ONCE - 3

    # Observations and records

    def test_an_observation_is_kept_once(self, store: Store) -> None:
        store.enrolment.add_test_point(a_test_point())
        issue(store, grant(1))
        assert store.sessions.add_observation(observation()) is True
        assert store.sessions.add_observation(replace(observation(), received_unix_us=9)) is False
        assert store.sessions.observation("s-1") == observation()
        assert store.sessions.observation("s-2") is None
        with pytest.raises(ObservationKnownError):
            store.sessions.add_observation(observation(digest=digest(999)))

    def test_an_observation_of_nothing_is_refused(self, store: Store) -> None:
        with pytest.raises(NotThereError):
            store.sessions.add_observation(observation())

    def test_a_record_is_kept_byte_for_byte_with_its_log(self, store: Store) -> None:
        assert store.sessions.add_record(record(), event("record", digest="d")) == record()
        assert store.sessions.record(record().digest) == record()
        assert store.sessions.record(digest(999)) is None
        assert store.cases.events("sheet", "FI-2026-000001") == [event("record", digest="d")]

    def test_a_record_posted_many_times_at_once_is_one_row(self, store: Store) -> None:
        def post(number: int) -> RecordRow:
            mine = record(receipt=b"receipt of thread %d" % number, received_unix_us=NOW + number)
            return store.sessions.add_record(mine, event("record"))

        got = at_once(post)
        assert len({each.receipt if isinstance(each, RecordRow) else each for each in got}) == 1
        assert got[0] == store.sessions.record(record().digest)
        assert store.cases.events("sheet", "FI-2026-000001") == [event("record")]

    def test_a_grant_leads_to_one_record(self, store: Store) -> None:
        issue(store, grant(1))

        def post(number: int) -> RecordRow:
            return store.sessions.add_record(
                record(number, grant_digest=digest(1)), event("record", number=number)
            )

        got = at_once(post)
        kept = [each for each in got if isinstance(each, RecordRow)]
        assert len(kept) == 1
        assert sum(isinstance(each, GrantUsedError) for each in got) == AT_ONCE - 1
        assert len(store.cases.events("sheet", "FI-2026-000001")) == 1

    def test_a_sheet_lists_every_attempt_and_record_and_no_others(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        for number in (1, 2):
            store.cases.add_sheet(sheet(number), event())
        for number, sheet_id in ((1, "FI-2026-000001"), (2, "FI-2026-000001"), (3, None)):
            issue(store, grant(number, sheet_id=sheet_id))
        posted = record(
            2, grant_digest=digest(2), session_id="s-2", sheet_id="FI-2026-000001", verdict=None
        )
        dead = record(3, sheet_id="FI-2026-000001")
        for row in (posted, dead, record(4)):
            store.sessions.add_record(row, None)
        attempts = store.sessions.attempts(sheet_id="FI-2026-000001")
        assert [(each.grant_id, each.record_digest) for each in attempts] == [
            ("g-1", None),
            ("g-2", posted.digest),
        ]
        postings = store.sessions.postings(sheet_id="FI-2026-000001")
        assert [(each.digest, each.granted, each.verdict) for each in postings] == [
            (posted.digest, True, None),
            (dead.digest, False, "pass"),
        ]
        assert store.sessions.attempts(sheet_id="FI-2026-000002") == []
        assert store.sessions.postings(sheet_id="FI-2026-000002") == []

    def test_a_ticket_lists_its_own(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        row = TicketRow(
            ticket_id="TT-2026-000001", subscriber_ref="S-1", description="x", created_unix_us=NOW
        )
        store.cases.add_ticket(row, event("opened"))
        issue(store, grant(1, ticket_id="TT-2026-000001"))
        store.sessions.add_record(record(grant_digest=digest(1), ticket_id="TT-2026-000001"), None)
        attempts = store.sessions.attempts(ticket_id="TT-2026-000001")
        assert [each.record_digest for each in attempts] == [record().digest]
        assert len(store.sessions.postings(ticket_id="TT-2026-000001")) == 1

    def test_a_listing_is_of_one_sheet_or_one_ticket(self, store: Store) -> None:
        with pytest.raises(ValueError, match="sheet or a ticket"):
            store.sessions.attempts()
        with pytest.raises(ValueError, match="sheet or a ticket"):
            store.sessions.postings(sheet_id="a", ticket_id="b")


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/omega.sqlite"

    def test_a_commit_is_on_the_disk_before_it_is_told(self, url: str) -> None:
        database = Database(url)
        with database.read() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        database.close()
        assert (mode, synchronous) == ("wal", 2)


@pytest.mark.postgres
class TestPostgresStore(StoreContract):
    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url

    def test_a_commit_is_on_the_disk_before_it_is_told(self, url: str) -> None:
        database = Database(url)
        with database.read() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert connection.exec_driver_sql("SHOW fsync").scalar() == "on"
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://u:secret@h/d", id="a database of another kind"),
        pytest.param("not a url", id="no URL"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_url_that_cant_be_used_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(UsageError) as refused, open_store(url, may_migrate=True):
        pass
    assert "secret" not in str(refused.value)
