"""What a finder said of many cases: who was right, wrong or did not know. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from omega_acceptance.zone.codes import Zone
from support.chain.cases import ChainCase

RIGHT_LEAST: Final = 0.95
WRONG_MOST: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One case, and what the finder said of it.

    `found` is None where the finder failed, which `said` then tells. `doubts` are what other tools
    did not see of the fault: such a case proves nothing. `finder_ms` is the finder's own time.
    """

    case: ChainCase
    found: Zone | None
    said: str
    finder_ms: int
    doubts: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """The zone is the true one."""
        return self.found is self.case.zone

    @property
    def is_unknown(self) -> bool:
        """The finder said that it can't tell, or failed."""
        return self.found is None or self.found is Zone.UNKNOWN

    @property
    def is_wrong(self) -> bool:
        """Another zone was named, or "none" where there is a fault."""
        return not self.is_right and not self.is_unknown

    @property
    def is_false_alarm(self) -> bool:
        """A healthy line was called faulty."""
        return self.is_wrong and self.case.zone is Zone.NONE


def keeps_the_bar(told: Sequence[Told]) -> bool:
    """Say whether enough is right, little wrong, and no healthy line is called faulty."""
    proving = [each for each in told if not each.doubts]
    right = sum(each.is_right for each in proving)
    wrong = sum(each.is_wrong for each in proving)
    return (
        bool(proving)
        and right >= RIGHT_LEAST * len(proving)
        and wrong <= WRONG_MOST * len(proving)
        and not any(each.is_false_alarm for each in proving)
    )


def tables(told: Sequence[Told]) -> str:
    """Return everything a reader wants to see, as text."""
    proving = [each for each in told if not each.doubts]
    parts = [_shares(proving), _confusion(proving), _by_kind(proving)]
    for heading, chosen in (
        ("healthy lines called faulty", [each for each in proving if each.is_false_alarm]),
        ("wrong", [each for each in proving if each.is_wrong and not each.is_false_alarm]),
        ("not known", [each for each in proving if each.is_unknown]),
        ("not proved to have the fault, and not counted", [each for each in told if each.doubts]),
    ):
        parts.append(_listed(heading, chosen))
    return "\n\n".join(part for part in parts if part)


def _shares(told: Sequence[Told]) -> str:
    if not told:
        return "0 cases"
    right, wrong, unknown = (
        sum(chosen) / len(told)
        for chosen in (
            [each.is_right for each in told],
            [each.is_wrong for each in told],
            [each.is_unknown and not each.is_right for each in told],
        )
    )
    times = sorted(each.finder_ms for each in told)
    return (
        f"{len(told)} cases: right {right:.1%}, wrong {wrong:.1%}, unknown {unknown:.1%}\n"
        f"finder: median {_rank(times, 50) / 1000:.1f} s, p95 {_rank(times, 95) / 1000:.1f} s"
    )


def _rank(ordered: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile."""
    return ordered[-(-percent * len(ordered) // 100) - 1]


def _confusion(told: Sequence[Told]) -> str:
    counts = Counter((each.case.zone, each.found or Zone.UNKNOWN) for each in told)
    zones = list(Zone)
    lines = ["true \\ found" + "".join(f"{zone:>9}" for zone in zones)]
    lines += [
        f"{true:<12}" + "".join(f"{counts[true, found]:>9}" for found in zones)
        for true in zones
        if true is not Zone.UNKNOWN
    ]
    return "\n".join(lines)


def _by_kind(told: Sequence[Told]) -> str:
    names = sorted({_pair(each.case) for each in told})
    lines = [f"{'fault':<20}{'cases':>7}{'right':>7}{'wrong':>7}{'unknown':>9}"]
    for name in names:
        own = [each for each in told if _pair(each.case) == name]
        right, wrong = sum(each.is_right for each in own), sum(each.is_wrong for each in own)
        lines.append(f"{name:<20}{len(own):>7}{right:>7}{wrong:>7}{len(own) - right - wrong:>9}")
    return "\n".join(lines)


def _pair(case: ChainCase) -> str:
    return "none" if case.fault is None else f"{case.zone} {case.fault.kind}"


def _listed(heading: str, told: Iterable[Told]) -> str:
    lines = [
        f"  seed {each.case.seed}: {each.case.fault or 'healthy'} on {each.case.access}"
        f" -> {each.found or each.said}{' (' + '; '.join(each.doubts) + ')' if each.doubts else ''}"
        for each in told
    ]
    return "\n".join([f"{heading}:", *lines]) if lines else ""
