"""`omega verify FOLDER`: each file by itself, and how the records of a device hang together."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import pytest

from omega_agent.commands_verify import verify_path
from omega_agent.errors import WrongUseError
from omega_agent.home import Home
from omega_agent.show_verify import folder_lines
from omega_agent.surroundings import Surroundings
from omega_agent.texts import LANGUAGES, Language, Speaker
from omega_agent.verify import verify
from omega_agent.verify_folder import FolderReport, folder_report
from omega_agent.verify_report import Standing
from omega_core.bundle import parse_bundle
from omega_core.canonical import canonical_bytes
from omega_core.clock import Clock
from omega_core.envelope import parse_envelope
from omega_core.errors import ExitCode
from omega_core.evidence import Evidence
from omega_core.models import ContentError, parse_model
from omega_core.record import Chain
from omega_core.units import NS_PER_S
from support.agent_story import Story
from support.builders import AGENT_ID, SERVER_KEY, STRANGER_KEY
from support.clock import HandClock
from support.facts import idle_stream

CHECK = partial(verify, trusted=[SERVER_KEY.public])
OTHER = "f" * 64


@cache
def record(seq: int, prev: str | None = None, *, enrolled: bool = True) -> bytes:
    small = Evidence(idle=(idle_stream(packets=4 + seq),))
    key = Story().key if enrolled else STRANGER_KEY
    story = Story(evidence=small, enrolled=enrolled, key=key, chain=Chain(seq=seq, prev=prev))
    return story.bundle().to_bytes()


def digest(bundle: bytes) -> str:
    return parse_envelope(parse_bundle(bundle).record.encode()).payload_digest


def chained(*seqs: int) -> list[bytes]:
    """Return records with these numbers, each of which names the one before it."""
    made: list[bytes] = []
    for seq in seqs:
        made.append(record(seq, digest(made[-1]) if made else None))
    return made


def report_of(*contents: bytes | None) -> FolderReport:
    return folder_report([(f"{at}.json", each) for at, each in enumerate(contents)], CHECK)


def failures(report: FolderReport) -> list[tuple[str, str | None]]:
    return [(each.path, each.failed) for each in report.findings]


def test_what_a_report_may_hold() -> None:
    report = report_of(None, record(1), record(3))
    content = report.model_dump(mode="json")
    assert content["schema_version"] == 1
    (finding,), (missing,) = content["findings"], content["missing"]
    longest = {**content, "findings": [{**finding, "path": "p" * 4_096}]}
    least = {**content, "missing": [{**missing, "first_seq": 0}]}
    for allowed in (content, longest, least):
        assert parse_model(FolderReport, canonical_bytes(allowed)).files == 3
    for refused in (
        {**content, "invalid": -1},
        {**content, "findings": [{**finding, "path": "p" * 4_097}]},
        {**content, "missing": [{**missing, "first_seq": -1}]},
    ):
        with pytest.raises(ContentError):
            parse_model(FolderReport, canonical_bytes(refused))


class TestChains:
    def test_records_in_an_unbroken_row(self) -> None:
        report = report_of(*chained(3, 4, 5))
        assert (report.files, report.valid_and_trusted, report.standing) == (3, 3, Standing.TRUSTED)
        assert (report.findings, report.missing) == ((), ())

    def test_numbers_that_are_missing_are_told_and_judged_by_nobody(self) -> None:
        report = report_of(*chained(1, 2, 5, 7))
        assert report.standing is Standing.TRUSTED
        gaps = [(each.agent_id, each.first_seq, each.last_seq) for each in report.missing]
        assert gaps == [(AGENT_ID, 3, 4), (AGENT_ID, 6, 6)]

    def test_two_records_under_one_number_spoil_each_other(self) -> None:
        first, second = chained(1, 2)
        report = report_of(first, second, record(2, OTHER))
        assert failures(report) == [("1.json", "chain"), ("2.json", "chain")]
        assert report.standing is Standing.INVALID
        assert "number 2" in report.findings[0].detail
        assert report.missing == (), "nothing is between them"

    @pytest.mark.parametrize("other", [OTHER, "0" * 64])
    def test_one_that_names_another_record_before_it_was_not_made_after_that(
        self, other: str
    ) -> None:
        report = report_of(record(1), record(2, other))
        assert failures(report) == [("1.json", "chain")]

    def test_behind_a_gap_the_record_before_is_not_known(self) -> None:
        assert report_of(record(1), record(3, OTHER)).findings == ()

    def test_the_same_record_twice_is_one_record(self) -> None:
        first, second = chained(1, 2)
        report = report_of(first, second, second, first)
        assert (report.files, report.findings) == (4, ())

    def test_order_and_names_of_files_do_not_matter(self) -> None:
        assert report_of(*reversed(chained(1, 2, 3))).findings == ()

    def test_keys_made_for_one_run_have_no_chain(self) -> None:
        report = report_of(record(1, enrolled=False), record(1, OTHER, enrolled=False))
        assert (report.invalid, report.missing) == (0, ())


class TestFiles:
    def test_a_file_that_was_changed_takes_no_part_in_a_chain(self) -> None:
        first, second = chained(1, 2)
        report = report_of(
            first, second.replace(b'"record":"', b'"record":" ', 1), record(2, OTHER)
        )
        assert failures(report)[0] == ("1.json", "envelope_digest")
        assert failures(report)[1] == ("2.json", "chain"), "it names another record than the first"
        assert (report.valid_and_trusted, report.invalid) == (1, 2)

    def test_one_that_cannot_be_read_is_not_passed_over(self) -> None:
        report = report_of(record(1), None)
        assert failures(report) == [("1.json", "file")]
        assert report.standing is Standing.INVALID

    def test_where_nobody_vouches_the_sum_says_so(self) -> None:
        report = folder_report([("a.json", record(1))], partial(verify, trusted=[]))
        assert (report.valid_key_not_trusted, report.standing) == (1, Standing.NOT_TRUSTED)

    @pytest.mark.parametrize("lang", LANGUAGES)
    def test_is_told_in_both_languages(self, lang: Language) -> None:
        report = report_of(record(1), record(2, OTHER), record(4, OTHER), None)
        lines = folder_lines(report, Speaker(lang), colour=False)
        assert lines[0].startswith("✗ 4 ")
        assert "✗ 1.json" in lines
        assert any("chain" in line for line in lines)
        assert AGENT_ID in lines[-1]
        assert "3" in lines[-1]


class TestCommand:
    def around(self, tmp_path: Path, *, clock: Clock | None = None) -> Surroundings:
        home = Home(tmp_path / "home")
        return Surroundings(home=home, speaker=Speaker("en"), clock=clock or HandClock())

    def folder(self, tmp_path: Path, *contents: bytes) -> Path:
        below = tmp_path / "records" / "2026"
        below.mkdir(parents=True)
        for at, content in enumerate(contents):
            (below / f"{at}.json").write_bytes(content)
        (below / "notes.txt").write_text("not looked at")
        return tmp_path / "records"

    def trust(self, tmp_path: Path) -> Path:
        path = tmp_path / "trusted.keys"
        path.write_text(f"{SERVER_KEY.public.text}\n")
        return path

    def test_folders_in_it_are_looked_into(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = self.folder(tmp_path, *chained(1, 2))
        code = verify_path(self.around(tmp_path), path=folder, trust=self.trust(tmp_path))
        assert code == ExitCode.ACCEPTED
        assert capsys.readouterr().out.startswith("✓ 2 files checked: 2 valid and trusted")

    def test_the_worst_file_is_the_exit_code(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = self.folder(tmp_path, record(1), b"{}")
        code = verify_path(self.around(tmp_path), path=folder, trust=self.trust(tmp_path))
        assert code == ExitCode.NOT_VALID
        assert "2026/1.json" in capsys.readouterr().out

    def test_without_trust_it_is_by_no_key(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, record(1))
        code = verify_path(self.around(tmp_path), path=folder, trust=None)
        assert code == ExitCode.NOT_TRUSTED

    def test_a_folder_without_records_is_a_mistake(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        with pytest.raises(WrongUseError) as raised:
            verify_path(self.around(tmp_path), path=folder, trust=None)
        assert raised.value.code == "folder_empty"

    def test_a_folder_of_more_than_fit_is_refused_before_any_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("omega_agent.commands_verify.FOLDER_FILES_MAX", 1)
        folder = self.folder(tmp_path, b"{}", b"{}")
        with pytest.raises(WrongUseError) as raised:
            verify_path(self.around(tmp_path), path=folder, trust=None)
        assert raised.value.code == "folder_large"

    def test_it_says_how_far_it_is_after_a_second_and_ever_less_often(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Slow(HandClock):
            def monotonic_ns(self) -> int:
                self.pass_ns(NS_PER_S // 2)
                return super().monotonic_ns()

        folder = self.folder(tmp_path, *[b"{}"] * 12)
        verify_path(self.around(tmp_path, clock=Slow()), path=folder, trust=None)
        assert capsys.readouterr().err.splitlines() == [
            "1 of 12 files checked ...",
            "3 of 12 files checked ...",
            "7 of 12 files checked ...",
        ]
