"""What an agent that waits costs its device: memory, processor, octets a day.

    python bench/daemon.py [--seconds N]

A real `omega-server run` and a real `omega run` on loopback. The daemon is let settle for a minute
and watched for the time that is asked for; nothing is asked of it meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support_bench import OMEGA, OMEGA_SERVER, Table, running_server

_SETTLE_S = 60
_DAY_S = 86_400


def enrolled(home: Path, url: str, data: Path) -> dict[str, str]:
    """Enrol a device in a home of its own; return its environment."""
    made = subprocess.run(
        [OMEGA_SERVER, "token", "new", "--data", data, "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    env = {**os.environ, "OMEGA_HOME": str(home)}
    token = json.loads(made.stdout)["token"]
    command = [OMEGA, "enrol", "--server", url, "--token", token]
    subprocess.run(command, check=True, capture_output=True, env=env)
    return env


def resident_kb(pid: int) -> int:
    """Return the resident set of a process."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("the daemon has gone")


def cpu_s(pid: int) -> float:
    """Return the processor time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loopback_octets() -> int:
    """Return what loopback has carried, in one direction: each packet is counted once."""
    for line in Path("/proc/self/net/dev").read_text("ascii").splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split()[1])
    raise RuntimeError("no loopback")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=300)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="omega-bench-") as folder, running_server() as server:
        env = enrolled(Path(folder), server.url, server.data)
        daemon = subprocess.Popen([OMEGA, "run"], stdout=subprocess.DEVNULL, env=env)
        try:
            time.sleep(_SETTLE_S)
            cpu, octets, began = cpu_s(daemon.pid), loopback_octets(), time.monotonic()
            time.sleep(seconds)
            took = time.monotonic() - began
            cpu, octets = cpu_s(daemon.pid) - cpu, loopback_octets() - octets
            table = Table(f"An agent that waits, over {took:.0f} s", ("", "figure"))
            table.row("resident", f"{resident_kb(daemon.pid) / 1_000:.1f} MB")
            table.row("processor", f"{100 * cpu / took:.3f} %")
            table.row("octets a day, both directions", f"{octets / took * _DAY_S / 1e6:.2f} MB")
            table.print()
        finally:
            daemon.terminate()
            sys.exit(daemon.wait())


if __name__ == "__main__":
    main()
