"""What waits on the device: dead lines, full disks, refusals, several processes at once."""

from __future__ import annotations

import base64
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omega_core.bundle import parse_bundle
from support.main_job import SCRIPTS, Omega, Ran, Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # processes that measure
NO_LARGE_FILES = 2  # blocks of 1024 octets: chain and key fit, a record does not


def accept(omega: Omega, sheet: str, *more: str | Path) -> Ran:
    return omega.run("accept", "--sheet", sheet, "--quick", "--json", "--progress", "none", *more)


class Stopped:
    """The server is away; leaving brings it back on the same port."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __enter__(self) -> None:
        self._site.stop()

    def __exit__(self, *_: object) -> None:
        self._site.start()


class TestDeadLine:
    def test_is_sealed_kept_and_posted_once_the_server_is_back(self, site: Site) -> None:
        omega, sheet = site.enrolled("dead line"), site.sheet()
        with Stopped(site):
            done = accept(omega, sheet)
            assert done.code == 69
            assert (done.json["waiting"], done.json["verdict"]) == (True, None)
            assert done.json["no_grant_reason"].startswith("every attempt to reach")
            sent = omega.run("outbox", "send")
            assert (sent.code, "1 records still wait" in sent.stdout) == (69, True)
        sent = omega.run("outbox", "send", "--wait", "30", "--json")
        digest = done.json["record_digest"]
        assert (sent.code, sent.json["posted"]) == (0, [digest])
        assert [each for each, _ in site.posted(sheet)] == [digest]

    @pytest.mark.slow
    def test_goes_along_with_the_next_command_that_reaches_the_server(self, site: Site) -> None:
        omega, sheet = site.enrolled("next command"), site.sheet()
        with Stopped(site):
            digest = accept(omega, sheet).json["record_digest"]
        done = omega.run("measure", "--quick", "--progress", "none")
        assert "Earlier records posted too: 1." in done.stderr
        assert [each for each, _ in site.posted(sheet)] == [digest]

    @pytest.mark.slow
    def test_waiting_is_worth_it_when_the_server_comes_back_meanwhile(self, site: Site) -> None:
        omega, sheet = site.enrolled("patient"), site.sheet()
        with Stopped(site):
            accept(omega, sheet)
            sending = omega.start_plain("outbox", "send", "--wait", "60", "--json")
        done = sending.finish()
        assert (done.code, len(done.json["posted"])) == (0, 1)

    @pytest.mark.slow
    def test_is_trusted_though_both_ends_have_other_keys_by_then(
        self, site: Site, tmp_path: Path
    ) -> None:
        omega, sheet = site.enrolled("keys meanwhile"), site.sheet()
        pinned = site.announced["server_key"]
        with Stopped(site):
            digest = accept(omega, sheet).json["record_digest"]
            site.operate("key", "rotate")
        assert omega.run("key", "rotate", "--json").json["waiting"] == 1
        assert omega.run("outbox", "send", "--json").json["posted"] == [digest]
        trust, bundle = tmp_path / "trusted.keys", omega.home / "records" / f"{digest}.json"
        assert site.announced["server_key"] != pinned
        for key in (pinned, site.announced["server_key"]):
            trust.write_text(key)
            done = omega.run("verify", bundle, "--trust", trust, "--json")
            assert (done.code, done.json["standing"]) == (0, "valid_and_trusted")
        assert omega.run("verify", bundle).code == 0, "by the key that it has pinned again"

    def test_for_a_sheet_nobody_knows_is_refused_later_and_kept_to_be_seen(
        self, site: Site
    ) -> None:
        omega = site.enrolled("unknown sheet")
        with Stopped(site):
            digest = accept(omega, "FI-2026-424242").json["record_digest"]
        sent = omega.run("outbox", "send")
        assert sent.code == 64
        assert "Refused by the server: there is no such installation sheet" in sent.stdout
        listed = omega.run("outbox", "list", "--json").json
        assert listed["waiting"] == []
        assert [(each["digest"], each["reason"]) for each in listed["refused"]] == [
            (digest, "sheet_unknown")
        ]
        shown = omega.run("outbox").stdout
        assert "there is no such installation sheet" in shown
        assert omega.run("outbox", "send").code == 0


class TestFullDisk:
    """No file may grow beyond 2 KiB: what a full disk does, for one process only."""

    def run_full(self, omega: Omega, *arguments: str) -> subprocess.Popen[str]:
        # The counting of covered lines would want to write a file as well, and complain.
        limited = f'unset COVERAGE_PROCESS_CONFIG; ulimit -f {NO_LARGE_FILES}; exec "$0" "$@"'
        return subprocess.Popen(
            ["/bin/bash", "-c", limited, SCRIPTS / "omega", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=omega.env,
        )

    def test_under_the_outbox_the_record_is_posted_from_memory(self, site: Site) -> None:
        omega, sheet = site.enrolled("full disk"), site.sheet()
        child = self.run_full(omega, "accept", "--sheet", sheet, "--quick", "--json")
        stdout, stderr = child.communicate(timeout=100)
        report = json.loads(stdout)
        assert report["posted"], stderr
        assert child.returncode == 11, stderr
        assert [each for each, _ in site.posted(sheet)] == [report["record_digest"]]
        assert omega.waiting_files() == []
        assert list((omega.home / "outbox").glob(".*")) == []

    @pytest.mark.slow
    def test_and_on_a_dead_line_it_says_that_nothing_was_kept(self, site: Site) -> None:
        omega, sheet = site.enrolled("full and dead"), site.sheet()
        with Stopped(site):
            child = self.run_full(
                omega, "accept", "--sheet", sheet, "--quick", "--progress", "none"
            )
            stdout, stderr = child.communicate(timeout=100)
        assert child.returncode == 74, stderr
        assert stderr.count("\n") == 1
        assert "neither kept on this device" in stderr
        assert "File too large" in stderr
        assert "was not posted and is not kept" in stdout
        assert omega.waiting_files() == []


class TestSeveralAtOnce:
    def test_one_measurement_at_a_time(self, site: Site) -> None:
        omega, sheet = site.enrolled("twice"), site.sheet()
        first = omega.start("accept", "--sheet", sheet, "--quick", "--json")
        first.await_phase("connectivity")
        second = accept(omega, sheet)
        assert (second.code, second.stderr.count("\n")) == (64, 1)
        assert "another measurement runs on this device" in second.stderr
        assert first.finish().json["posted"]

    @pytest.mark.slow
    def test_many_senders_post_each_record_once(self, site: Site) -> None:
        omega, sheet = site.enrolled("many senders"), site.sheet()
        with Stopped(site):
            sealed = [accept(omega, sheet).json["record_digest"] for _ in range(3)]
        with ThreadPoolExecutor(4) as pool:
            ran = list(pool.map(lambda _: omega.run("outbox", "send", "--wait", "30"), range(4)))
        assert {each.code for each in ran} <= {0, 69}
        assert omega.run("outbox", "send").code == 0
        assert sorted(each for each, _ in site.posted(sheet)) == sorted(sealed)


class TestKept:
    @pytest.mark.slow
    def test_the_proof_stays_on_the_device_and_where_it_was_asked_for(
        self, site: Site, tmp_path: Path
    ) -> None:
        omega = site.enrolled("proof")
        saved = tmp_path / "record.json"
        digest = accept(omega, site.sheet(), "--save", saved).json["record_digest"]
        kept = omega.home / "records" / f"{digest}.json"
        assert kept.read_bytes() == saved.read_bytes()
        assert parse_bundle(saved.read_bytes()).receipt is not None
        assert omega.run("verify", saved).code == 0

    @pytest.mark.slow
    def test_every_attempt_has_its_place_in_the_chain(self, site: Site) -> None:
        omega, sheet = site.enrolled("chain"), site.sheet()
        with Stopped(site):
            first = accept(omega, sheet).json["record_digest"]
        second = accept(omega, sheet)
        chain = json.loads((omega.home / "chain.json").read_text())
        assert chain == {
            "schema_version": 1,
            "seq": 2,
            "prev": second.json["record_digest"],
        }
        bundle = parse_bundle(
            (omega.home / "records" / f"{second.json['record_digest']}.json").read_bytes()
        )
        assert _record_in(bundle.record)["chain"] == {"seq": 2, "prev": first}


def _record_in(envelope: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    return content


class TestSelfTest:
    def test_a_stranger_is_judged_by_the_plan_named_and_posts_for_nobody(self, site: Site) -> None:
        stranger = site.device("stranger")
        done = stranger.run(
            *("test", "--server", site.url, "--plan", "LAB-FAST", "--json", "--progress", "none")
        )
        report = done.json
        assert (report["posted"], report["receipt"]["posted_to"]) == (True, "nobody")
        assert report["verdict_by"] == "server"
        assert (
            done.code
            == {"pass": 0, "fail": 10, "inconclusive": 11, "invalid": 12}[report["verdict"]]
        )
        assert stranger.waiting_files() == []

    @pytest.mark.slow
    def test_without_a_plan_says_what_was_measured(self, site: Site) -> None:
        stranger = site.device("curious")
        done = stranger.run("test", "--server", site.url, "--lang", "fr", "--progress", "none")
        assert done.code in {0, 12}
        assert "débit utile TCP descendant" in done.stdout
        assert "attribué à personne" in done.stdout

    def test_a_device_nobody_enrolled_may_not_accept(self, site: Site) -> None:
        done = site.device("nobody").run("accept", "--sheet", site.sheet())
        assert done.code == 64
