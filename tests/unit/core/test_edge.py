"""What the shell sees: every exit code from a real process, every line on its own stream."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from omega_core.edge import leave_with, one_line
from omega_core.errors import (
    ExitCode,
    OmegaError,
    PeerBrokeProtocolError,
    RefusedError,
    StorageError,
    UnreachableError,
    UsageError,
)
from omega_core.verdict import EXIT_CODE_OF_VERDICT, Verdict


def test_exit_codes_are_documented_numbers_and_never_renumbered() -> None:
    assert {each.name: each.value for each in ExitCode} == {
        "ACCEPTED": 0,
        "REJECTED": 10,
        "INCONCLUSIVE": 11,
        "INVALID": 12,
        "NOT_TRUSTED": 20,
        "NOT_VALID": 21,
        "USAGE": 64,
        "UNAVAILABLE": 69,
        "INTERNAL": 70,
        "STORAGE": 74,
        "INTERRUPTED": 130,
        "OUTPUT_CLOSED": 141,
    }


def test_every_verdict_has_its_own_exit_code() -> None:
    assert {
        Verdict.PASS: ExitCode.ACCEPTED,
        Verdict.FAIL: ExitCode.REJECTED,
        Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        Verdict.INVALID: ExitCode.INVALID,
    } == EXIT_CODE_OF_VERDICT
    assert {1, 2}.isdisjoint(set(ExitCode)), "Python and typer use 1 and 2"


@dataclass(frozen=True)
class Left:
    """How a process ended."""

    code: int
    out: str
    err: str


def leave(
    body: str,
    *,
    command_line: str = '"$0" -c "$1"',
    unbuffered: bool = False,
    keep: int | None = None,
) -> Left:
    """Run a command written as the body of a function, its streams tied by `command_line`."""
    program = (
        "import sys\n"
        "from omega_core.edge import leave_with\n"
        "from omega_core.errors import *\n"
        f"def command():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "leave_with('omega', command)\n"
    )
    finished = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command_line}", sys.executable, program],
        check=False,
        capture_output=True,
        text=True,
        pass_fds=() if keep is None else (keep,),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONUNBUFFERED": "1" if unbuffered else "",
        },
    )
    return Left(finished.returncode, finished.stdout, finished.stderr)


@pytest.mark.parametrize(
    ("body", "code", "err"),
    [
        pytest.param("return 0", 0, "", id="accepted"),
        pytest.param("return ExitCode.REJECTED", 10, "", id="rejected"),
        pytest.param(
            "raise UsageError('no such\\n  sheet')",
            64,
            "omega: no such sheet (whoever typed the command: correct it)\n",
            id="an expected error is one line that says who acts",
        ),
        pytest.param(
            "raise RefusedError('busy', 'the test point is busy', 'try again in a minute')",
            64,
            "omega: the test point is busy (try again in a minute)\n",
            id="the server says who acts",
        ),
        pytest.param("raise KeyboardInterrupt", 130, "omega: interrupted\n", id="Ctrl-C"),
        pytest.param(
            "raise OSError(28, 'No space left on device')",
            74,
            "omega: nothing more can be written: No space left on device\n",
            id="disk full, wherever it was noticed",
        ),
    ],
)
def test_process_leaves_with(body: str, code: int, err: str) -> None:
    assert leave(body) == Left(code, "", err)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("return 1 // 0", id="a defect"),
        pytest.param("raise OSError(5, 'Input/output error')", id="an unexpected system error"),
    ],
)
def test_defect_leaves_a_trace_and_no_verdict(body: str) -> None:
    left = leave(body)
    assert left.code == ExitCode.INTERNAL
    assert "Traceback" in left.err


REJECTED_AFTER_OUTPUT = "print('x' * 100)\nreturn 10"


@pytest.mark.parametrize("unbuffered", [False, True], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("body", "command_line", "code", "lines"),
    [
        pytest.param(
            "for _ in range(10**6): print('x' * 100)\nreturn 10",
            '"$0" -c "$1" | head -1 >/dev/null; exit ${PIPESTATUS[0]}',
            141,
            1,
            id="the reader leaves before the verdict: never accepted",
        ),
        pytest.param(REJECTED_AFTER_OUTPUT, '"$0" -c "$1" >&-', 10, 0, id="no output wanted"),
        pytest.param(REJECTED_AFTER_OUTPUT, '"$0" -c "$1" 2>&-', 10, 0, id="no errors wanted"),
        pytest.param(
            "raise UsageError('x')", '"$0" -c "$1" >&- 2>&-', 64, 0, id="nothing wanted at all"
        ),
    ],
)
def test_output_that_nobody_takes_never_changes_a_verdict(
    body: str, command_line: str, code: int, lines: int, *, unbuffered: bool
) -> None:
    left = leave(body, command_line=command_line, unbuffered=unbuffered)
    assert (left.code, left.err.count("\n")) == (code, lines), left.err


@pytest.mark.parametrize("unbuffered", [False, True], ids=["buffered", "unbuffered"])
def test_a_full_disk_under_the_output_is_never_a_verdict(
    full_device: Path, *, unbuffered: bool
) -> None:
    left = leave(
        REJECTED_AFTER_OUTPUT, command_line=f'"$0" -c "$1" > {full_device}', unbuffered=unbuffered
    )
    assert (left.code, left.err.count("\n")) == (74, 1), left.err


def test_a_reader_that_is_gone_when_the_verdict_is_written_changes_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        left = leave(REJECTED_AFTER_OUTPUT, command_line=f'"$0" -c "$1" >&{writing}', keep=writing)
    finally:
        os.close(writing)
    assert left == Left(10, "", "")


@pytest.mark.parametrize(
    ("error", "code", "actor"),
    [
        pytest.param(UnreachableError("no answer"), ExitCode.UNAVAILABLE, "technician"),
        pytest.param(UsageError("no sheet"), ExitCode.USAGE, "whoever typed"),
        pytest.param(StorageError("full"), ExitCode.STORAGE, "operator"),
        pytest.param(PeerBrokeProtocolError("odd"), ExitCode.UNAVAILABLE, "same version"),
        pytest.param(RefusedError("busy", "busy", "wait"), ExitCode.USAGE, "wait"),
        pytest.param(OmegaError("odd"), ExitCode.INTERNAL, "developers"),
    ],
)
def test_every_error_has_a_code_and_an_actor(
    error: OmegaError, code: ExitCode, actor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise error

    with pytest.raises(SystemExit) as leaving:
        leave_with("omega", command)
    assert leaving.value.code == code
    line = capsys.readouterr().err
    assert actor in line
    assert line.count("\n") == 1


def test_the_programs_own_exit_is_left_alone() -> None:
    def command() -> int:
        raise SystemExit(64)

    with pytest.raises(SystemExit) as leaving:
        leave_with("omega", command)
    assert leaving.value.code == 64


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        pytest.param("la ligne\nest\t coupée", "la ligne est coupée", id="one line, in French"),
        pytest.param("\x1b[2Jforged", "?[2Jforged", id="an escape sequence of a hostile server"),
        pytest.param("25\u202f% \u2028of it", "25 % of it", id="spaces that are not spaces"),
        pytest.param("a\u202eb\x00c\udc80", "a?b?c?", id="nothing that turns or ends the text"),
    ],
)
def test_text_from_elsewhere_cannot_steer_the_terminal(detail: str, expected: str) -> None:
    assert one_line(RefusedError("x", detail, "wait")) == f"{expected} (wait)"
