"""When a schedule is due, and what is done about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_agent.daemon.memory import Memory
from omega_agent.daemon.timetable import Timetable, due_after
from omega_core.instruction import CheckInAnswer, Schedule
from omega_core.limits import SCHEDULE_S_MAX, SCHEDULE_S_MIN
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from support.store_rows import NOW

AGENT_ID = "MA-000001"
HOUR_S = 3_600
HOUR_US = HOUR_S * US_PER_S


def schedule(every_s: int = HOUR_S, **changes: Any) -> Schedule:  # noqa: ANN401 - fields of the model
    fields: dict[str, Any] = {
        "schedule_id": "s-1",
        "every_s": every_s,
        "mode": Mode.QUICK,
        "plan_id": "P-1",
        "bytes_down": 1_000_000,
        "bytes_up": 500_000,
        "calm_s": 60,
    }
    return Schedule(**{**fields, **changes})


def answer(told: Schedule | None, *, whole: bool = True, now_unix_us: int = NOW) -> CheckInAnswer:
    return CheckInAnswer(
        agent_id=AGENT_ID,
        nonce="n" * 22,
        now_unix_us=now_unix_us,
        proof="p",
        return_spread_s=5,
        schedule_id=None if told is None else told.schedule_id,
        schedule=told if whole else None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon.json"


@given(
    every_s=st.integers(SCHEDULE_S_MIN, SCHEDULE_S_MAX),
    at=st.integers(0, 2**52),
    agent=st.integers(1, 10**6),
)
def test_it_is_due_once_in_each_period(every_s: int, at: int, agent: int) -> None:
    kept, name = schedule(every_s), f"MA-{agent:06}"
    due = due_after(kept, name, at)
    assert at < due <= at + every_s * US_PER_S
    assert due_after(kept, name, due) == due + every_s * US_PER_S
    assert due_after(kept, name, due - 1) == due


def test_a_thousand_agents_are_spread_evenly() -> None:
    kept = schedule()
    minutes = [0] * 60
    for number in range(1_000):
        since_us = due_after(kept, f"MA-{number:06}", NOW) - NOW - 1
        minutes[since_us * 60 // HOUR_US] += 1
    assert max(minutes) < 40, "of 17 in each minute"
    assert min(minutes) > 2


def test_what_the_server_says_is_kept_and_followed(path: Path) -> None:
    table = Timetable(Memory(path), AGENT_ID)
    assert (table.take(answer(schedule())), table.take(answer(schedule()))) == (True, False)
    due = table.due_unix_us
    assert due is not None
    assert table.take_due(due - 1) is None
    taken = table.take_due(due)
    assert taken is not None
    assert (taken.purpose, taken.mode, taken.bytes_down) == ("sweep", Mode.QUICK, 1_000_000)
    assert taken.not_after_unix_us == due + HOUR_US
    assert table.take_due(due) is None, "it is taken once"
    assert Timetable(Memory(path), AGENT_ID).due_unix_us == due + HOUR_US


def test_an_answer_that_only_names_it_changes_nothing_and_one_without_ends_it(path: Path) -> None:
    table = Timetable(Memory(path), AGENT_ID)
    table.take(answer(schedule()))
    assert not table.take(answer(schedule(), whole=False))
    assert table.schedule == schedule()
    assert table.take(answer(None))
    assert (table.due_unix_us, table.take_due(NOW * 2)) == (None, None)


def test_what_was_missed_while_it_was_off_is_due_once(path: Path) -> None:
    table = Timetable(Memory(path), AGENT_ID)
    table.take(answer(schedule()))
    later = NOW + 1_000 * HOUR_US
    assert table.take_due(later) is not None
    assert table.take_due(later + 1) is None


def test_a_clock_that_was_ahead_is_forgotten(path: Path) -> None:
    table = Timetable(Memory(path), AGENT_ID)
    table.take(answer(schedule(), now_unix_us=NOW + 10_000 * HOUR_US))
    assert table.take_due(NOW) is None
    assert table.take_due(NOW + HOUR_US) is not None


def test_its_own_clock_will_do_where_it_is_not_behind_what_was_seen(path: Path) -> None:
    table = Timetable(Memory(path), AGENT_ID)
    assert not table.trusts(NOW), "there is nothing to do"
    table.take(answer(schedule()))
    assert table.trusts(NOW)
    assert not table.trusts(NOW - 1)
    assert not table.trusts(0), "1970"
