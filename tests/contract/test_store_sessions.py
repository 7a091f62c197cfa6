"""What every store promises of grants, observations and records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_server.store.errors import (
    GrantUsedError,
    NonceSeenError,
    NotThereError,
    ObservationKnownError,
    ProfileChangedError,
    QuotaExceededError,
    SeqUsedError,
)
from omega_server.store.port import Store
from omega_server.store.rows import (
    Quota,
    RecordRow,
    TicketRow,
)
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    AT_ONCE,
    NOW,
    a_test_point,
    add_record,
    agent,
    at_once,
    digest,
    event,
    grant,
    issue,
    name,
    nonce,
    observation,
    profile,
    record,
    sheet,
    subscriber,
    token,
)


class SessionsContract:
    """Grants, observations and records. A subclass says on which database."""

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
        assert add_record(store, record(), event("record", digest="d")) == (record(), True)
        assert store.sessions.record(record().digest) == record()
        assert store.sessions.record(digest(999)) is None
        assert store.cases.events("sheet", "FI-2026-000001") == [event("record", digest="d")]

    def test_a_record_posted_many_times_at_once_is_one_row(self, store: Store) -> None:
        def post(number: int) -> RecordRow:
            mine = record(receipt=b"receipt of thread %d" % number, received_unix_us=NOW + number)
            return add_record(store, mine, event("record"))[0]

        got = at_once(post)
        assert len({each.receipt if isinstance(each, RecordRow) else each for each in got}) == 1
        assert got[0] == store.sessions.record(record().digest)
        assert store.cases.events("sheet", "FI-2026-000001") == [event("record")]

    def test_a_grant_leads_to_one_record(self, store: Store) -> None:
        issue(store, grant(1))

        def post(number: int) -> RecordRow:
            mine = record(number, grant_digest=digest(1))
            return add_record(store, mine, event("record", number=number))[0]

        got = at_once(post)
        kept = [each for each in got if isinstance(each, RecordRow)]
        assert len(kept) == 1
        assert sum(isinstance(each, GrantUsedError) for each in got) == AT_ONCE - 1
        assert len(store.cases.events("sheet", "FI-2026-000001")) == 1

    def test_a_device_has_one_record_at_each_place_of_its_chain(self, store: Store) -> None:
        for number in (1, 2):
            store.enrolment.add_token(token(number))
            store.enrolment.enrol(agent(number), token_digest=digest(number))

        def post(number: int) -> RecordRow:
            mine = record(number, agent_id=agent(1).agent_id, seq=7)
            return add_record(store, mine, event("record", number=number))[0]

        got = at_once(post)
        assert sum(isinstance(each, RecordRow) for each in got) == 1
        assert sum(isinstance(each, SeqUsedError) for each in got) == AT_ONCE - 1
        assert len(store.cases.events("sheet", "FI-2026-000001")) == 1
        assert store.log.entries(0, 10)[1:] == [], "what was refused is not in the log either"

    def test_places_are_of_one_device_and_records_of_before_have_none(self, store: Store) -> None:
        for number in (1, 2):
            store.enrolment.add_token(token(number))
            store.enrolment.enrol(agent(number), token_digest=digest(number))
        one, other = agent(1).agent_id, agent(2).agent_id
        places = [(one, 7), (other, 7), (one, 8), (one, None), (one, None), (None, 7), (None, 7)]
        for number, (agent_id, seq) in enumerate(places):
            assert add_record(store, record(number, agent_id=agent_id, seq=seq))[1]

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
            add_record(store, row)
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
        add_record(store, record(grant_digest=digest(1), ticket_id="TT-2026-000001"))
        attempts = store.sessions.attempts(ticket_id="TT-2026-000001")
        assert [each.record_digest for each in attempts] == [record().digest]
        assert len(store.sessions.postings(ticket_id="TT-2026-000001")) == 1

    def test_a_listing_is_of_one_sheet_or_one_ticket(self, store: Store) -> None:
        with pytest.raises(ValueError, match="sheet or a ticket"):
            store.sessions.attempts()
        with pytest.raises(ValueError, match="sheet or a ticket"):
            store.sessions.postings(sheet_id="a", ticket_id="b")


class TestSqliteSessions(OnSqlite, SessionsContract):
    pass


class TestPostgresSessions(OnPostgres, SessionsContract):
    pass
