"""What the agent costs a small host: time to start, time to answer --help, memory of a run.

Usage: python bench/footprint.py [--server URL]    (make bench runs it with a server of its own)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from support_bench import Table, running_server

RUNS = 7
IMPORT_LIMIT_MS = 150
HELP_LIMIT_MS = 500
MEMORY_LIMIT_MIB = 60
HEAVY = ("numpy", "scapy", "fastapi", "uvicorn", "sqlalchemy", "alembic", "jinja2")
OMEGA = Path(sysconfig.get_path("scripts"), "omega")

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
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([*argv], check=True, capture_output=True)
        spans.append(time.perf_counter() - started)
    return round(statistics.median(spans) * 1_000)


def measured(server: str) -> tuple[int, list[str]]:
    """Return the peak memory of one `omega measure` in KiB, and which heavy libraries it loaded."""
    reader, writer = os.pipe()
    argv = [sys.executable, "-c", _WATCHED, "measure", "--quick", "--json", "--server", server]
    subprocess.run(
        argv,
        check=True,
        capture_output=True,
        pass_fds=[writer],
        env={**os.environ, "TELL_FD": str(writer)},
    )
    os.close(writer)
    peak_kib, loaded = json.loads(os.read(reader, 65_536))
    os.close(reader)
    return peak_kib, loaded


def main() -> None:
    """Print the table; exit 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="measure against this server instead of one of its own")
    given = parser.parse_args().server
    bare = wall_ms([sys.executable, "-c", "pass"])
    imported = wall_ms([sys.executable, "-c", "import omega_probe.session"]) - bare
    helped = wall_ms([OMEGA, "measure", "--help"])
    if given:
        peak_kib, loaded = measured(given)
    else:
        with running_server() as server:
            peak_kib, loaded = measured(server.url)
    table = Table("Footprint of the agent", ("what", "measured", "limit"))
    table.row(
        f"import omega_probe.session, over {bare} ms of bare Python", f"{imported} ms", "150 ms"
    )
    table.row("omega measure --help", f"{helped} ms", f"{HELP_LIMIT_MS} ms")
    table.row("peak resident memory of omega measure", f"{peak_kib / 1024:.1f} MiB", "60 MiB")
    table.row("server libraries, numpy, scapy loaded by it", ", ".join(loaded) or "none", "none")
    table.print()
    too_much = imported > IMPORT_LIMIT_MS or helped > HELP_LIMIT_MS
    if too_much or peak_kib > MEMORY_LIMIT_MIB * 1024 or loaded:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
