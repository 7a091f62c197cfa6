"""What the kill trial calls a fault: without this it might find none because it looks for none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from omega_server.connectors.diagnostic import mark_of
from support.kill_trial import faults_of

DIGEST, OTHER = "a" * 64, "b" * 64
Seen = dict[str, Any]


def well() -> Seen:
    steps = ("asked", "begun", "done")
    return {
        "case": {
            "records": [{"digest": DIGEST}],
            "events": [{"kind": "diagnosis", "content": {"step": step}} for step in steps],
        },
        "told": {"has_ended": True, "state": "done", "record_digest": DIGEST},
        "texts": [f"slow line {mark_of(DIGEST)}, says the probe"],
    }


def test_an_instruction_that_was_carried_out_once_has_no_fault() -> None:
    assert list(faults_of(**well())) == []


def test_nor_has_one_that_failed_and_left_nothing() -> None:
    seen = well()
    seen["case"]["records"].clear()
    seen["texts"].clear()
    seen["case"]["events"][-1]["content"]["step"] = "failed"
    seen["told"] = {"has_ended": True, "state": "failed", "record_digest": None}
    assert list(faults_of(**seen)) == []


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        pytest.param(lambda seen: seen["told"].update(has_ended=False), "lost", id="lost"),
        pytest.param(
            lambda seen: seen["told"].update(record_digest=OTHER), "missing", id="no record"
        ),
        pytest.param(
            lambda seen: seen["case"]["records"].append({"digest": OTHER}),
            "2 records",
            id="carried out twice",
        ),
        pytest.param(
            lambda seen: seen["case"]["events"].append(seen["case"]["events"][0]),
            "the log tells",
            id="asked twice",
        ),
        pytest.param(
            lambda seen: seen["case"]["events"].pop(), "the log tells", id="the log has no end"
        ),
        pytest.param(lambda seen: seen["texts"].clear(), "shown", id="not shown"),
        pytest.param(
            lambda seen: seen["texts"].append(seen["texts"][0]), "shown", id="shown twice"
        ),
    ],
)
def test_what_is_lost_or_doubled_is_seen(spoil: Callable[[Seen], object], word: str) -> None:
    seen = copy.deepcopy(well())
    spoil(seen)
    faults = list(faults_of(**seen))
    assert any(word in each for each in faults), faults
