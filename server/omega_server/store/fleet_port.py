"""What the store promises of all lines together; see `omega_server.fleet`. All of it is derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record that is not tallied yet; `subscriber_ref` is of its sheet or ticket."""

    record_no: int
    digest: str
    envelope: bytes
    agent_id: str | None
    subscriber_ref: str | None
    verdict: str | None
    received_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line as it was seen last. `verdict` is of the last record that was judged and valid."""

    subscriber_ref: str
    plan_id: str
    sector: str
    verdict: str | None
    digest: str
    seen_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A line's metric in its newest week, and in the week before that it was measured in.

    `worse_ppm` is by how much it got worse, of what it was; None where it was not known before.
    """

    subscriber_ref: str
    metric: str
    week: int
    plan_id: str
    sector: str
    value: int
    digest: str
    value_before: int | None
    worse_ppm: int | None


@dataclass(frozen=True, slots=True)
class SpreadKey:
    """Which count: of a week, a plan, a sector, a metric, a bin."""

    week: int
    plan_id: str
    sector: str
    metric: str
    bin: int


@dataclass(slots=True)
class Changes:
    """What is to be written."""

    lines: dict[str, LineRow] = field(default_factory=dict)
    metrics: dict[tuple[str, str], MetricRow] = field(default_factory=dict)
    spread: Counter[SpreadKey] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of some lines; metrics by line and name."""

    lines: Mapping[str, LineRow]
    metrics: Mapping[tuple[str, str], MetricRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    """So many lines of a sector have this verdict."""

    sector: str
    verdict: str | None
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BinCount:
    """So many lines of a plan had a value in this bin."""

    plan_id: str
    bin: int
    lines: int


Tally: TypeAlias = Callable[[Kept], Changes]


class FleetStore(Protocol):
    """Lines, their metrics, counts of both, and how far the records have been tallied."""

    def cursor(self) -> int:
        """Return the number of the last record that was tallied; 0 before the first."""
        ...

    def new_records(self, after: int, count: int, *, settled_unix_us: int) -> Sequence[NewRecord]:
        """Return records after this number, by number, up to the first that is younger than this.

        A number is given before its record can be seen by others: whoever goes on at once might
        pass one over.
        """
        ...

    def add(self, after: int, to: int, subscriber_refs: frozenset[str], tally: Tally) -> bool:
        """Write what a tally of these lines gives, and that everything up to `to` was tallied.

        Does nothing and returns False where somebody else has gone on from `after`.
        """
        ...

    def clear(self) -> None:
        """Forget everything that was derived; sectors stay, for they were said."""
        ...

    def change(self, subscriber_ref: str, tally: Tally) -> None:
        """Write what a tally of one line gives, beside the records."""
        ...

    def states(self) -> Sequence[StateCount]:
        """Return how many lines of each sector have each verdict."""
        ...

    def spread(
        self, week: int, metric: str, *, plan_id: str | None = None, sector: str | None = None
    ) -> Sequence[BinCount]:
        """Return in which bins the lines of a week were, by plan and bin."""
        ...

    def worse(
        self,
        week: int,
        metric: str,
        *,
        below: tuple[int, str] | None = None,
        count: int,
        sector: str | None = None,
    ) -> Sequence[MetricRow]:
        """Return the lines that got worse in a week, those that did most first.

        `below` is where the page before has ended: its last `worse_ppm` and line.
        """
        ...

    def lines(
        self, *, after: str = "", count: int, sector: str | None = None, verdict: str | None = None
    ) -> Sequence[LineRow]:
        """Return lines by name, after this one."""
        ...

    def line(self, subscriber_ref: str) -> tuple[LineRow, Sequence[MetricRow]] | None:
        """Return a line and its metrics; None of one that was never measured nor placed."""
        ...
