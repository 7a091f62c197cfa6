"""Whose word counts, key by key: statements that speak for themselves, lines that are revoked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from omega_agent.own_statement import own_statement
from omega_agent.verify import verify
from omega_agent.verify_keys import KeyRing
from omega_agent.verify_report import Standing
from omega_core.envelope import EnvelopeError, PayloadType, keys_by_id, parse_envelope
from omega_core.key_history import KeyState
from omega_core.keys import SigningKey
from support import builders
from support.agent_story import Story
from support.builders import (
    AGENT_ID,
    AGENT_KEY,
    SERVER_KEY,
    STRANGER_KEY,
    TEST_POINT_KEY,
    key_of,
)
from support.clock import START_UNIX_US
from support.key_lines import DAY_US, revocation, rotated
from support.verified import GOOD, sealed, statement, with_

NEXT_AGENT, THIRD_AGENT = key_of("next agent"), key_of("third agent")
DEVICE_KEYS = [AGENT_KEY, NEXT_AGENT, THIRD_AGENT]
LONG_AFTER = START_UNIX_US + 300 * DAY_US


def revoked(key: SigningKey, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
    fields = {"revoked_unix_us": LONG_AFTER, **changes}
    return sealed(revocation(key, **fields), PayloadType.KEY_REVOCATION, SERVER_KEY)


class TestStatements:
    def test_a_device_that_speaks_for_itself_offers_its_key_and_no_more(self) -> None:
        ring = KeyRing([SERVER_KEY.public])
        ring.read_statements([own_statement(STRANGER_KEY, START_UNIX_US)])
        assert ring.offered == keys_by_id([SERVER_KEY.public, STRANGER_KEY.public])
        assert ring.trusted == keys_by_id([SERVER_KEY.public])
        assert (ring.vouched, ring.server_parts) == ({}, [])

    def test_a_device_whose_server_speaks_for_it_is_vouched_for(self) -> None:
        ring = KeyRing([SERVER_KEY.public])
        ring.read_statements([statement()])
        assert ring.vouched == {AGENT_KEY.public.kid: AGENT_ID}
        assert ring.server_parts == [True]

    def test_a_test_point_that_speaks_for_itself_says_nothing(self) -> None:
        """Only a device may: who a test point is, is a server's to say."""
        message = statement_of(TEST_POINT_KEY, role="test_point", id="tp-1")
        ring = KeyRing([SERVER_KEY.public])
        ring.read_statements([sealed(message, PayloadType.KEY, TEST_POINT_KEY)])
        assert (ring.vouched, ring.server_parts) == ({}, [False])

    def test_a_trusted_key_that_speaks_for_itself_is_a_servers_part(self) -> None:
        ring = KeyRing([STRANGER_KEY.public])
        ring.read_statements([own_statement(STRANGER_KEY, START_UNIX_US)])
        assert ring.server_parts == [True]

    def test_a_statement_by_a_server_that_nobody_knows_leaves_it_open(self) -> None:
        ring = KeyRing([STRANGER_KEY.public])
        ring.read_statements([statement()])
        assert (ring.vouched, ring.server_parts) == ({}, [False])

    def test_who_signs_beside_the_device_is_not_the_device(self) -> None:
        message = statement_of(STRANGER_KEY)
        ring = KeyRing([SERVER_KEY.public])
        envelope = builders.sealed(message, PayloadType.KEY, STRANGER_KEY, THIRD_AGENT)
        ring.read_statements([envelope.decode()])
        assert (ring.vouched, ring.server_parts) == ({}, [False])

    @pytest.mark.parametrize("kind", [PayloadType.ENROLMENT, PayloadType.RECEIPT])
    def test_what_is_signed_as_something_else_states_nothing(self, kind: str) -> None:
        assert refused(sealed(statement_of(NEXT_AGENT), kind, STRANGER_KEY)) == "key_statement"

    @pytest.mark.parametrize(
        ("key", "id_of"), [(NEXT_AGENT, THIRD_AGENT), (THIRD_AGENT, NEXT_AGENT)]
    )
    def test_a_key_goes_by_its_own_id(self, key: SigningKey, id_of: SigningKey) -> None:
        other = builders.key_statement(key=key.public.text, kid=id_of.public.kid)
        assert refused(sealed(other, PayloadType.KEY, SERVER_KEY)) == "key_statement"

    def test_what_is_no_key_is_none(self) -> None:
        other = builders.key_statement(key="A" * 42 + "B")
        assert refused(sealed(other, PayloadType.KEY, SERVER_KEY)) == "key_statement"


