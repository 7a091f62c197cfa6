"""The tables of `make accuracy`: several runs a line, each line with whether all of them hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias

from support_bench import Table

MBPS = 1_000_000
MS = 1_000
PPM = 1_000_000

Result: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Findings:
    """The tables in the order in which they are printed, and the lines that do not hold."""

    broken: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def table(self, title: str, heads: Sequence[str]) -> Table:
        """Begin a table."""
        self.tables.append(Table(title, heads))
        return self.tables[-1]

    def verdict(self, line: str, holding: Sequence[bool]) -> str:
        """Return "5 of 5" for the table, and remember a line of which not all hold."""
        if not holding or not all(holding):
            self.broken.append(line)
        return f"{sum(holding)} of {len(holding)}"


def value(result: Result, name: str) -> int | None:
    """Return the value of one metric, or None."""
    found = result["metrics"][name]["value"]
    return found if isinstance(found, int) else None


def values(results: Sequence[Result], name: str) -> list[int | None]:
    """Return one metric of each run."""
    return [value(result, name) for result in results]


def middle(found: Sequence[int | None]) -> float | None:
    """Return the median of those that there are."""
    known = [each for each in found if each is not None]
    return median(known) if known else None


def deviations(found: Sequence[int | None], truths: Sequence[float]) -> list[float | None]:
    """Return found / truth - 1 of each run."""
    return [
        None if each is None else each / truth - 1
        for each, truth in zip(found, truths, strict=True)
    ]


def span(parts: Sequence[float | None], text: str = "{:+.2%}") -> str:
    """Return the smallest and the greatest of several, as text."""
    known = sorted(each for each in parts if each is not None)
    if not known:
        return "none"
    least, most = text.format(known[0]), text.format(known[-1])
    return least if least == most else f"{least} .. {most}"


def within(parts: Sequence[float | None], limit: float) -> list[bool]:
    """Say of each whether it is there and not further off than the limit."""
    return [each is not None and abs(each) <= limit for each in parts]


def mbps(rate_bps: float | None) -> str:
    """Return a rate as text."""
    return "none" if rate_bps is None else f"{rate_bps / MBPS:.3f}"


def ms(time_us: float | None) -> str:
    """Return a time as text."""
    return "none" if time_us is None else f"{time_us / MS:.3f}"
