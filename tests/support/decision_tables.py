"""The operating characteristics of the decision engine: what to simulate, and what it should give.

A cell is one kind of line and one criterion. `expected` are the shares of lines that pass and fail
by the reference computation that the engine was designed with (independent of this code); None
where it gives no figure. Cells at the limit must not pass or fail falsely in more than 5 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from random import Random
from typing import TypeAlias

from omega_acceptance.decision.reading import Looks
from omega_core.units import PPM
from omega_core.verdict import Outcome
from support.decision_lines import (
    RUN_TEST,
    Tally,
    best_lines,
    expected_within,
    pooled_lines,
    run_lines,
    share_lines,
    share_test_of,
    tally,
)

LINES = 2_000
FALSE_MAX = 0.05
Judge: TypeAlias = Callable[[], tuple[Outcome, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of line under one criterion.

    `at_limit` cells keep the promised error rates; a `control` must break them: it counts packets
    one by one although they come in bursts.
    """

    table: str
    name: str
    lines_of: Callable[[Random], Judge]
    expected: tuple[float | None, float | None] = (None, None)
    at_limit: bool = False
    control: bool = False

    def simulate(self, lines: int = LINES) -> Tally:
        """Judge so many lines; the seed is the cell's own name."""
        return tally(lines, self.lines_of(Random(f"{self.table}/{self.name}")))  # noqa: S311 - not a secret

    def faults(self, found: Tally) -> Iterator[str]:
        """Yield what is wrong with a result."""
        for what, share, expected in (
            ("pass", found.pass_share, self.expected[0]),
            ("fail", found.fail_share, self.expected[1]),
        ):
            if expected is not None and not expected_within(share, expected, found.lines):
                yield f"{what} {share:.4f}, expected {expected:.3f}"
            if self.at_limit and share > FALSE_MAX:
                yield f"false {what} {share:.4f}, above {FALSE_MAX}"
        if self.control and max(found.pass_share, found.fail_share) <= FALSE_MAX:
            yield "the control keeps the error rates: it shows nothing"


def cells() -> Iterator[Cell]:
    """Yield every cell, table by table."""
    yield from _percentiles()
    yield from _losses()
    yield from _bursts()
    yield from _power()
    yield from _runs()
    yield from _kinds()
    yield from _attempts()


P95 = (
    (0.0, 1, 0), (0.01, 1, 0), (0.02, 0.901, 0), (0.03, 0.427, 0), (0.04, 0.110, 0.002),
    (0.05, 0.030, 0.018), (0.06, 0.010, 0.097), (0.08, 0.001, 0.676), (0.10, 0, 0.979),
    (0.15, 0, 1),
)  # fmt: skip
LOSS = (
    (0.0, 1, 0), (0.002, 0.999, 0), (0.005, 0.693, 0), (0.008, 0.116, 0.002),
    (0.01, 0.030, 0.018), (0.015, 0.002, 0.484), (0.02, 0, 0.969), (0.05, 0, 1),
)  # fmt: skip


def _percentiles() -> Iterator[Cell]:
    test, looks = share_test_of(0.05), Looks(every=20, observe=False)
    for share, passed, failed in P95:
        yield Cell(
            table="p95, independent packets, 600 at most",
            name=f"{share:.0%} late",
            lines_of=partial(share_lines, test=test, looks=looks, samples=600, share=share),
            expected=(passed, failed),
            at_limit=share == 0.05,
        )


def _losses() -> Iterator[Cell]:
    test, looks = share_test_of(0.01), Looks(every=100, observe=False)
    for share, passed, failed in LOSS:
        yield Cell(
            table="loss <= 1 %, independent packets, 3,000 at most",
            name=f"{share:.1%} lost",
            lines_of=partial(share_lines, test=test, looks=looks, samples=3_000, share=share),
            expected=(passed, failed),
            at_limit=share == 0.01,
        )


AT_LIMIT_IN_BURSTS = {
    # true mean burst: no correction, b = 2, b = 2 from 3,000 on, b = 5, b = 5 from 3,000 on
    1: ((0.033, 0.016), (0, 0), (0, 0), (0, 0), (0, 0)),
    2: ((0.277, 0.242), (0.015, 0.006), (0.004, 0.004), (0, 0), (0, 0)),
    5: ((0.622, 0.324), (0.187, 0.002), (0.065, 0.001), (0.004, 0.003), (0.005, 0.002)),
    10: ((0.753, 0.241), (0.407, 0.001), (0.138, 0.001), (0.076, 0.002), (0.065, 0.002)),
}
_PACKETS = 6_000  # two minutes of 50 a second


def _assumptions() -> tuple[tuple[str, int | None, int], ...]:
    return (
        ("counted one by one", None, 1),
        ("b = 2", 2, 1),
        ("b = 2, from 3,000", 2, 3_000),
        ("b = 5", 5, 1),
        ("b = 5, from 3,000", 5, 3_000),
    )


def _bursts() -> Iterator[Cell]:
    test = share_test_of(0.01)
    for true, row in AT_LIMIT_IN_BURSTS.items():
        for (assumed, burst, n_min), expected in zip(_assumptions(), row, strict=True):
            looks = Looks(
                every=50, n_min=n_min, burst_ppm=(burst or 1) * PPM, observe=burst is not None
            )
            yield Cell(
                table="loss at the limit of 1 %, in bursts",
                name=f"bursts of {true}, {assumed}",
                lines_of=partial(
                    share_lines, test=test, looks=looks, samples=_PACKETS, share=0.01, burst=true
                ),
                expected=expected,
                at_limit=burst is not None and burst >= true,
                control=burst is None and true > 1,
            )


