"""`omega verify` on what was changed: which check fails, by name."""

from __future__ import annotations

from typing import Any

import pytest

from omega_agent.errors import NoAnswerError
from omega_agent.verify_report import Standing
from omega_core.bundle import Bundle
from omega_core.control import TestPointLoad
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.keys import SigningKey
from omega_core.units import US_PER_S
from omega_core.verdict import Mode, Verdict
from support import builders
from support.agent_story import Story, dead_line
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY
from support.clock import START_UNIX_US
from support.verified import (
    GOOD,
    STORY,
    checked,
    content,
    granted,
    receipt,
    record_with,
    sealed,
    statement,
    with_,
)


@pytest.mark.parametrize(
    ("bundle", "failed"),
    [
        pytest.param(b"", "envelope_shape", id="nothing"),
        pytest.param(b"{}", "envelope_shape", id="an empty object"),
        pytest.param(b"[1]", "envelope_shape", id="a list"),
        pytest.param(b'{"bundle_version":1}', "bundle_shape", id="a bundle of nothing"),
        pytest.param(GOOD.to_bytes()[:-1], "bundle_shape", id="cut off"),
        pytest.param(GOOD.to_bytes() + b"\n", "bundle_shape", id="a line end added"),
        pytest.param(
            GOOD.to_bytes().replace(b'"bundle_version":1', b'"bundle_version":2'),
            "bundle_shape",
            id="a newer bundle",
        ),
        pytest.param(with_(record="{}"), "envelope_shape", id="the record is no envelope"),
        pytest.param(
            with_(record=GOOD.record.replace("payload", "Payload", 1)),
            "envelope_shape",
            id="a key of the envelope changed",
        ),
        pytest.param(
            with_(record=GOOD.record.replace('"payload":"', '"payload":"!', 1)),
            "payload_base64",
            id="the payload is not base64",
        ),
        pytest.param(
            with_(record=sealed(STORY.grant, PayloadType.GRANT, AGENT_KEY)),
            "payload_type",
            id="another kind of message as record",
        ),
        pytest.param(with_(keys=()), "key_missing", id="nobody offers the agent's key"),
        pytest.param(
            with_(
                record=builders.sealed(
                    STORY.sealed_record().record, PayloadType.RECORD, STRANGER_KEY
                )
                .decode()
                .replace(STRANGER_KEY.public.kid, AGENT_KEY.public.kid)
            ),
            "signature[0]",
            id="another key signed it",
        ),
        pytest.param(
            with_(
                record=builders.sealed(
                    STORY.sealed_record().record, PayloadType.RECORD, AGENT_KEY, SERVER_KEY
                ).decode()
            ),
            "envelope_shape",
            id="two signatures",
        ),
        pytest.param(
            with_(record=seal(b'{"a":1,"a":2}', PayloadType.RECORD, AGENT_KEY).decode()),
            "payload_form",
            id="a key twice in the payload",
        ),
        pytest.param(record_with({**content(), "more": 1}), "schema", id="an unknown field"),
        pytest.param(
            record_with({**content(), "schema_version": 2}), "schema", id="a newer record"
        ),
        pytest.param(
            record_with(
                {**content(), "agent": {**content()["agent"], "kid": SERVER_KEY.public.kid}}
            ),
            "key_id",
            id="the record names another key than signed it",
        ),
        pytest.param(with_(receipt="{}"), "receipt", id="the receipt is no envelope"),
        pytest.param(
            with_(receipt=sealed(STORY.grant, PayloadType.GRANT, SERVER_KEY)),
            "receipt",
            id="another kind of message as receipt",
        ),
        pytest.param(
            with_(receipt=receipt(session_id="another")), "receipt", id="of another session"
        ),
        pytest.param(
            with_(receipt=receipt(record_digest="0" * 64)), "digest", id="of another record"
        ),
        pytest.param(
            with_(record=GOOD.record.replace('{"payload"', '{ "payload"')),
            "envelope_digest",
            id="white space added to the envelope",
        ),
        pytest.param(with_(grant=None), "grant", id="the grant left out"),
        pytest.param(with_(grant="{}"), "grant", id="the grant is no envelope"),
        pytest.param(
            with_(grant=granted(grant_id="another")), "grant", id="another grant of the same server"
        ),
        pytest.param(with_(observation=None), "observation", id="the observation left out"),
        pytest.param(with_(observation="{}"), "observation", id="the observation is no envelope"),
        pytest.param(
            with_(
                observation=sealed(
                    builders.observation(grant_digest=STORY.granted.digest),
                    PayloadType.OBSERVATION,
                    STRANGER_KEY,
                )
            ),
            "observation",
            id="the observation of a stranger",
        ),
        pytest.param(
            with_(observation=STORY.observation(octets_sent=1)),
            "observation",
            id="another observation of the session",
        ),
        pytest.param(with_(profile=None), "profile", id="no profile to judge by"),
        pytest.param(
            with_(profile={**(GOOD.profile or {}), "mtu_bytes": 1400}),
            "profile",
            id="profile changed",
        ),
        pytest.param(with_(profile={"schema": 1}), "profile", id="half a profile"),
        pytest.param(
            record_with(
                {
                    **content(),
                    "metrics": {
                        **content()["metrics"],
                        "goodput_bps_down": {
                            **content()["metrics"]["goodput_bps_down"],
                            "value": 300_000_000,
                        },
                    },
                }
            ),
            "metrics_mismatch",
            id="a better figure than the evidence gives",
        ),
        pytest.param(
            record_with({**content(), "preview": {**content()["preview"], "verdict": "pass"}}),
            "verdict_mismatch",
            id="a better verdict than the facts give",
        ),
        pytest.param(
            record_with({**content(), "preview": None}), "verdict_mismatch", id="no verdict"
        ),
        pytest.param(
            with_(receipt=receipt(verdict=Verdict.PASS)),
            "verdict_mismatch",
            id="the receipt has another verdict",
        ),
        pytest.param(
            with_(receipt=receipt(verdict=Verdict.INVALID)),
            "verdict_mismatch",
            id="the receipt calls invalid what both observers agree on",
        ),
        pytest.param(with_(keys=("{}",)), "key_statement", id="a statement is no envelope"),
        pytest.param(
            with_(keys=(statement(id="agent-18"),)),
            "key_statement",
            id="the server says that the key is another agent's",
        ),
        pytest.param(
            with_(keys=(statement(kid=STRANGER_KEY.public.kid),)),
            "key_statement",
            id="a statement whose key is not its id's",
        ),
        pytest.param(
            with_(
                keys=(
                    *GOOD.keys,
                    statement(key=STRANGER_KEY.public.text, kid=STRANGER_KEY.public.kid),
                )
            ),
            "key_statement",
            id="a statement about a key that has no part in it",
        ),
        pytest.param(
            with_(keys=(GOOD.keys[0].replace(SERVER_KEY.public.kid, STRANGER_KEY.public.kid),)),
            "key_missing",
            id="one part signed by a server nobody knows",
        ),
    ],
)
def test_the_first_check_that_fails_is_named(bundle: Bundle | bytes, failed: str) -> None:
    report = checked(bundle)
    assert (report.standing, report.failed) == (Standing.INVALID, failed)


