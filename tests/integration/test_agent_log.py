"""The transparency log between real programs: proofs that are kept, a log that was rewritten."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from omega_core.bundle import parse_bundle
from omega_core.log.checkpoint import parse_checkpoint
from support.main_job import SCRIPTS, Site, leave_waiting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # processes, and servers that restart


def test_a_record_that_was_posted_is_proved_by_what_stands_on_the_device(site: Site) -> None:
    omega = site.enrolled("proved")
    digest = leave_waiting(omega, site.sheet())
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"], sent.stderr) == (0, [digest], "")
    kept = omega.home / "records" / f"{digest}.json"
    assert parse_bundle(kept.read_bytes()).proof is not None
    verified = omega.run("verify", kept, "--json")
    assert verified.code == 0
    assert {"log_leaf", "log_path", "checkpoint_signature"} <= set(verified.json["passed"])
    assert "Dans le journal omega-log/" in omega.run("verify", kept, "--lang", "fr").stdout
    status, note = site.ask("GET", "/v1/log/checkpoint")
    assert status == 200
    assert parse_checkpoint(note.decode()).checkpoint.size == verified.json["log"]["size"]
    assert site.operate("log", "check")["differences"] == []


def test_a_server_that_was_set_back_is_told_and_the_record_is_posted(
    site: Site, tmp_path: Path
) -> None:
    omega, other = site.enrolled("before"), site.enrolled("after")
    site.stop()
    copy_database(site.data, tmp_path)
    site.start()
    forgotten = leave_waiting(omega, site.sheet())
    assert omega.run("outbox", "send", "--json").json["posted"] == [forgotten]
    site.stop()
    copy_database(tmp_path, site.data)
    for kept in site.data.glob("log-*.checkpoint"):
        kept.unlink()  # else the server would not start
    site.start()
    leave_waiting(other, site.sheet())
    assert other.run("outbox", "send").stderr == "", "who has seen nothing before can't tell"
    digest = leave_waiting(omega, site.sheet())
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [digest])
    assert "WARNING: the log omega-log/" in sent.stderr
    (evidence,) = (omega.home / "log").glob("*.evidence.json")
    assert str(evidence) in sent.stderr
    older = tmp_path / "older.checkpoint"
    older.write_text(json.loads(evidence.read_text("utf-8"))["older"], "utf-8")
    checked = subprocess.run(
        [SCRIPTS / "omega-server", "log", "check", "--data", site.data, "--checkpoint", older],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, "rewritten" in checked.stdout) == (21, True)


def copy_database(source: Path, target: Path) -> None:
    """Put a stopped server's database in the place of another."""
    for path in target.glob("omega.sqlite*"):
        path.unlink()
    for path in source.glob("omega.sqlite*"):
        shutil.copy(path, target)