POWER = {
    2: ((0, 1, 0), (0.1, 0.994, 0), (0.25, 0.922, 0), (0.5, 0.477, 0),
        (2, 0, 0.874), (3, 0, 1), (5, 0, 1)),
    5: ((0, 1, 0), (0.1, 0.807, 0), (0.25, 0.487, 0), (0.5, 0.126, 0),
        (2, 0, 0.324), (3, 0, 0.915), (5, 0, 1)),
}  # fmt: skip


def _power() -> Iterator[Cell]:
    test = share_test_of(0.01)
    for burst, row in POWER.items():
        looks = Looks(every=50, burst_ppm=burst * PPM)
        for times, passed, failed in row:
            yield Cell(
                table="loss <= 1 %, bursts as assumed, away from the limit",
                name=f"bursts of {burst}, {times:g} times the limit",
                lines_of=partial(
                    share_lines,
                    test=test,
                    looks=looks,
                    samples=_PACKETS,
                    share=times * 0.01,
                    burst=burst,
                ),
                expected=(passed, failed),
            )


RATIOS = (0.80, 0.90, 0.95, 1.00, 1.05, 1.10, 1.20)
RUNS = {
    # coefficient of variation, share of disturbed runs: pass and fail at each ratio
    (0.01, 0.0): ((0, 1), (0, 1), (0, 0.999), (0, 0), (0.998, 0), (1, 0), (1, 0)),
    (0.03, 0.0): ((0, 1), (0, 0.997), (0, 0.450), (0.002, 0.001), (0.433, 0), (0.991, 0), (1, 0)),
    (0.05, 0.0): (
        (0, 1), (0, 0.835), (0, 0.218), (0.009, 0.008), (0.218, 0), (0.772, 0), (1, 0)),
    (0.08, 0.0): (
        (0, 0.989), (0, 0.477), (0.002, 0.124), (0.021, 0.017), (0.135, 0.002), (0.434, 0),
        (0.946, 0)),
    (0.02, 0.15): (
        (0, 0.787), (0, 0.503), (0, 0.092), (0, 0), (0.286, 0), (0.596, 0), (0.745, 0)),
}  # fmt: skip


OF_EIGHT = replace(RUN_TEST, false_fail_ppm=6_250)
"""The test of a sheet with eight mandatory criteria."""


def _runs() -> Iterator[Cell]:
    """Yield steady and uneven lines, and one whose runs other traffic disturbs.

    The figures of the last are of a sheet with eight criteria.
    """
    for (spread, disturbed), row in RUNS.items():
        test = OF_EIGHT if disturbed else RUN_TEST
        other = f", {disturbed:.0%} of the runs disturbed, 8 criteria" if disturbed else ""
        for ratio, expected in zip(RATIOS, row, strict=True):
            yield Cell(
                table="goodput from 3 to 8 runs, alike by 0.3",
                name=f"CV {spread:.0%}{other}, R/T {ratio:.2f}",
                lines_of=partial(
                    run_lines, test=test, ratio=ratio, spread=spread, disturbed=disturbed
                ),
                expected=expected,
                at_limit=ratio == 1,
            )


def _kinds() -> Iterator[Cell]:
    """Yield each kind of criterion exactly at its limit, on a line as bad as the plan assumes."""
    table = "each kind at its limit, bursts as assumed"
    fives, twos = (Looks(every=50, burst_ppm=burst * PPM) for burst in (5, 2))
    seconds = Looks(every=1, burst_ppm=2 * PPM, observe=False)
    kinds = (
        ("p95 over 60 s, bursts of 5", 0.05, 3_000, fives, 5),
        ("loss of 1 % over 70 s, bursts of 5", 0.01, 3_501, fives, 5),
        ("loss of 0.5 % over 50 s, bursts of 2", 0.005, 2_501, twos, 2),
        # states of 4 s, good and bad: an autocorrelation of 1/2, which is a design effect of 3
        ("60 s of load, states of 4 s", 0.5, 60, seconds, 4),
    )
    for name, share, samples, looks, burst in kinds:
        yield Cell(
            table=table,
            name=name,
            lines_of=partial(
                share_lines,
                test=share_test_of(share),
                looks=looks,
                samples=samples,
                share=share,
                burst=burst,
            ),
            at_limit=True,
        )
    for alike, spread in product((0.0, 0.3), (0.02, 0.08)):
        yield Cell(
            table=table,
            name=f"goodput, CV {spread:.0%}, alike by {alike}, 15 % disturbed",
            lines_of=partial(
                run_lines, test=RUN_TEST, ratio=1, spread=spread, alike=alike, disturbed=0.15
            ),
            at_limit=True,
        )


def _attempts() -> Iterator[Cell]:
    """Yield three attempts on a line at its limit: pooled, and with the best of them chosen."""
    ways = (("pooled", pooled_lines, False), ("the best of them", best_lines, True))
    for name, lines_of, is_chosen in ways:
        yield Cell(
            table="three attempts, p95 at its limit, 600 packets each",
            name=name,
            lines_of=partial(
                lines_of,
                test=share_test_of(0.05),
                looks=Looks(every=20, observe=False),
                attempts=3,
                samples=600,
                share=0.05,
            ),
            at_limit=not is_chosen,
            control=is_chosen,
        )
