"""Ctrl-C: the first one stops in good order, the second at once."""

from __future__ import annotations

import os
import signal

import pytest

from omega_agent.interrupts import Interrupts


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_while_measuring_the_first_only_asks_to_stop() -> None:
    interrupts = Interrupts()
    with interrupts.watched(), interrupts.gently() as stop:
        ctrl_c()
        assert stop.is_set()


def test_while_measuring_the_second_leaves_at_once() -> None:
    interrupts = Interrupts()
    with interrupts.watched(), interrupts.gently():
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_where_nothing_can_be_lost_the_first_leaves_at_once() -> None:
    interrupts = Interrupts()
    with interrupts.watched(), pytest.raises(KeyboardInterrupt):
        ctrl_c()
    assert interrupts.stop.is_set()


def test_after_measuring_it_leaves_at_once_again() -> None:
    interrupts = Interrupts()
    with interrupts.watched():
        with interrupts.gently():
            pass
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_a_polite_kill_stops_as_well() -> None:
    interrupts = Interrupts()
    with interrupts.watched(), interrupts.gently() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    interrupts = Interrupts()
    with pytest.raises(RuntimeError), interrupts.watched():
        raise RuntimeError
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