def refused(statement: str) -> str:
    """Return the check that fails on a statement."""
    with pytest.raises(EnvelopeError) as refusal:
        KeyRing([SERVER_KEY.public]).read_statements([statement])
    return refusal.value.check


def statement_of(key: SigningKey, **changes: Any) -> Any:  # noqa: ANN401 - fields of the model
    return builders.key_statement(kid=key.public.kid, key=key.public.text, **changes)


class TestLinesOfDevices:
    LINE = tuple(rotated(old, new, of="agent") for old, new in pairwise(DEVICE_KEYS))

    @pytest.mark.parametrize("revoked_key", DEVICE_KEYS, ids=["first", "second", "third"])
    @pytest.mark.parametrize("used", DEVICE_KEYS, ids=["by first", "by second", "by third"])
    def test_a_revocation_of_any_key_of_the_line_has_a_part_in_it(
        self, used: SigningKey, revoked_key: SigningKey
    ) -> None:
        events = (*self.LINE, revoked(revoked_key))
        bundle = Story(key=used).bundle().model_copy(update={"key_events": events})
        report = verify(bundle.to_bytes(), trusted=[SERVER_KEY.public])
        assert (report.failed, report.standing) == (None, Standing.TRUSTED)

    def test_a_device_that_the_reader_trusts_makes_its_next_key_no_servers(self) -> None:
        ring = KeyRing([SERVER_KEY.public, AGENT_KEY.public])
        ring.read_events(self.LINE)
        assert ring.trusted == keys_by_id([SERVER_KEY.public, AGENT_KEY.public])

    def test_a_revocation_of_a_key_that_the_reader_trusts_has_a_part_in_it(self) -> None:
        bundle = with_(key_events=(revoked(AGENT_KEY, revoked_unix_us=START_UNIX_US),))
        report = verify(bundle.to_bytes(), trusted=[SERVER_KEY.public, AGENT_KEY.public])
        assert (report.failed, report.standing) == (None, Standing.NOT_TRUSTED)
        assert [(each.role, each.state) for each in report.doubts] == [("agent", KeyState.REVOKED)]


class TestEventsInARow:
    """One event that says nothing here keeps nobody from reading the next."""

    NEXT_SERVER = key_of("next server")

    def test_devices_rotations_at_hand_are_passed_over(self) -> None:
        at_hand = (
            rotated(NEXT_AGENT, THIRD_AGENT, of="agent"),
            rotated(SERVER_KEY, self.NEXT_SERVER),
            rotated(STRANGER_KEY, THIRD_AGENT, of="agent"),
        )
        report = verify(GOOD.to_bytes(), trusted=[self.NEXT_SERVER.public], key_events=at_hand)
        assert (report.failed, report.standing) == (None, Standing.TRUSTED)

    def test_a_rotation_may_stand_behind_a_revocation(self) -> None:
        events = (revoked(AGENT_KEY), rotated(SERVER_KEY, self.NEXT_SERVER))
        report = verify(with_(key_events=events).to_bytes(), trusted=[self.NEXT_SERVER.public])
        assert (report.failed, report.standing) == (None, Standing.TRUSTED)


def test_the_story_is_signed_by_whom_it_says() -> None:
    (signature,) = parse_envelope(GOOD.record.encode()).signatures
    assert signature.kid == AGENT_KEY.public.kid
