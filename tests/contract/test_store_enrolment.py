"""What every store promises of tokens, devices and test points."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.key_history import KeyLife
from omega_server.store.errors import NotThereError, TokenRefusedError
from omega_server.store.port import Store
from omega_server.store.rows import (
    AgentRow,
    TokenBinding,
)
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    NOW,
    a_test_point,
    agent,
    at_once,
    digest,
    event,
    grant,
    issue,
    name,
    token,
)


class EnrolmentContract:
    """Tokens, devices and test points. A subclass says on which database."""

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

    @pytest.mark.parametrize(
        ("binding", "refused"),
        [
            pytest.param(TokenBinding(serial="SN-1", sheet_id="FI-1"), False, id="both named"),
            pytest.param(TokenBinding(serial="SN-1"), True, id="the sheet left out"),
            pytest.param(TokenBinding(sheet_id="FI-1"), True, id="the serial number left out"),
            pytest.param(TokenBinding(serial="SN-2", sheet_id="FI-1"), True, id="another device"),
            pytest.param(TokenBinding(serial="SN-1", sheet_id="FI-2"), True, id="another sheet"),
        ],
    )
    def test_a_token_for_one_device_and_sheet_asks_for_both(
        self, store: Store, binding: TokenBinding, *, refused: bool
    ) -> None:
        store.enrolment.add_token(token(serial="SN-1", sheet_id="FI-1"))
        if refused:
            with pytest.raises(TokenRefusedError, match="bound"):
                store.enrolment.enrol(agent(), token_digest=digest(1), binding=binding)
            assert store.enrolment.tokens() == [token(serial="SN-1", sheet_id="FI-1")]
        else:
            store.enrolment.enrol(agent(), token_digest=digest(1), binding=binding)

    def test_who_enrols_is_logged_once(self, store: Store) -> None:
        store.enrolment.add_token(token())
        issued = replace(event("key_issued"), subject="agent", subject_id="MA-000001")
        for _ in range(2):
            store.enrolment.enrol(agent(), token_digest=digest(1), event=issued)
        assert store.cases.events("agent", "MA-000001") == [issued]

    def test_a_token_that_asks_for_nothing_takes_whatever_is_said(self, store: Store) -> None:
        store.enrolment.add_token(token())
        binding = TokenBinding(serial="SN-9", sheet_id="FI-9")
        assert store.enrolment.enrol(agent(), token_digest=digest(1), binding=binding) == agent()

    def test_the_sheet_of_a_device_is_that_of_its_token(self, store: Store) -> None:
        for number, sheet_id in enumerate(("FI-1", "FI-2", None, None), start=1):
            store.enrolment.add_token(token(number, sheet_id=sheet_id))
        for number, device, sheet_id in (
            (1, 1, "FI-1"),
            (2, 1, "FI-2"),
            (3, 1, None),
            (4, 2, None),
        ):
            row = agent(device, enrolled_unix_us=NOW + number)
            binding = TokenBinding(sheet_id=sheet_id)
            store.enrolment.enrol(row, token_digest=digest(number), binding=binding)
        assert store.enrolment.sheet_of(agent(1).agent_id) == "FI-2", "the last that named one"
        assert store.enrolment.sheet_of(agent(2).agent_id) is None
        assert store.enrolment.sheet_of("MA-9") is None

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
        assert signer.life.revoked_unix_us == NOW

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
        assert (once.agent_id, once.key, once.life) == (None, name("X"), KeyLife())
        assert store.enrolment.signer(name("y")) is None

    def test_a_test_point_is_found_by_key_and_by_name(self, store: Store) -> None:
        store.enrolment.add_test_point(a_test_point())
        store.enrolment.add_test_point(a_test_point())
        assert store.enrolment.test_point(a_test_point().kid) == a_test_point()
        assert store.enrolment.test_point_named("tp-1") == a_test_point()
        assert store.enrolment.test_point(name("z")) is None
        assert store.enrolment.test_point_named("tp-2") is None


class TestSqliteEnrolment(OnSqlite, EnrolmentContract):
    pass


class TestPostgresEnrolment(OnPostgres, EnrolmentContract):
    pass
