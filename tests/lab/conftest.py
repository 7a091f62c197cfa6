"""The `lab` fixture; tests marked `lab` skip, with the reason, where there can be none."""

from __future__ import annotations

from lab.pytest_support import lab, pytest_runtest_setup

__all__ = ["lab", "pytest_runtest_setup"]
