"""`omega verify`: what it says of a record in order, of a stranger's, of a bare one; vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_agent.errors import NoAnswerError
from omega_agent.own_statement import own_statement
from omega_agent.verify import verify
from omega_agent.verify_report import Standing, Unchecked
from omega_core.bundle import Bundle
from omega_core.canonical import canonical_bytes
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import content_of, model_bytes
from omega_core.verdict import Fault, Mode, Verdict
from support.agent_story import Story, dead_line
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, TEST_POINT_KEY
from support.clock import START_UNIX_US
from support.facts import idle_stream
from support.verified import (
    GOOD,
    STORY,
    TRUSTED,
    checked,
    content,
    record_with,
    statement,
    with_,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "verify"
CASES = sorted(path for path in VECTORS.iterdir() if path.is_dir())


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

    def test_the_key_itself_is_enough_for_the_grant_names_its_id(self) -> None:
        assert checked(self.by_key()).standing is Standing.TRUSTED
        assert checked(self.by_key(), []).standing is Standing.NOT_TRUSTED

    @pytest.mark.parametrize(
        ("bundle", "failed"),
        [
            pytest.param(lambda here: here.by_key(AGENT_KEY), "key_missing", id="another key"),
            pytest.param(
                lambda here: here.STORY.bundle().model_copy(
                    update={"run_key": STRANGER_KEY.public.text}
                ),
                "key_statement",
                id="a key that states itself as well",
            ),
            pytest.param(
                lambda _: GOOD.model_copy(update={"run_key": STRANGER_KEY.public.text}),
                "key_statement",
                id="a key that signed nothing here",
            ),
            pytest.param(
                lambda here: here.by_key().model_copy(update={"run_key": "_" * 43}),
                "key_statement",
                id="no key",
            ),
        ],
    )
    def test_any_other_key_is_refused(
        self, bundle: Callable[[TestStrangers], Bundle], failed: str
    ) -> None:
        assert checked(bundle(self)).failed == failed

    def test_an_enrolled_device_is_not_vouched_for_by_its_key(self) -> None:
        bundle = GOOD.model_copy(update={"keys": (), "run_key": AGENT_KEY.public.text})
        assert checked(bundle).standing is Standing.NOT_TRUSTED

    def by_key(self, key: SigningKey = STRANGER_KEY) -> Bundle:
        """Return the bundle as a server gives it out: with the key, and no statement of it."""
        return self.STORY.bundle().model_copy(update={"keys": (), "run_key": key.public.text})


class TestBareEnvelopes:
    def test_a_record_alone_holds_with_the_statement_at_hand(self) -> None:
        report = verify(GOOD.record.encode(), trusted=TRUSTED, statements=[STORY.statement])
        assert report.standing is Standing.TRUSTED
        assert report.unchecked == [
            Unchecked.NO_RECEIPT,
            Unchecked.NO_GRANT,
            Unchecked.NO_OBSERVATION,
            Unchecked.NO_PROFILE,
        ]

    def test_a_record_of_no_plan_needs_no_profile(self) -> None:
        story = Story(has_profile=False)
        record = story.sealed_record().bundle.record
        report = verify(record.encode(), trusted=TRUSTED, statements=[story.statement])
        assert report.standing is Standing.TRUSTED
        assert Unchecked.NO_PROFILE not in report.unchecked

    def test_a_record_alone_whose_key_speaks_for_itself_is_nobodys(self) -> None:
        """It names agent-17, and no server has said that the key is agent-17's."""
        own = own_statement(AGENT_KEY, START_UNIX_US)
        report = verify(GOOD.record.encode(), trusted=TRUSTED, statements=[own])
        assert report.standing is Standing.NOT_TRUSTED
        assert Unchecked.AGENT_KEY_NOT_VOUCHED in report.unchecked

    def test_a_record_alone_of_a_key_that_was_made_for_one_run_is_nobodys(self) -> None:
        """Only the grant would vouch for it, even where its key is also somebody's device."""
        story = Story(enrolled=False, key=STRANGER_KEY, mode=Mode.QUICK)
        public = STRANGER_KEY.public
        report = verify(
            story.sealed_record().bundle.record.encode(),
            trusted=TRUSTED,
            statements=[statement(kid=public.kid, key=public.text)],
        )
        assert report.standing is Standing.NOT_TRUSTED

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

    @pytest.mark.parametrize("kind", ["application/json", PayloadType.SESSION_REQUEST])
    def test_a_kind_that_is_not_kept_is_refused(self, kind: str) -> None:
        report = checked(seal(b"{}", kind, SERVER_KEY))
        assert (report.failed, report.detail) == ("payload_type", "not a kind that Omega signs")

    def test_content_that_is_not_its_kind_is_refused(self) -> None:
        envelope = seal(b"{}", PayloadType.RECEIPT, SERVER_KEY)
        assert checked(envelope).failed == "schema"


def test_the_report_is_plain_json() -> None:
    found = checked(GOOD).content()
    assert found["standing"] == "valid_and_trusted"
    assert found["record"] == content_of(STORY.sealed_record().record)
    assert canonical_bytes(found)


def test_what_is_not_in_a_file_is_null_in_its_report() -> None:
    whole, alone = checked(GOOD).content(), checked(GOOD.record.encode()).content()
    stated = parse_envelope(str(GOOD.receipt).encode()).payload
    assert canonical_bytes(whole["receipt"]) == stated
    assert (whole["schema_version"], alone["receipt"]) == (1, None)


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
    doubts = (each.state for each in report.doubts)
    told = " ".join(filter(None, (report.standing, report.failed, *doubts)))
    assert told == (case / "expected").read_text().strip()
    assert (report.standing is Standing.INVALID) is case.name.endswith("_fail")


def test_there_are_vectors() -> None:
    assert len(CASES) >= 28
