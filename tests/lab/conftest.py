"""Tests of the lab skip, with the reason, where there can be no lab."""

from __future__ import annotations

from lab.pytest_support import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]
