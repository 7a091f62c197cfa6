"""Where a program meets the shell: run a command, leave with a documented code, always."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from omega_core.errors import ExitCode, OmegaError


def leave_with(program: str, command: Callable[[], int]) -> NoReturn:
    """Run `command` and end the process.

    An expected error becomes one line on stderr and its code. Ctrl-C leaves with 130. A defect
    leaves with a trace and 70, so that it can't be taken for a verdict.
    """
    try:
        code = command()
    except OmegaError as error:
        sys.stderr.write(f"{program}: {one_line(error)}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: interrupted\n")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output went away (`omega ... | head`); writing to it again at exit would
        # only add a trace.
        sys.stdout = sys.stderr
        code = ExitCode.ACCEPTED
    except Exception:  # noqa: BLE001 - the last stop: a defect must not leave like a verdict
        traceback.print_exc()
        code = ExitCode.INTERNAL
    raise SystemExit(int(code))


def one_line(error: OmegaError) -> str:
    """Return the error and who can mend it, on one line."""
    return f"{' '.join(str(error).split())} ({error.who_acts})"
