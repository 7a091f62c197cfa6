"""What the agent costs a small host: time to start, time to answer --help, memory of a run.

Usage: python bench/footprint.py [--server URL]    (make bench runs it with a server of its own)

Everything is run once before it is measured, and may keep what it compiled: an installed program
has its byte code, and a process that compiles takes twice the time and 4 MB more.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from support_bench import Table, running_server

RUNS = 7
IMPORT_LIMIT_MS = 150
HELP_LIMIT_MS = 500
MEMORY_LIMIT_MB = 60
HEAVY = ("numpy", "scapy", "fastapi", "uvicorn", "sqlalchemy", "alembic", "jinja2")
OMEGA = Path(sysconfig.get_path("scripts"), "omega")
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

# Runs the command in this interpreter and says at its end what was loaded and how much memory the
# process took at most (KiB on Linux).
_WATCHED = f"""
import atexit, json, os, resource, sys
def tell():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    os.write(int(os.environ["TELL_FD"]), json.dumps([peak, loaded]).encode())
atexit.register(tell)
from omega_agent.cli import main
main()
"""


def wall_ms(argv: Sequence[str | Path]) -> int:
    """Return the median wall time of a command, in milliseconds."""
    spans: list[float] = []
    for _ in range(1 + RUNS):
        started = time.perf_counter()
        subprocess.run([*argv], check=True, capture_output=True, env=ENVIRONMENT)
        spans.append(time.perf_counter() - started)
    return round(statistics.median(spans[1:]) * 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one `omega measure` took at most, and which heavy libraries it loaded."""

    peak_mb: float
    loaded: list[str]


def measured(server: str, *, on_terminal: bool) -> Run:
    """Return the second of two runs, with a progress display or with --json."""
    _one_run(server, on_terminal=on_terminal)
    return _one_run(server, on_terminal=on_terminal)


def _one_run(server: str, *, on_terminal: bool) -> Run:
    argv = [sys.executable, "-c", _WATCHED, "measure", "--quick", "--server", server]
    reader, writer = os.pipe()
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        argv if on_terminal else [*argv, "--json"],
        stdout=terminal if on_terminal else subprocess.DEVNULL,
        stderr=terminal if on_terminal else subprocess.DEVNULL,
        pass_fds=[writer],
        env={**ENVIRONMENT, "TELL_FD": str(writer), "TERM": "xterm-256color"},
    ) as process:
        os.close(writer)
        os.close(terminal)
        with suppress(OSError):  # how a terminal says that nobody writes any more
            while os.read(controller, 65_536):
                continue
    os.close(controller)
    peak_kib, loaded = json.loads(os.read(reader, 65_536))
    os.close(reader)
    if process.returncode:
        raise RuntimeError(f"omega measure left with {process.returncode}")
    return Run(peak_mb=peak_kib * 1024 / 10**6, loaded=loaded)


def main() -> None:
    """Print the table; exit 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="measure against this server instead of one of its own")
    given = parser.parse_args().server
    bare = wall_ms([sys.executable, "-c", "pass"])
    imported = wall_ms([sys.executable, "-c", "import omega_probe.session"]) - bare
    helped = wall_ms([OMEGA, "measure", "--help"])
    with nullcontext() if given else running_server() as server:
        url = given if server is None else server.url
        runs = {on: measured(url, on_terminal=on) for on in (False, True)}
    loaded = sorted({name for run in runs.values() for name in run.loaded})
    table = Table("Footprint of the agent", ("what", "measured", "limit"))
    table.row(
        f"import omega_probe.session, over {bare} ms of bare Python", f"{imported} ms", "150 ms"
    )
    table.row("omega measure --help", f"{helped} ms", f"{HELP_LIMIT_MS} ms")
    for on_terminal, run in runs.items():
        how = "on a terminal" if on_terminal else "--json"
        what = f"peak resident memory of omega measure, {how}"
        table.row(what, f"{run.peak_mb:.1f} MB", f"{MEMORY_LIMIT_MB} MB")
    table.row("server libraries, numpy, scapy loaded by it", ", ".join(loaded) or "none", "none")
    table.print()
    too_much = imported > IMPORT_LIMIT_MS or helped > HELP_LIMIT_MS
    if too_much or loaded or any(run.peak_mb >= MEMORY_LIMIT_MB for run in runs.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
