"""All benches, one after the other; each also runs alone. `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHES = (
    *("loopback.py", "udp.py", "sessions.py", "footprint.py", "collector.py", "log.py"),
    "verify.py",
)


def main() -> None:
    """Run each bench and leave with the worst of their codes."""
    folder = Path(__file__).parent
    codes = [
        subprocess.run([sys.executable, folder / name], check=False).returncode for name in BENCHES
    ]
    raise SystemExit(max(codes))


if __name__ == "__main__":
    main()
