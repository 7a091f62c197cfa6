"""The moving display leaves the terminal as it found it, wherever Ctrl-C meets it."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable
from io import StringIO

import pytest

from omega_agent.display_bar import BarDisplay
from omega_agent.texts import Speaker
from omega_probe.events import PhaseStarted
from omega_probe.giving_way import GIVES_WAY_AFTER_S

SHOWN, HIDDEN = "\x1b[?25h", "\x1b[?25l"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(name="at_exit")
def at_exit_fixture(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What the program would do at its end."""
    registered: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    monkeypatch.setattr(atexit, "unregister", registered.remove)
    return registered


def shows_cursor(terminal: Terminal) -> bool:
    return terminal.getvalue().rfind(SHOWN) > terminal.getvalue().rfind(HIDDEN)


def display_on(terminal: Terminal) -> BarDisplay:
    return BarDisplay(Speaker("en"), threading.Event(), terminal)


def test_the_cursor_is_hidden_while_it_moves_and_shown_afterwards(
    at_exit: list[Callable[[], None]],
) -> None:
    terminal = Terminal()
    with display_on(terminal) as display:
        display.emit(PhaseStarted(task="idle", expected_us=1_000_000))
        assert not shows_cursor(terminal)
    assert shows_cursor(terminal)
    assert not at_exit


@pytest.mark.usefixtures("at_exit")
def test_what_draws_it_gives_way_to_packets_that_are_due() -> None:
    before_s = sys.getswitchinterval()
    with display_on(Terminal()):
        assert sys.getswitchinterval() == pytest.approx(GIVES_WAY_AFTER_S)
    assert sys.getswitchinterval() == before_s


def test_an_interrupt_while_it_ends_leaves_that_to_the_end_of_the_program(
    at_exit: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    display = display_on(terminal)

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(display._progress, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt), display:
        pass
    assert not shows_cursor(terminal)
    for each in at_exit:
        each()
    assert shows_cursor(terminal)


def test_a_terminal_that_is_gone_is_left_in_peace(at_exit: list[Callable[[], None]]) -> None:
    terminal = Terminal()
    with display_on(terminal):
        leaving = at_exit[:]
    terminal.close()
    for each in leaving:
        each()