ZEROS, LAST = "0" * 64, "f" * 64  # before and after any digest there is


@pytest.mark.parametrize("other", [ZEROS, LAST], ids=["before it", "after it"])
class TestAnotherName:
    """Names are equal or they are not: it does not matter on which side another one stands."""

    def test_of_the_record_in_the_receipt(self, other: str) -> None:
        assert checked(with_(receipt=receipt(record_digest=other))).failed == "digest"

    def test_of_the_envelope_in_the_receipt(self, other: str) -> None:
        report = checked(with_(receipt=receipt(envelope_digest=other)))
        assert report.failed == "envelope_digest"

    def test_of_the_grant_in_the_record(self, other: str) -> None:
        report = checked(record_with({**content(), "grant_digest": other}))
        assert (report.failed, report.detail) == (
            "grant",
            "the record was made under another grant",
        )

    def test_of_the_observation_in_the_record(self, other: str) -> None:
        report = checked(record_with({**content(), "observation_digest": other}))
        assert report.detail == "the record names another observation"

    def test_of_the_session_in_the_receipt(self, other: str) -> None:
        report = checked(with_(receipt=receipt(session_id=other[:32])))
        assert report.detail == "it is for another session"


@pytest.mark.parametrize("key", [SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY])
def test_a_record_that_names_another_key_than_signed_it(key: SigningKey) -> None:
    agent = {**content()["agent"], "kid": key.public.kid}
    assert checked(record_with({**content(), "agent": agent})).failed == "key_id"


