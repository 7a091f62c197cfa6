"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.units import NS_PER_US

START_UNIX_US = 1_790_000_000_000_000
"""2026-09-21 14:13:20 UTC: when every story of the tests begins."""


@dataclass
class HandClock:
    """Keeps the promises of `omega_core.clock.Clock`; time passes when `pass_ns` is called."""

    at_monotonic_ns: int = 1_000_000_000
    at_unix_ns: int = START_UNIX_US * NS_PER_US
    asleep_ns: int = 0

    def monotonic_ns(self) -> int:
        return self.at_monotonic_ns

    def unix_us(self) -> int:
        return self.at_unix_ns // NS_PER_US

    def boottime_ns(self) -> int:
        return self.at_monotonic_ns + self.asleep_ns

    def pass_ns(self, duration_ns: int) -> None:
        """Let time pass on every clock."""
        self.at_monotonic_ns += duration_ns
        self.at_unix_ns += duration_ns

    def step_unix_us(self, step_us: int) -> None:
        """Let somebody set the wall clock, forwards or back."""
        self.at_unix_ns += step_us * NS_PER_US

    def sleep_ns(self, duration_ns: int) -> None:
        """Suspend the machine: its monotonic clock does not notice."""
        self.asleep_ns += duration_ns
        self.at_unix_ns += duration_ns
