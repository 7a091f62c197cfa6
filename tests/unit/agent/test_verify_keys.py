"""`omega verify` and the keys: rotated, revoked, compromised; judged when the record entered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from omega_agent.show_verify import verify_lines
from omega_agent.texts import Language, Speaker
from omega_agent.verify import verify
from omega_agent.verify_report import EXIT_CODE_OF_STANDING, Standing, VerifyReport
from omega_core.bundle import Bundle
from omega_core.envelope import PayloadType, seal
from omega_core.errors import ExitCode
from omega_core.key_events import KeyRevocation, rotation_of, seal_rotation
from omega_core.key_history import OVERLAP_US, KeyState
from omega_core.keys import PublicKey, SigningKey
from omega_core.limits import KEY_CHAIN_MAX
from omega_core.models import model_bytes
from support import builders
from support.agent_story import Story
from support.builders import AGENT_ID, AGENT_KEY, SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY, key_of
from support.clock import START_UNIX_US
from support.key_lines import DAY_US, revocation, rotated, rotation
from support.verified import GOOD, STORY, receipt, sealed, statement, with_

NEXT_SERVER = key_of("next server")
THIRD_SERVER = key_of("third server")
NEXT_AGENT = key_of("next agent")
ENTERED = builders.receipt(GOOD.record.encode()).received_unix_us


def at(unix_us: int, old: SigningKey, new: SigningKey, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
    """Return a rotation at a moment, sealed by both keys."""
    message = rotation(old, new, at_unix_us=unix_us, **changes)
    return seal_rotation(message, old=old, new=new).decode()


def meant_for(server: SigningKey) -> str:
    """Return the device's rotation as told to a server."""
    message = rotation(AGENT_KEY, NEXT_AGENT, role="agent")
    told = message.model_copy(update={"server_key": server.public.text})
    return seal_rotation(told, old=AGENT_KEY, new=NEXT_AGENT).decode()


