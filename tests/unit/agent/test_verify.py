"""`omega verify`: which check fails on what, by name; and what is never believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_agent.errors import NoAnswerError
from omega_agent.sealing import own_statement
from omega_agent.verify import verify
from omega_agent.verify_report import Standing, Unchecked, VerifyReport
from omega_core.bundle import Bundle
from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.control import Grant, TestPointLoad
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.evidence import Evidence
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import content_of, model_bytes
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Mode, Verdict
from support import builders
from support.agent_story import Story, dead_line
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY
from support.clock import START_UNIX_US
from support.facts import idle_stream

VECTORS = Path(__file__).parents[2] / "vectors" / "verify"
CASES = sorted(path for path in VECTORS.iterdir() if path.is_dir())
STORY = Story()
GOOD = STORY.bundle()
TRUSTED = [SERVER_KEY.public]


def checked(bundle: Bundle | bytes, trusted: list[Any] | None = None) -> VerifyReport:
    data = bundle if isinstance(bundle, bytes) else bundle.to_bytes()
    return verify(data, trusted=TRUSTED if trusted is None else trusted)


def with_(**changes: Any) -> Bundle:  # noqa: ANN401 - fields of the bundle
    return GOOD.model_copy(update=changes)


def sealed(message: Any, kind: str, key: SigningKey) -> str:  # noqa: ANN401 - any message
    return builders.sealed(message, kind, key).decode()


def record_with(content: dict[str, Any], **changes: Any) -> Bundle:  # noqa: ANN401 - fields
    """Return the bundle with other content in its record, signed again, receipt and all."""
    envelope = seal(canonical_bytes(content), PayloadType.RECORD, AGENT_KEY)
    receipt = builders.receipt(envelope, verdict=verdict_of(GOOD), **changes)
    return with_(record=envelope.decode(), receipt=sealed(receipt, PayloadType.RECEIPT, SERVER_KEY))


def verdict_of(bundle: Bundle) -> Verdict:
    verdict = checked(bundle).verdict
    assert verdict is not None
    return verdict


def content() -> dict[str, Any]:
    plain: dict[str, Any] = parse_plain(parse_envelope(GOOD.record.encode()).payload)
    return plain


def granted(**changes: Any) -> str:  # noqa: ANN401 - fields of the grant
    return sealed(Grant(**{**dict(STORY.grant), **changes}), PayloadType.GRANT, SERVER_KEY)


def receipt(**changes: Any) -> str:  # noqa: ANN401 - fields of the receipt
    fields = {"verdict": verdict_of(GOOD), **changes}
    message = builders.receipt(GOOD.record.encode(), **fields)
    return sealed(message, PayloadType.RECEIPT, SERVER_KEY)


def statement(**changes: Any) -> str:  # noqa: ANN401 - fields of the statement
    return sealed(builders.key_statement(**changes), PayloadType.KEY, SERVER_KEY)


class TestWhole:
    def test_an_untouched_bundle_is_valid_and_trusted(self) -> None:
        report = checked(GOOD)
        assert (report.standing, report.failed, report.unchecked) == (Standing.TRUSTED, None, [])
        assert report.digest == STORY.sealed_record().digest
        assert report.verdict is Verdict.INCONCLUSIVE
        assert report.receipt is not None

    def test_the_checks_run_in_their_documented_order(self) -> None:
        assert list(dict.fromkeys(checked(GOOD).passed)) == [
            "bundle_shape",
            "envelope_shape",
            "payload_base64",
            "key_statement",
            "payload_type",
            "key_missing",
            "key_id",
            "signature[0]",
            "payload_form",
            "schema",
            "receipt",
            "digest",
            "envelope_digest",
            "grant",
            "observation",
            "observers_disagree",
            "profile",
            "metrics_mismatch",
            "verdict_mismatch",
        ]

    @pytest.mark.parametrize("trusted", [[], [STRANGER_KEY.public]])
    def test_without_the_servers_key_nobody_vouches(self, trusted: list[Any]) -> None:
        report = checked(GOOD, trusted)
        assert report.standing is Standing.NOT_TRUSTED
        assert report.unchecked == [
            Unchecked.SERVER_KEY_UNKNOWN,
            Unchecked.AGENT_KEY_NOT_VOUCHED,
        ]

    def test_the_agents_own_key_may_be_trusted_too(self) -> None:
        trusted = [SERVER_KEY.public, AGENT_KEY.public]
        assert checked(with_(keys=()), trusted).standing is Standing.TRUSTED

    def test_the_agents_key_alone_leaves_what_the_server_signed_unchecked(self) -> None:
        report = checked(GOOD, [AGENT_KEY.public])
        assert report.standing is Standing.NOT_TRUSTED
        assert report.unchecked == [Unchecked.SERVER_KEY_UNKNOWN]

    def test_a_statement_that_it_is_a_test_points_key_vouches_for_no_agent(self) -> None:
        bundle = with_(keys=(statement(role="test_point"),))
        assert checked(bundle).standing is Standing.NOT_TRUSTED

    def test_before_the_receipt_it_holds_and_says_so(self) -> None:
        report = checked(STORY.sealed_record().bundle)
        assert (report.standing, report.unchecked) == (Standing.TRUSTED, [Unchecked.NO_RECEIPT])

    def test_a_test_points_statement_may_go_with_it(self) -> None:
        public = TEST_POINT_KEY.public
        point = statement(role="test_point", id="tp-1", kid=public.kid, key=public.text)
        assert checked(with_(keys=(*GOOD.keys, point))).standing is Standing.TRUSTED

    def test_an_invalid_run_is_a_valid_record(self) -> None:
        report = checked(Story(faults=(Fault.TUNNEL,)).bundle())
        assert (report.standing, report.verdict) == (Standing.TRUSTED, Verdict.INVALID)

    def test_observers_who_are_said_to_disagree_may(self) -> None:
        story = Story()
        twice = replace(story.evidence, idle=(idle_stream(),) * 2)
        held = story.held(replace(story.result(), evidence=twice, metrics=metrics_of(twice)))
        assert checked(story.bundle(held)).standing is Standing.TRUSTED

    def test_a_record_without_a_grant_may_stand_alone(self) -> None:
        failure = NoAnswerError("no_attempt", server="x")
        story = Story()
        report = checked(story.bundle(dead_line(story, failure)))
        assert report.standing is Standing.TRUSTED
        assert report.unchecked == [Unchecked.NO_GRANT, Unchecked.NO_OBSERVATION]

    def test_what_the_server_knew_besides_may_make_it_invalid(self) -> None:
        """The Collector may have an observation that never reached the agent."""
        bundle = Story(has_observation=False).bundle(verdict=Verdict.INVALID)
        assert checked(bundle).standing is Standing.TRUSTED


class TestStrangers:
    STORY = Story(enrolled=False, key=STRANGER_KEY, mode=Mode.QUICK)

    def test_the_grant_vouches_for_the_key_of_one_run(self) -> None:
        assert checked(self.STORY.bundle()).standing is Standing.TRUSTED

    def test_nobody_vouches_when_the_server_is_not_known(self) -> None:
        assert checked(self.STORY.bundle(), []).standing is Standing.NOT_TRUSTED

    def test_a_key_that_vouches_for_itself_alone_is_nobodys(self) -> None:
        failure = NoAnswerError("no_attempt", server="x")
        bundle = self.STORY.sealed_record(dead_line(self.STORY, failure)).bundle
        report = checked(bundle)
        assert report.standing is Standing.NOT_TRUSTED
        assert Unchecked.AGENT_KEY_NOT_VOUCHED in report.unchecked

    def test_a_stranger_can_not_pass_for_an_agent(self) -> None:
        """The record names agent-17; its own key says so, and the server does not."""
        story = Story(key=STRANGER_KEY)
        bundle = story.sealed_record().bundle.model_copy(
            update={"keys": (own_statement(STRANGER_KEY, START_UNIX_US),)}
        )
        assert checked(bundle).standing is Standing.NOT_TRUSTED


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


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"session_id": "another"}, "session"),
        ({"purpose": "selftest", "sheet_id": None}, "purpose"),
        ({"mode": Mode.QUICK}, "mode"),
        ({"sheet_id": "FI-2026-9999"}, "sheet"),
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
        ({"session_id": "another"}, "session"),
        ({"grant_digest": "0" * 64}, "grant"),
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


class TestBareEnvelopes:
    def test_a_record_alone_holds_with_the_statement_at_hand(self) -> None:
        report = verify(GOOD.record.encode(), trusted=TRUSTED, statements=[STORY.statement])
        assert report.standing is Standing.TRUSTED
        assert Unchecked.NO_RECEIPT in report.unchecked

    def test_a_record_alone_under_another_agents_name_is_refused(self) -> None:
        other = statement(id="agent-18")
        report = verify(GOOD.record.encode(), trusted=TRUSTED, statements=[other])
        assert report.failed == "key_statement"

    def test_a_record_alone_offers_no_key(self) -> None:
        assert checked(GOOD.record.encode()).failed == "key_missing"

    @pytest.mark.parametrize(
        ("envelope", "kind"),
        [
            (GOOD.grant, PayloadType.GRANT),
            (GOOD.receipt, PayloadType.RECEIPT),
            (GOOD.keys[0], PayloadType.KEY),
        ],
    )
    def test_what_the_server_signed_holds_by_its_key(self, envelope: str, kind: str) -> None:
        report = checked(envelope.encode())
        assert (report.standing, report.kind) == (Standing.TRUSTED, kind)
        assert verify(envelope.encode(), trusted=[]).failed == "key_missing"

    def test_an_observation_holds_by_the_test_points_key(self) -> None:
        envelope = (GOOD.observation or "").encode()
        assert checked(envelope, [TEST_POINT_KEY.public]).standing is Standing.TRUSTED

    def test_a_kind_nobody_seals_is_refused(self) -> None:
        envelope = seal(b"{}", "application/json", SERVER_KEY)
        assert checked(envelope).failed == "payload_type"

    def test_content_that_is_not_its_kind_is_refused(self) -> None:
        envelope = seal(b"{}", PayloadType.RECEIPT, SERVER_KEY)
        assert checked(envelope).failed == "schema"


def test_the_report_is_plain_json() -> None:
    found = checked(GOOD).content()
    assert found["standing"] == "valid_and_trusted"
    assert found["record"] == content_of(STORY.sealed_record().record)
    assert canonical_bytes(found)


def test_no_detail_quotes_what_came_from_outside() -> None:
    bundle = record_with({**content(), "<script>": 1})
    assert "script" not in checked(bundle).detail


def test_builders_and_story_agree_on_bytes() -> None:
    assert model_bytes(STORY.grant) == parse_envelope((GOOD.grant or "").encode()).payload


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector(case: Path) -> None:
    keys = [line for line in (VECTORS / "trusted.keys").read_text().splitlines() if line[0] != "#"]
    report = verify(
        (case / "bundle.json").read_bytes(), trusted=[PublicKey.from_text(key) for key in keys]
    )
    told = " ".join(filter(None, (report.standing, report.failed)))
    assert told == (case / "expected").read_text().strip()
    assert (report.standing is Standing.INVALID) is case.name.endswith("_fail")


def test_there_are_vectors() -> None:
    assert len(CASES) >= 13
