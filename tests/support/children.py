"""What a child process of a test needs to find what the test finds."""

from __future__ import annotations

import os
import sys


def python_path() -> dict[str, str]:
    """Return the environment in which a child finds what this process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