def revoked(key: SigningKey, *, by: SigningKey = SERVER_KEY, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
    message: KeyRevocation = revocation(key, **changes)
    return sealed(message, PayloadType.KEY_REVOCATION, by)


def checked(bundle: Bundle, *trusted: SigningKey) -> VerifyReport:
    keys: Sequence[PublicKey] = [each.public for each in trusted or (SERVER_KEY,)]
    return verify(bundle.to_bytes(), trusted=keys)


def doubts(report: VerifyReport) -> list[tuple[str, KeyState]]:
    return [(each.role, each.state) for each in report.doubts]


def standing_and_doubts(bundle: Bundle, *trusted: SigningKey) -> tuple[Standing, Any]:
    report = checked(bundle, *trusted)
    assert report.failed is None, report.detail
    return report.standing, doubts(report)


class TestRevokedDevice:
    @pytest.mark.parametrize(
        ("moments", "found"),
        [
            pytest.param((ENTERED + 1, None), [], id="revoked after it entered"),
            pytest.param((ENTERED, None), ["revoked"], id="in the moment it entered"),
            pytest.param((ENTERED - 1, None), ["revoked"], id="before it entered"),
            pytest.param((ENTERED + 9, ENTERED + 1), [], id="unsafe only after it entered"),
            pytest.param((ENTERED + 9, ENTERED), ["compromised"], id="unsafe when it entered"),
            pytest.param((ENTERED - 1, ENTERED - 2), ["compromised"], id="unsafe and revoked"),
        ],
    )
    def test_it_is_judged_when_the_record_entered(
        self, moments: tuple[int, int | None], found: list[str]
    ) -> None:
        event = revoked(AGENT_KEY, revoked_unix_us=moments[0], invalid_since_unix_us=moments[1])
        standing, seen = standing_and_doubts(with_(key_events=(event,)))
        assert seen == [("agent", state) for state in found]
        assert standing is (Standing.NOT_TRUSTED if found else Standing.TRUSTED)

    def test_a_clock_that_is_a_year_behind_saves_nobody(self) -> None:
        """The record says it was made long before the theft; it entered after it."""
        stolen, late = START_UNIX_US + 365 * DAY_US, START_UNIX_US + 366 * DAY_US
        event = revoked(AGENT_KEY, revoked_unix_us=late + 1, invalid_since_unix_us=stolen)
        bundle = with_(key_events=(event,), receipt=receipt(received_unix_us=late))
        record = checked(bundle).record
        assert record is not None
        assert record.session.started_unix_us < stolen
        assert standing_and_doubts(bundle) == (
            Standing.NOT_TRUSTED,
            [("agent", KeyState.COMPROMISED)],
        )

    def test_without_a_receipt_any_revocation_counts(self) -> None:
        event = revoked(AGENT_KEY, revoked_unix_us=ENTERED + 10 * OVERLAP_US)
        bundle = STORY.sealed_record().bundle.model_copy(update={"key_events": (event,)})
        assert standing_and_doubts(bundle) == (Standing.NOT_TRUSTED, [("agent", KeyState.REVOKED)])

    def test_the_shell_is_told_that_nobody_vouches(self) -> None:
        event = revoked(AGENT_KEY, revoked_unix_us=ENTERED)
        standing = checked(with_(key_events=(event,))).standing
        assert EXIT_CODE_OF_STANDING[standing] is ExitCode.NOT_TRUSTED

    @pytest.mark.parametrize("language", ["en", "fr"])
    def test_the_reason_is_said_in_words(self, language: Language) -> None:
        event = revoked(AGENT_KEY, revoked_unix_us=ENTERED, invalid_since_unix_us=ENTERED)
        lines = verify_lines(checked(with_(key_events=(event,))), Speaker(language), colour=False)
        word = "somebody else may have used it" if language == "en" else "un autre a pu s'en servir"
        assert any(word in line and AGENT_KEY.public.kid in line for line in lines)

    def test_a_revocation_by_a_stranger_leaves_the_file_in_doubt(self) -> None:
        report = checked(with_(key_events=(revoked(AGENT_KEY, by=STRANGER_KEY),)))
        assert report.failed == "key_missing"

    def test_of_a_test_points_key_it_counts_too(self) -> None:
        event = revoked(TEST_POINT_KEY, role="test_point", id="tp-1", revoked_unix_us=ENTERED)
        assert standing_and_doubts(with_(key_events=(event,))) == (
            Standing.NOT_TRUSTED,
            [("test_point", KeyState.REVOKED)],
        )


class TestRotatedDevice:
    """A series of records with a rotation in the middle."""

    @staticmethod
    def story(key: SigningKey) -> Story:
        return Story(key=key)

    @pytest.mark.parametrize("key", [AGENT_KEY, NEXT_AGENT], ids=["the old key", "the new key"])
    def test_records_of_both_keys_are_trusted(self, key: SigningKey) -> None:
        event = at(START_UNIX_US, AGENT_KEY, NEXT_AGENT, role="agent")
        bundle = self.story(key).bundle().model_copy(update={"key_events": (event,)})
        assert standing_and_doubts(bundle) == (Standing.TRUSTED, [])

    @pytest.mark.parametrize(
        ("late_us", "found"),
        [
            pytest.param(OVERLAP_US, [], id="in the last microsecond of the overlap"),
            pytest.param(OVERLAP_US + 1, ["superseded"], id="one after it"),
        ],
    )
    def test_the_old_key_is_good_for_seven_days(self, late_us: int, found: list[str]) -> None:
        event = at(ENTERED - late_us, AGENT_KEY, NEXT_AGENT, role="agent")
        _, seen = standing_and_doubts(with_(key_events=(event,)))
        assert seen == [("agent", state) for state in found]

    def test_a_key_is_good_from_its_issue_and_no_earlier(self) -> None:
        issued = statement(issued_unix_us=ENTERED + DAY_US)
        _, seen = standing_and_doubts(with_(keys=(issued,)))
        assert ("agent", KeyState.UNKNOWN) in seen

    def test_a_rotation_that_was_told_twice_is_one(self) -> None:
        events = tuple(
            at(START_UNIX_US + late, AGENT_KEY, NEXT_AGENT, role="agent") for late in (5, 0, 9)
        )
        assert standing_and_doubts(with_(key_events=events))[0] is Standing.TRUSTED

    @pytest.mark.parametrize("first", [0, 1], ids=["the earlier first", "the later first"])
    def test_of_a_rotation_that_was_told_twice_the_earlier_counts(self, first: int) -> None:
        late_us = ENTERED - START_UNIX_US
        told = [
            at(START_UNIX_US + each, AGENT_KEY, NEXT_AGENT, role="agent")
            for each in (late_us - OVERLAP_US - 1, late_us)
        ]
        _, seen = standing_and_doubts(with_(key_events=(told[first], told[1 - first])))
        assert seen == [("agent", KeyState.SUPERSEDED)]

    @pytest.mark.parametrize(
        "events",
        [
            pytest.param(("{}",), id="no envelope"),
            pytest.param(
                (seal(b"{}", PayloadType.KEY_ROTATION, AGENT_KEY).decode(),), id="no rotation"
            ),
            pytest.param(
                (seal(b"{}", PayloadType.KEY_REVOCATION, SERVER_KEY).decode(),), id="no revocation"
            ),
            pytest.param(
                (
                    seal(
                        model_bytes(rotation(AGENT_KEY, NEXT_AGENT, role="agent")),
                        PayloadType.KEY_ROTATION,
                        NEXT_AGENT,
                    ).decode(),
                ),
                id="not signed by the old key",
            ),
            pytest.param(
                (
                    rotated(AGENT_KEY, NEXT_AGENT, of="agent"),
                    rotated(AGENT_KEY, STRANGER_KEY, of="agent"),
                ),
                id="a fork",
            ),
            pytest.param(
                (rotated(STRANGER_KEY, NEXT_AGENT, of="agent"),), id="of a key without a part here"
            ),
            pytest.param((revoked(STRANGER_KEY),), id="a revocation of such a key"),
            pytest.param(
                (seal(b'{"a":1,"a":1}', PayloadType.KEY_REVOCATION, SERVER_KEY).decode(),),
                id="a member twice",
            ),
            pytest.param(
                (at(START_UNIX_US, AGENT_KEY, NEXT_AGENT, role="agent", name="agent-18"),),
                id="of another agent's key",
            ),
            pytest.param(
                (at(START_UNIX_US, AGENT_KEY, NEXT_AGENT, role="agent", name="agent-0"),),
                id="of an agent's that comes before it in the alphabet",
            ),
            pytest.param((meant_for(STRANGER_KEY),), id="meant for another server"),
        ],
    )
    def test_what_does_not_hold_is_named(self, events: tuple[str, ...]) -> None:
        assert checked(with_(key_events=events)).failed == "key_event"

    def test_every_changed_byte_of_an_event_is_found(self) -> None:
        event = at(START_UNIX_US, AGENT_KEY, NEXT_AGENT, role="agent")
        for place in range(0, len(event), 7):
            other = "B" if event[place] != "B" else "C"
            changed = event[:place] + other + event[place + 1 :]
            assert checked(with_(key_events=(changed,))).standing is Standing.INVALID, place


class TestRotatedServer:
    LINE = (rotated(SERVER_KEY, NEXT_SERVER),)

    def by_next_server(self, **changes: Any) -> Bundle:  # noqa: ANN401 - fields of the receipt
        """Return the bundle of a record that was posted after the server had a new key."""
        message = builders.receipt(GOOD.record.encode(), verdict=checked(GOOD).verdict, **changes)
        envelope = sealed(message, PayloadType.RECEIPT, NEXT_SERVER)
        return with_(receipt=envelope, key_events=self.LINE)

    def test_who_pinned_the_old_key_follows_to_the_new_one(self) -> None:
        assert standing_and_doubts(self.by_next_server()) == (Standing.TRUSTED, [])
        assert "key_event" in checked(self.by_next_server()).passed

    def test_who_pinned_the_new_key_reads_what_the_old_one_signed(self) -> None:
        bundle = with_(key_events=self.LINE)
        assert standing_and_doubts(bundle, NEXT_SERVER) == (Standing.TRUSTED, [])
        assert checked(GOOD, NEXT_SERVER).standing is Standing.NOT_TRUSTED

    def test_what_leads_there_may_be_at_hand_beside_the_file(self) -> None:
        report = verify(GOOD.to_bytes(), trusted=[NEXT_SERVER.public], key_events=self.LINE)
        assert report.standing is Standing.TRUSTED
        bare = verify(GOOD.keys[0].encode(), trusted=[NEXT_SERVER.public], key_events=self.LINE)
        assert bare.standing is Standing.TRUSTED

    def test_what_the_reader_knows_of_its_own_key_is_no_part_of_others_records(self) -> None:
        own = rotated(STRANGER_KEY, NEXT_AGENT, of="agent")
        report = verify(GOOD.to_bytes(), trusted=[SERVER_KEY.public], key_events=[own])
        assert report.standing is Standing.TRUSTED

    def test_what_stands_in_the_file_and_beside_it_is_one(self) -> None:
        bundle = self.by_next_server()
        report = verify(bundle.to_bytes(), trusted=[SERVER_KEY.public], key_events=self.LINE)
        assert report.standing is Standing.TRUSTED

    def test_without_what_leads_there_nobody_follows(self) -> None:
        bundle = self.by_next_server().model_copy(update={"key_events": ()})
        assert checked(bundle).failed == "key_missing"

    def test_a_line_of_strangers_has_no_part_in_it(self) -> None:
        bundle = with_(key_events=(rotated(STRANGER_KEY, NEXT_SERVER),))
        assert checked(bundle).failed == "key_event"

    def test_who_knows_no_server_is_told_that_nobody_vouches(self) -> None:
        assert standing_and_doubts(self.by_next_server(), STRANGER_KEY)[0] is Standing.NOT_TRUSTED

    def test_a_thiefs_line_beside_the_true_one_is_refused(self) -> None:
        events = (*self.LINE, rotated(SERVER_KEY, STRANGER_KEY))
        assert checked(with_(key_events=events)).failed == "key_event"

    def test_the_old_key_signs_receipts_for_seven_more_days(self) -> None:
        line = (rotated(SERVER_KEY, NEXT_SERVER),)
        in_time = with_(
            receipt=receipt(received_unix_us=START_UNIX_US + OVERLAP_US), key_events=line
        )
        too_late = with_(
            receipt=receipt(received_unix_us=START_UNIX_US + OVERLAP_US + 1), key_events=line
        )
        assert standing_and_doubts(in_time) == (Standing.TRUSTED, [])
        assert standing_and_doubts(too_late) == (
            Standing.NOT_TRUSTED,
            [("server", KeyState.SUPERSEDED)],
        )

    def test_an_old_key_that_was_unsafe_when_it_signed_is_doubted(self) -> None:
        event = revoked(
            SERVER_KEY,
            by=NEXT_SERVER,
            role="server",
            id="server",
            revoked_unix_us=ENTERED + DAY_US,
            invalid_since_unix_us=ENTERED,
        )
        assert standing_and_doubts(with_(key_events=(*self.LINE, event))) == (
            Standing.NOT_TRUSTED,
            [("server", KeyState.COMPROMISED)],
        )

    @pytest.mark.parametrize(
        "by",
        [
            pytest.param(SERVER_KEY, id="by itself"),
            pytest.param(THIRD_SERVER, id="by a key that nothing leads to"),
        ],
    )
    def test_a_servers_key_is_revoked_by_one_that_followed_it(self, by: SigningKey) -> None:
        event = revoked(SERVER_KEY, by=by, role="server", id="server")
        assert checked(with_(key_events=(*self.LINE, event))).standing is Standing.INVALID

    def test_an_old_key_does_not_revoke_the_new_one(self) -> None:
        event = revoked(NEXT_SERVER, by=SERVER_KEY, role="server", id="server")
        assert checked(with_(key_events=(*self.LINE, event))).failed == "key_event"

    def test_nor_by_calling_it_a_devices(self) -> None:
        event = revoked(NEXT_SERVER, by=SERVER_KEY)
        assert checked(with_(key_events=(*self.LINE, event))).failed == "key_event"

    @pytest.mark.parametrize("place", range(4), ids=lambda place: f"key {place}")
    @pytest.mark.parametrize("by", range(4), ids=lambda by: f"by key {by}")
    def test_of_four_keys_each_revokes_those_before_it(self, place: int, by: int) -> None:
        keys = [SERVER_KEY, NEXT_SERVER, THIRD_SERVER, key_of("fourth server")]
        line = tuple(rotated(old, new) for old, new in pairwise(keys))
        event = revoked(
            keys[place], by=keys[by], role="server", id="server", revoked_unix_us=ENTERED + 1
        )
        report = checked(with_(key_events=(*line, event)))
        assert report.failed == (None if place < by else "key_event")

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the later one first"])
    def test_a_key_in_the_middle_has_its_end_whatever_the_order(
        self, order: tuple[int, ...]
    ) -> None:
        line = (
            at(START_UNIX_US - 30 * DAY_US, SERVER_KEY, NEXT_SERVER),
            at(START_UNIX_US - 20 * DAY_US, NEXT_SERVER, THIRD_SERVER),
        )
        bundle = self.by_next_server().model_copy(
            update={"key_events": tuple(line[number] for number in order)}
        )
        _, seen = standing_and_doubts(bundle, THIRD_SERVER)
        assert ("server", KeyState.SUPERSEDED) in seen

    def test_a_line_of_three_keys_is_followed_either_way(self) -> None:
        line = (rotated(NEXT_SERVER, THIRD_SERVER), rotated(SERVER_KEY, NEXT_SERVER))
        for pinned in (SERVER_KEY, NEXT_SERVER, THIRD_SERVER):
            assert checked(with_(key_events=line), pinned).standing is Standing.TRUSTED

    def test_a_line_that_is_too_long_is_refused(self) -> None:
        keys = [SERVER_KEY, *(key_of(f"server {number}") for number in range(KEY_CHAIN_MAX + 1))]
        line = tuple(rotated(old, new) for old, new in pairwise(keys))
        assert checked(with_(key_events=line)).failed == "key_event"


def test_a_revocation_alone_is_read_too() -> None:
    report = verify(revoked(AGENT_KEY).encode(), trusted=[SERVER_KEY.public])
    assert (report.standing, report.kind) == (Standing.TRUSTED, PayloadType.KEY_REVOCATION)


def test_doubts_stand_in_the_report_for_programs() -> None:
    event = revoked(AGENT_KEY, revoked_unix_us=ENTERED)
    assert checked(with_(key_events=(event,))).content()["key_doubts"] == [
        {
            "role": "agent",
            "kid": AGENT_KEY.public.kid,
            "state": "revoked",
            "since_unix_us": ENTERED,
        }
    ]


def test_a_rotation_names_who_it_is_of() -> None:
    stated = rotation_of(
        "agent",
        AGENT_ID,
        old=AGENT_KEY.public,
        new=NEXT_AGENT.public,
        server_key=SERVER_KEY.public,
        at_unix_us=START_UNIX_US,
    )
    assert stated == rotation(AGENT_KEY, NEXT_AGENT, role="agent")
