"""A program whose output nobody reads, as in `omega outbox | head -0`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def unread(argv: Sequence[str | Path], env: Mapping[str, str]) -> tuple[int, str]:
    """Run it into a pipe whose reader has left; return exit code and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            argv,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            check=False,
            timeout=30,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr
