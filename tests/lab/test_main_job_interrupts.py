"""Ctrl-C in every phase of `omega accept`, pressed on a terminal.

The exit code is 130, what was measured is in the outbox and can be sent, and the terminal is as it
was. A second Ctrl-C leaves at once.
"""

from __future__ import annotations

import signal
import time

import pytest

from lab.topology import Lab
from support.main_job import SCRIPTS, Omega, Site
from support.terminal import HIDE_CURSOR, Terminal

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(120)]

CONTROL = "Reaching the server"
PRECHECK = "Looking at this host"
CONNECTIVITY = "Reaching the test point"
IDLE = "Delay and loss on the quiet line"
DOWN, UP = "TCP goodput down", "TCP goodput up"
AT_ONCE_S = (
    2  # the machine may be busy; in good order it would take the three seconds of a last word
)


def accepting(omega: Omega, sheet: str) -> Terminal:
    argv = (SCRIPTS / "omega", "accept", "--sheet", sheet, "--lang", "en")
    return Terminal(omega.place, argv, omega.env)


def check_left(terminal: Terminal) -> None:
    """Check how it left the shell."""
    assert terminal.await_end() == 130
    assert HIDE_CURSOR in terminal.shown, "there was something to restore"
    assert terminal.is_restored, terminal.shown[-2_000:]
    assert b"Traceback" not in terminal.shown


def check_kept(site: Site, omega: Omega, sheet: str) -> None:
    """Check that one record waits, and arrives."""
    assert site.posted(sheet) == []
    (digest,) = omega.outbox()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [digest]), sent.stderr
    assert [each for each, _ in site.posted(sheet)] == [digest]
    counts = site.case("sheets", sheet)["counts"]
    assert (counts["attempts"], counts["missing"]) == (1, 0)


def test_while_the_server_is_being_reached_there_is_nothing_to_keep(
    site: Site, omega: Omega, line: Lab
) -> None:
    sheet = site.sheet()
    line.link.cut()
    with accepting(omega, sheet) as terminal:
        terminal.await_text(CONTROL)
        terminal.press_ctrl_c()
        check_left(terminal)
        assert b"omega: interrupted" in terminal.shown
    assert omega.outbox() == []
    assert site.case("sheets", sheet)["counts"]["attempts"] == 0, "no grant was used up"


@pytest.mark.parametrize("phase", [PRECHECK, IDLE, DOWN, UP])
def test_what_was_measured_until_then_is_kept(site: Site, omega: Omega, phase: str) -> None:
    sheet = site.sheet()
    with accepting(omega, sheet) as terminal:
        terminal.await_text(phase)
        terminal.press_ctrl_c()
        check_left(terminal)
        assert b"Stopped before the end; what was measured until then was kept." in terminal.shown
        assert b"Kept in the outbox" in terminal.shown
    check_kept(site, omega, sheet)


def test_while_the_test_point_is_being_reached_in_vain(site: Site, omega: Omega, line: Lab) -> None:
    sheet = site.sheet()
    with accepting(omega, sheet) as terminal:
        terminal.await_text(PRECHECK)
        line.link.cut()
        terminal.await_text(CONNECTIVITY)
        terminal.press_ctrl_c()
        check_left(terminal)
    line.link.mend()
    check_kept(site, omega, sheet)


def test_while_it_is_posted_it_leaves_at_once_and_the_record_waits(
    site: Site, omega: Omega
) -> None:
    sheet = site.sheet()
    assert site.process is not None
    with accepting(omega, sheet) as terminal:
        terminal.await_text(UP)
        site.process.send_signal(signal.SIGSTOP)
        try:
            terminal.watch_until(omega.waiting_files)
            terminal.press_ctrl_c()
            pressed = time.monotonic()
            check_left(terminal)
            assert time.monotonic() - pressed < AT_ONCE_S
        finally:
            site.process.send_signal(signal.SIGCONT)
    (digest,) = omega.outbox()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [digest])
    assert [each for each, _ in site.posted(sheet)] == [digest], "once, however often it was sent"


def test_a_second_one_leaves_at_once(site: Site, omega: Omega, line: Lab) -> None:
    """The first asks the test point for its last word, which a cut line never brings."""
    sheet = site.sheet()
    with accepting(omega, sheet) as terminal:
        terminal.await_text(DOWN)
        line.link.cut()
        terminal.press_ctrl_c()
        terminal.await_text("Ctrl-C again leaves at once")
        terminal.press_ctrl_c()
        pressed = time.monotonic()
        check_left(terminal)
        assert time.monotonic() - pressed < AT_ONCE_S
    line.link.mend()
    assert omega.outbox() == [], "so it was wanted"
    counts = site.case("sheets", sheet)["counts"]
    assert (counts["attempts"], counts["missing"]) == (1, 1), "and the sheet tells of it"


def test_a_request_to_end_is_heard_like_ctrl_c(site: Site, omega: Omega) -> None:
    """SIGTERM, as a service manager sends it; progress is not on a terminal here."""
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase("idle")
    run.signal(signal.SIGTERM)
    done = run.finish()
    assert done.code == 130, done.stderr
    assert done.json["interrupted"]
    assert done.json["waiting"]
    check_kept(site, omega, sheet)
