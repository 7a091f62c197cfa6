"""Ctrl-C in every phase of a real run: what was measured is kept, the terminal is given back."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from support.main_job import Omega, Site, wait_until

PHASES = (
    pytest.param("precheck", marks=pytest.mark.slow),
    "connectivity",
    pytest.param("idle", marks=pytest.mark.slow),
    pytest.param("goodput_down", marks=pytest.mark.slow),
    "goodput_up",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # processes that measure
OMEGA = Path(sys.executable).parent / "omega"


class TestAccept:
    @pytest.mark.parametrize("phase", PHASES)
    def test_the_first_one_keeps_what_was_measured(
        self, site: Site, omega: Omega, phase: str
    ) -> None:
        sheet = site.sheet()
        running = omega.start("accept", "--sheet", sheet, "--quick", "--json")
        running.await_phase(phase)
        running.signal(signal.SIGINT)
        done = running.finish()
        assert done.code == 130, done.stderr
        report = done.json
        assert (report["interrupted"], report["posted"], report["waiting"]) == (True, False, True)
        assert "interrupted" in {
            each["reason"] for each in report["measurement"]["metrics"].values()
        }
        assert omega.outbox() == [report["record_digest"]]
        assert omega.run("outbox", "send").code == 0
        assert [digest for digest, _ in site.posted(sheet)] == [report["record_digest"]]
        assert omega.outbox() == []

    def test_before_there_is_a_session_nothing_is_left(self, site: Site, omega: Omega) -> None:
        running = omega.start("accept", "--sheet", site.sheet(), "--quick", "--json")
        running.await_phase("control")
        running.signal(signal.SIGINT)
        done = running.finish()
        assert (done.code, done.stdout) == (130, "")
        assert done.last_line == "omega: interrupted"
        assert omega.outbox() == []

    def test_the_second_one_leaves_at_once(self, site: Site, omega: Omega) -> None:
        running = omega.start("accept", "--sheet", site.sheet(), "--quick", "--json")
        running.await_phase("idle")
        os.kill(running.child.pid, signal.SIGINT)
        os.kill(running.child.pid, signal.SIGINT)
        started = time.monotonic()
        done = running.finish()
        assert done.code == 130
        assert time.monotonic() - started < 3

    def test_a_polite_kill_keeps_what_was_measured_too(self, site: Site, omega: Omega) -> None:
        running = omega.start("accept", "--sheet", site.sheet(), "--quick", "--json")
        running.await_phase("idle")
        running.signal(signal.SIGTERM)
        done = running.finish()
        assert (done.code, done.json["waiting"]) == (130, True)
        assert omega.run("outbox", "send").code == 0


class TestPosting:
    def test_what_is_safe_is_shown_and_sent_later(self, site: Site, omega: Omega) -> None:
        """The server hangs while the record is posted, and the technician has seen enough."""
        sheet = site.sheet()
        running = omega.start("accept", "--sheet", sheet, "--quick", "--json")
        running.await_event("phase_ended", task="finish")
        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(omega.waiting_files)
            time.sleep(0.5)  # the record is in the outbox; now the agent waits for an answer
            running.signal(signal.SIGINT)
            done = running.finish()
        finally:
            site.process.send_signal(signal.SIGCONT)
        assert done.code == 130, done.stderr
        report = done.json
        assert (report["waiting"], report["interrupted"]) == (True, True)
        assert report["verdict_by"] == "agent"
        assert omega.run("outbox", "send", "--wait", "30").code == 0
        assert [digest for digest, _ in site.posted(sheet)] == [report["record_digest"]]


class TestMeasure:
    @pytest.mark.parametrize("phase", ["idle", "capacity_up"])
    def test_prints_what_was_measured(self, site: Site, phase: str) -> None:
        stranger = site.device("stranger")
        running = stranger.start("measure", "--server", site.url, "--quick", "--json")
        running.await_phase(phase)
        running.signal(signal.SIGINT)
        done = running.finish()
        assert done.code == 130
        metrics = done.json["metrics"]
        assert metrics["reachable_ppm"]["value"] == 1_000_000
        assert (metrics["capacity_bps_down"]["value"] is not None) is (phase == "capacity_up")
        assert metrics["capacity_bps_up"]["value"] is None

    def test_people_are_told_that_it_was_heard(self, site: Site) -> None:
        stranger = site.device("stranger")
        running = stranger.start("measure", "--server", site.url, "--quick")
        running.await_phase("idle")
        running.signal(signal.SIGINT)
        done = running.finish()
        assert '"Stopping; what was measured is kept' in done.stderr


@pytest.mark.parametrize("times", [1, 2])
def test_the_terminal_is_given_back(site: Site, times: int) -> None:
    """On a real terminal, by its own Ctrl-C: the cursor is shown and its settings are as before."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [OMEGA, "measure", "--server", site.url, "--quick"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - the child has one thread, and only asks for it
        env={**site.device("stranger").env, "TERM": "xterm"},
    )
    written = _read_until(ours, "Delay and loss")
    for _ in range(times):
        os.write(ours, b"\x03")
    written += _read_until(ours, None, child)
    assert child.wait(30) == 130
    shown, hidden = written.rfind("\x1b[?25h"), written.rfind("\x1b[?25l")
    assert shown > hidden >= 0
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    os.close(ours)


def _take_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the child only

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_until(
    terminal: int, words: str | None, child: subprocess.Popen[bytes] | None = None
) -> str:
    """Return what appears on a terminal until some words, or until the child has ended."""
    written = ""
    os.set_blocking(terminal, False)
    while words is None or not re.search(words, written):
        try:
            written += os.read(terminal, 65_536).decode("utf-8", "replace")
        except BlockingIOError:
            if child is not None and child.poll() is not None:
                return written
            time.sleep(0.02)
        except OSError:
            return written
    return written