def test_some_keys_have_names_before_the_agents_and_some_after_it() -> None:
    """Else the cases above would show only half of what they say."""
    kid = AGENT_KEY.public.kid
    others = [each.public.kid for each in (SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY)]
    assert min(others) < kid < max(others)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"receipt": seal(b"{}", PayloadType.RECEIPT, SERVER_KEY).decode()}, "receipt"),
        ({"grant": seal(b"{}", PayloadType.GRANT, SERVER_KEY).decode()}, "grant"),
        ({"receipt": seal(b'{"a":1,"a":1}', PayloadType.RECEIPT, SERVER_KEY).decode()}, "receipt"),
    ],
    ids=["a receipt of nothing", "a grant of nothing", "a receipt with a member twice"],
)
def test_a_part_that_does_not_say_what_it_should_is_named(
    changes: dict[str, str], failed: str
) -> None:
    report = checked(with_(**changes))
    assert report.failed == failed
    assert report.detail.startswith(("schema: ", "payload_form: "))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"session_id": "another"}, "session"),
        ({"purpose": "selftest", "sheet_id": None}, "purpose"),
        ({"mode": Mode.QUICK}, "mode"),
        ({"sheet_id": "FI-2026-9999"}, "sheet"),
        ({"changed": "new cable"}, "change"),
        ({"plan_id": "FTTH-1G"}, "plan"),
        ({"profile": builders.PROFILE}, "profile"),
        ({"agent_kid": STRANGER_KEY.public.kid}, "agent"),
        ({"test_point": STORY.grant.test_point.model_copy(update={"id": "tp-2"})}, "test point"),
    ],
)
def test_a_record_under_another_grant_is_found(changes: dict[str, Any], name: str) -> None:
    """The record names this very grant, and yet it grants something else."""
    envelope = granted(**changes)
    digest = parse_envelope(envelope.encode()).payload_digest
    bundle = record_with({**content(), "grant_digest": digest})
    report = checked(bundle.model_copy(update={"grant": envelope, "observation": None}))
    assert (report.failed, report.detail) == ("grant", f"grant and record differ in {name}")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"session_id": "0"}, "session"),
        ({"session_id": "zzz"}, "session"),
        ({"grant_digest": "0" * 64}, "grant"),
        ({"grant_digest": "f" * 64}, "grant"),
        ({"test_point": "tp-0"}, "test point"),
        ({"test_point": "tp-2"}, "test point"),
        ({"started_unix_us": START_UNIX_US - 21 * US_PER_S}, "time"),
        ({"started_unix_us": START_UNIX_US + 24 * 3_600 * US_PER_S}, "time"),
    ],
)
def test_an_observation_of_another_session_is_found(changes: dict[str, Any], name: str) -> None:
    message = builders.observation(**{"grant_digest": STORY.granted.digest, **changes})
    envelope = sealed(message, PayloadType.OBSERVATION, TEST_POINT_KEY)
    digest = parse_envelope(envelope.encode()).payload_digest
    bundle = record_with({**content(), "observation_digest": digest})
    report = checked(bundle.model_copy(update={"observation": envelope}))
    assert (report.failed, report.detail) == (
        "observation",
        f"observation and grant differ in {name}",
    )


@pytest.mark.parametrize(
    ("at_s", "moved_us", "failed"),
    [
        pytest.param(-20, 0, None, id="20 s before the grant: clocks may differ by that"),
        pytest.param(-20, -1, "observation", id="a microsecond sooner"),
        pytest.param(600 + 90 + 300, 0, None, id="as late as clocks and the session allow"),
        pytest.param(600 + 90 + 300, 1, "observation", id="a microsecond later"),
    ],
)
def test_an_observation_is_of_the_time_that_was_granted(
    at_s: int, moved_us: int, failed: str | None
) -> None:
    """The grant of the story: ten minutes of life, sessions of five."""
    envelope = STORY.observation(started_unix_us=START_UNIX_US + at_s * US_PER_S + moved_us)
    digest = parse_envelope(envelope.encode()).payload_digest
    bundle = record_with({**content(), "observation_digest": digest})
    report = checked(bundle.model_copy(update={"observation": envelope}))
    assert report.failed == failed


def test_counts_that_do_not_agree_are_found() -> None:
    message = builders.observation(Evidence(), grant_digest=STORY.granted.digest)
    envelope = sealed(message, PayloadType.OBSERVATION, TEST_POINT_KEY)
    digest = parse_envelope(envelope.encode()).payload_digest
    bundle = record_with({**content(), "observation_digest": digest})
    report = checked(bundle.model_copy(update={"observation": envelope}))
    assert report.failed == "observers_disagree"
    assert report.detail.startswith("stream 0")


def test_a_record_that_keeps_quiet_about_an_overloaded_test_point() -> None:
    load = TestPointLoad(cpu_busy_ppm_max=0, sessions_max=1, nic_busy_ppm_max=900_000)
    envelope = Story().observation(load=load)
    digest = parse_envelope(envelope.encode()).payload_digest
    bundle = record_with({**content(), "observation_digest": digest})
    report = checked(bundle.model_copy(update={"observation": envelope}))
    assert report.failed == "observers_disagree"
    assert "overloaded" in report.detail


def test_an_observation_that_came_later_is_compared_all_the_same() -> None:
    bundle = record_with({**content(), "observation_digest": None})
    assert checked(bundle).standing is Standing.TRUSTED


def test_an_observation_without_a_grant_proves_nothing() -> None:
    story = Story()
    bundle = story.bundle(dead_line(story, NoAnswerError("no_attempt", server="x")))
    report = checked(bundle.model_copy(update={"observation": GOOD.observation}))
    assert report.failed == "observation"
