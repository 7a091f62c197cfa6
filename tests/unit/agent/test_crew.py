"""The measurement in a process of its own: what its last words mean."""

from __future__ import annotations

import queue
import signal
import sys
from pathlib import Path

import pytest

from omega_agent.daemon.crew import Crew, Outcome, ending_of
from omega_agent.daemon.foreman import Ending
from omega_core.models import model_bytes
from support.instructions import instruction

DIGEST = "ab" * 32
_WAIT_S = 20


def test_what_it_said() -> None:
    said = model_bytes(Outcome(record_digest=DIGEST, octets=7)) + b"\n"
    assert ending_of(said, b"", 0, was_stopped=False) == (Ending(record_digest=DIGEST), 7)


def test_that_the_device_was_busy() -> None:
    said = model_bytes(Outcome(device_was_busy=True))
    assert ending_of(said, b"", 0, was_stopped=False) == (Ending(device_was_busy=True), 0)


@pytest.mark.parametrize("said", [b"", b"Traceback", b'{"record_digest": 5}', b'{"code": "A B"}'])
def test_one_that_says_nothing_was_broken_off(said: bytes) -> None:
    ending, octets = ending_of(said, b"Traceback\nKeyError: 'x'\n", 1, was_stopped=True)
    assert (ending.code, ending.detail) == ("broken_off", "status 1: KeyError: 'x'")
    assert ending.was_stopped
    assert octets == 0


def run(program: str, home: Path, *, stop: bool = False) -> tuple[str, Ending, int]:
    """Let a child be this program; return what the crew tells of it."""
    told: queue.SimpleQueue[tuple[str, Ending, int]] = queue.SimpleQueue()
    crew = Crew(
        home,
        lambda name, ending, octets: told.put((name, ending, octets)),
        command=(sys.executable, "-c", program),
    )
    crew.begin(instruction(), ("198.51.100.0/24",))
    if stop:
        crew.stop()
    return told.get(timeout=_WAIT_S)


ECHO = f"""
import json, sys
told = json.load(sys.stdin)
said = {{"record_digest": "{DIGEST}", "code": told["instruction"]["kind"],
        "detail": sys.argv[1] + " " + told["targets"][0], "device_was_busy": False, "octets": 5}}
print(json.dumps(said))
"""


def test_it_is_told_and_heard(tmp_path: Path) -> None:
    name, ending, octets = run(ECHO, tmp_path)
    assert (name, octets) == ("i-001", 5)
    assert ending == Ending(
        record_digest=DIGEST, code="measure", detail=f"{tmp_path} 198.51.100.0/24"
    )


def test_it_is_stopped(tmp_path: Path) -> None:
    name, ending, _ = run("import time; time.sleep(60)", tmp_path, stop=True)
    assert (name, ending.code, ending.was_stopped) == ("i-001", "broken_off", True)
    assert f"status {-signal.SIGTERM}" in (ending.detail or "")


def test_stopping_nobody(tmp_path: Path) -> None:
    Crew(tmp_path, lambda *_: None).stop()
