"""Results for people: the verdict first, then the criteria, then what became of the record."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from omega_acceptance.enough import Saved
from omega_agent.errors import BusyError, NoAnswerError
from omega_agent.report import RunReport, exit_code, run_report
from omega_agent.reporter import Posted
from omega_agent.sealing import measurement
from omega_agent.sessions import Delivery, Kept
from omega_agent.show import Shower
from omega_agent.show_verify import verify_lines
from omega_agent.texts import Language, Speaker
from omega_agent.verify import verify
from omega_core.canonical import canonical_bytes
from omega_core.control import Receipt
from omega_core.derive import metrics_of
from omega_core.errors import ExitCode, RefusedError
from omega_core.evidence import Evidence
from omega_core.models import content_of, parse_model
from omega_core.verdict import Fault, Judgement, Outcome, Verdict
from support import builders
from support.agent_story import Story, dead_line
from support.builders import SERVER_KEY, SHEET_ID
from support.facts import idle_stream

STORY = Story()


def shower(language: Language = "en", *, colour: bool = False) -> Shower:
    return Shower(Speaker(language), colour=colour)


def judgement(verdict: Verdict = Verdict.INCONCLUSIVE) -> Judgement:
    found = STORY.sealed_record().record.preview
    assert found is not None
    return replace(found, verdict=verdict)


def plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ")


class TestJudgement:
    @pytest.mark.parametrize(
        ("verdict", "sign", "words"),
        [
            (Verdict.PASS, "✓", "LINE ACCEPTED"),
            (Verdict.FAIL, "✗", "LINE REJECTED"),
            (Verdict.INCONCLUSIVE, "?", "UNDECIDED"),
            (Verdict.INVALID, "!", "INVALID RUN"),
        ],
    )
    def test_begins_with_the_verdict_in_words_and_a_sign(
        self, verdict: Verdict, sign: str, words: str
    ) -> None:
        first = shower().judgement(judgement(verdict), STORY.sealed_record().record)[0]
        assert first.startswith(f"{sign} {words}")

    def test_has_a_row_for_every_criterion_with_word_and_sign(self) -> None:
        found = judgement()
        lines = shower().judgement(found, STORY.sealed_record().record)
        rows = [line for line in lines if re.match(r"[✓✗?]  (kept|not kept|open) ", line)]
        assert len(rows) == len(found.outcomes)
        assert "packet loss down" in plain(rows)
        assert "≤ 20 ms" in plain(rows)

    def test_says_why_a_criterion_is_not_kept_and_what_to_do(self) -> None:
        failed = tuple(
            replace(each, outcome=Outcome.FAIL) if each.id == "rtt" else each
            for each in judgement().outcomes
        )
        found = replace(judgement(Verdict.FAIL), outcomes=failed)
        text = plain(shower().judgement(found, STORY.sealed_record().record))
        assert "  ✗ not kept - idle round trip, p95" in text

    def test_names_what_spoiled_the_run(self) -> None:
        found = replace(judgement(Verdict.INVALID), faults=(Fault.TUNNEL,))
        assert "close the VPN" in plain(shower().judgement(found, STORY.sealed_record().record))

    def test_in_french_throughout(self) -> None:
        text = plain(shower("fr").judgement(judgement(), STORY.sealed_record().record))
        assert text.startswith("? INDÉCIS")
        assert "critère" in text
        assert "débit utile TCP descendant" in text
        assert "débit utile TCP descendant, la plupart du temps" in text
        assert "Mo descendants" in text

    def test_colour_is_there_only_when_wanted(self) -> None:
        made = STORY.sealed_record().record
        assert "\x1b[" not in plain(shower().judgement(judgement(), made))
        assert "\x1b[33m?" in plain(shower(colour=True).judgement(judgement(), made))


class TestMeasurement:
    def lines(
        self,
        of: Evidence | None = None,
        faults: tuple[Fault, ...] = (),
        failure: Any = None,  # noqa: ANN401 - an OmegaError
        *,
        cut_short: bool = False,
    ) -> list[str]:
        found = of or STORY.evidence
        result = replace(STORY.result(), evidence=found, metrics=metrics_of(found))
        told = measurement(STORY.held(result), STORY.measurer, faults)
        return shower().measurement(told, found, failure=failure, cut_short=cut_short)

    def test_has_quantity_value_and_sample(self) -> None:
        lines = self.lines()
        assert lines[0] == "✓ Measured, and nothing disturbed it."
        row = next(line for line in lines if line.startswith("TCP goodput down"))
        assert re.fullmatch(r"TCP goodput down +289\.\d Mbit/s +1", row)
        assert lines[-1] == "It took 150 s, 180 MB down and 60 MB up."

    def test_leaves_out_what_nothing_was_to_measure(self) -> None:
        assert "IP capacity" not in plain(self.lines())

    def test_says_why_a_value_is_missing(self) -> None:
        silent = replace(STORY.evidence, idle=(idle_stream(packets=3, lost_up=[0, 1, 2]),))
        assert "because nothing came back: idle round trip, smallest" in plain(self.lines(silent))

    def test_says_what_spoiled_it(self) -> None:
        lines = self.lines(faults=(Fault.CROSS_TRAFFIC,))
        assert lines[0].startswith("! Measured, but this run says nothing")
        assert "other traffic" in lines[1]

    def test_says_when_it_was_cut_short(self) -> None:
        assert self.lines(cut_short=True)[0] == "✗ Measured in part: a task was cut short."

    def test_of_a_dead_line_says_what_was_in_vain_how_often_and_why(self) -> None:
        failure = NoAnswerError("no_attempt", server="https://omega.example")
        lines = self.lines(builders.dead_line_evidence(), failure=failure)
        assert lines[0].startswith("✗ No session could be had: every attempt to reach")
        assert lines[1] == "  ✗ server, TCP IPv4: 3 of 3 in vain, no answer within 3 s"
        assert "quantity" not in plain(lines)


def report(
    delivery: Delivery,
    *,
    interrupted: bool = False,
    story: Story = STORY,
    saved: Saved | None = None,
) -> RunReport:
    made = story.sealed_record()
    return run_report(
        Kept(sealed=made, item=None, in_outbox=True),
        delivery,
        saved=saved,
        interrupted=interrupted,
    )


def posted(verdict: Verdict | None = Verdict.INCONCLUSIVE) -> Posted:
    receipt: Receipt = builders.receipt(
        STORY.sealed_record().bundle.record.encode(), verdict=verdict
    )
    return Posted(b"{}", receipt)


class TestReport:
    def test_the_servers_verdict_counts_when_its_receipt_came(self) -> None:
        found = report(Delivery(posted=posted(Verdict.PASS)))
        assert (found.verdict, found.verdict_by, found.posted) == (Verdict.PASS, "server", True)

    def test_else_the_preview(self) -> None:
        found = report(Delivery(waiting=True))
        assert (found.verdict, found.verdict_by) == (Verdict.INCONCLUSIVE, "agent")
        assert (found.posted, found.waiting) == (False, True)

    def test_without_a_plan_there_is_none(self) -> None:
        found = report(Delivery(waiting=True), story=Story(has_profile=False))
        assert (found.verdict, found.verdict_by) == (None, None)

    def test_says_why_it_was_not_posted(self) -> None:
        refusal = RefusedError("grant_used", "used already", "operator")
        found = report(Delivery(refused=refusal))
        assert (found.refused, found.not_posted_reason) == ("grant_used", "used already")
        later = report(Delivery(later=BusyError("busy", "too much to do", "nobody"), waiting=True))
        assert (later.refused, later.not_posted_reason) == (None, "too much to do")

    def test_is_one_json_object_that_reads_back(self) -> None:
        found = report(Delivery(posted=posted()))
        assert parse_model(RunReport, canonical_bytes(content_of(found))) == found

    @pytest.mark.parametrize(
        ("delivery", "expected"),
        [
            (Delivery(posted=posted(Verdict.PASS)), ExitCode.ACCEPTED),
            (Delivery(posted=posted(Verdict.FAIL)), ExitCode.REJECTED),
            (Delivery(posted=posted(Verdict.INCONCLUSIVE)), ExitCode.INCONCLUSIVE),
            (Delivery(posted=posted(Verdict.INVALID)), ExitCode.INVALID),
            (Delivery(posted=posted(None)), ExitCode.ACCEPTED),
            (Delivery(waiting=True), ExitCode.INCONCLUSIVE),
        ],
    )
    def test_the_shell_is_told_the_verdict(self, delivery: Delivery, expected: ExitCode) -> None:
        assert exit_code(report(delivery)) == expected

    def test_an_interrupted_run_is_no_verdict(self) -> None:
        assert exit_code(report(Delivery(waiting=True), interrupted=True)) == ExitCode.INTERRUPTED

    def test_nor_is_a_dead_line(self) -> None:
        story = Story()
        made = story.sealed_record(dead_line(story, NoAnswerError("no_attempt", server="x")))
        found = run_report(
            Kept(sealed=made, item=None, in_outbox=True),
            Delivery(waiting=True),
            saved=None,
            interrupted=False,
        )
        assert exit_code(found) == ExitCode.UNAVAILABLE

    def test_an_unjudged_run_is_invalid_when_spoiled(self) -> None:
        story = Story(has_profile=False, faults=(Fault.TUNNEL,))
        assert exit_code(report(Delivery(waiting=True), story=story)) == ExitCode.INVALID


class TestFate:
    @pytest.mark.parametrize(
        ("delivery", "words"),
        [
            (Delivery(posted=posted()), f"Posted to installation sheet {SHEET_ID} at 2026-09-21T"),
            (Delivery(waiting=True), "Kept in the outbox"),
            (Delivery(), "was not posted and is not kept"),
            (
                Delivery(refused=RefusedError("grant_used", "x", "y")),
                "Refused by the server: the grant has led to another record",
            ),
        ],
    )
    def test_is_told_with_the_records_digest(self, delivery: Delivery, words: str) -> None:
        (line,) = shower().fate(report(delivery))
        assert line.startswith(words) or words in line
        assert STORY.sealed_record().digest in line

    def test_says_that_it_was_stopped(self) -> None:
        lines = shower().fate(report(Delivery(waiting=True), interrupted=True))
        assert lines[0].startswith("Stopped before the end")

    def test_says_when_the_server_judged_otherwise(self) -> None:
        line = shower().server_differs(Verdict.FAIL)
        assert line == (
            "That is the server's verdict, which counts. Here it was: "
            "LINE REJECTED: it does not keep what the plan promises."
        )


class TestVerify:
    def lines(self, data: bytes, trusted: list[Any], language: Language = "en") -> list[str]:
        return verify_lines(verify(data, trusted=trusted), Speaker(language), colour=False)

    def test_the_three_outcomes_begin_the_text(self) -> None:
        data = STORY.bundle().to_bytes()
        assert self.lines(data, [SERVER_KEY.public])[0].startswith("✓ VALID AND TRUSTED")
        assert self.lines(data, [])[0].startswith("? VALID, KEY NOT TRUSTED")
        assert self.lines(data[:-1], [])[0].startswith("✗ INVALID")

    def test_a_failed_check_is_named(self) -> None:
        assert "Failed check: bundle_shape (" in plain(self.lines(b'{"bundle_version":1}', []))

    def test_says_what_is_in_it_and_what_could_not_be_checked(self) -> None:
        text = plain(self.lines(STORY.sealed_record().bundle.to_bytes(), [SERVER_KEY.public]))
        assert "no receipt goes with it" in text
        assert f"purpose install, {SHEET_ID}" in text
        assert "Judged again from the facts: inconclusive" in text

    @pytest.mark.parametrize(
        ("offset_us", "said"),
        [
            pytest.param(None, None, id="nobody compared the clocks"),
            pytest.param(59_999_999, None, id="less than a minute"),
            pytest.param(60_000_000, "60 s off", id="a minute"),
            pytest.param(-31_536_000_000_000, "31536000 s off", id="a year behind"),
        ],
    )
    def test_a_clock_that_is_wrong_is_told_and_changes_nothing(
        self, offset_us: int | None, said: str | None
    ) -> None:
        result = replace(STORY.result(), test_point_offset_us=offset_us)
        lines = self.lines(STORY.bundle(STORY.held(result)).to_bytes(), [SERVER_KEY.public])
        assert lines[0].startswith("✓ VALID AND TRUSTED")
        assert any("off; the server's time counts" in line for line in lines) is (said is not None)
        assert said is None or said in plain(lines)

    def test_in_french(self) -> None:
        assert self.lines(b"", [], "fr")[0].startswith("✗ NON VALABLE")
