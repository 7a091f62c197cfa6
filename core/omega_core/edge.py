"""Where a program meets the shell: run a command, leave with a documented code, always."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from omega_core.errors import ExitCode, OmegaError

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_PARSER_WRONG_USAGE = 2


def leave_with(program: str, command: Callable[[], int]) -> NoReturn:
    """Run `command` and end the process.

    An expected error becomes one line on stderr and its code. Ctrl-C leaves with 130, a reader that
    went away before the command had ended (`omega ... | head`) with 141. A defect leaves with a
    trace and 70, so that it can't be taken for a verdict.
    """
    try:
        code = command()
    except OmegaError as error:
        _say(program, one_line(error))
        code = error.exit_code
    except KeyboardInterrupt:
        _say(program, "interrupted")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        _say(program, "the reader of the output went away")
        code = ExitCode.OUTPUT_CLOSED
    except Exception as error:  # noqa: BLE001 - the last stop: a defect must not leave like a verdict
        code = _leave_trace(program, error)
    raise SystemExit(int(_after_output(program, code)))


def code_of_parser(leaving: SystemExit) -> int:
    """Return with which of our codes a parser of command lines has left.

    It takes a reader that went away for an end of its own; that one is raised again, for
    `leave_with`.
    """
    if isinstance(leaving.__context__, BrokenPipeError):
        raise leaving.__context__
    code = leaving.code if isinstance(leaving.code, int) else ExitCode.INTERNAL
    return ExitCode.USAGE if code == _PARSER_WRONG_USAGE else code


def one_line(error: OmegaError) -> str:
    """Return the error and who can mend it, on one line.

    Part of it may have come from a server: what could steer a terminal is replaced.
    """
    line = " ".join(f"{error} ({error.who_acts})".split())
    return "".join(each if each.isprintable() else "?" for each in line)


def _leave_trace(program: str, error: Exception) -> ExitCode:
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        _say(program, f"nothing more can be written: {os.strerror(error.errno)}")
        return ExitCode.STORAGE
    traceback.print_exc()
    return ExitCode.INTERNAL


def _after_output(program: str, code: int) -> int:
    """Write what is still buffered, and return the code to leave with.

    The interpreter would do it later, and turn a failure into a trace and code 120. A reader that
    went away does not change what the command came to; a full disk has lost the result.
    """
    try:
        if sys.stdout is not None:  # None when the shell closed it: `omega ... >&-`
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return code
        _say(program, f"the output was not written: {os.strerror(error.errno or 0)}")
        return ExitCode.STORAGE
    return code


def _say(program: str, line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{program}: {line}\n")
