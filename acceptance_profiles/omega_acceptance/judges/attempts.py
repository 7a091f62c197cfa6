"""Statistic `all`: whether every attempt to reach the test point succeeded.

One round is `n_min` attempts of each kind (TCP, UDP) and family. Every attempt answered is a pass.
None answered in two rounds is a fail in any mode: a line that is down twice is down. All between is
inconclusive, and where TCP is answered and UDP never, something on the way filters UDP.
"""

from __future__ import annotations

from collections import Counter

from omega_acceptance.judges.case import Case, Finding, met_or_not, not_judged, udp_is_blocked
from omega_core.evidence import Attempt, AttemptKind
from omega_core.units import share_ppm_rounded_down
from omega_core.verdict import Because

ROUNDS_TO_FAIL = 2


def judge_all(case: Case) -> Finding:
    """Judge reachability from the attempts on the test point; those on the Controller don't count.

    Were they counted, a server that is down would fail the customer's line.
    """
    attempts = [attempt for attempt in case.evidence.attempts if attempt.to_test_point]
    answered = sum(attempt.answered for attempt in attempts)
    share = share_ppm_rounded_down(answered, len(attempts))
    needed = _needed(case, attempts)
    open_because = _why_open(case, attempts, answered=answered)
    if open_because is not None:
        return not_judged(
            case, open_because, value=share, samples=len(attempts), samples_needed=needed
        )
    outcome, because = met_or_not(met=answered > 0)
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=share,
        samples=len(attempts),
        samples_needed=needed,
    )


def _why_open(case: Case, attempts: list[Attempt], *, answered: int) -> Because | None:
    """Return why the attempts decide nothing; None when all or none were answered, often enough."""
    if not attempts:
        return Because.NOT_MEASURED
    if not answered:
        rounds = min(_groups(attempts).values()) // case.criterion.n_min
        return None if rounds >= ROUNDS_TO_FAIL else Because.TOO_FEW_SAMPLES
    if answered < len(attempts):
        others = (each.answered for each in attempts if each.kind is not AttemptKind.UDP)
        if udp_is_blocked(case.evidence) and all(others):
            return Because.UDP_BLOCKED
        return Because.MIXED_ATTEMPTS
    return Because.TOO_FEW_SAMPLES if answered < case.criterion.n_min else None


def _needed(case: Case, attempts: list[Attempt]) -> int:
    """Return how many attempts a verdict needs: one round to pass, two of each kind to fail."""
    if not attempts or any(attempt.answered for attempt in attempts):
        return case.criterion.n_min
    return ROUNDS_TO_FAIL * case.criterion.n_min * len(_groups(attempts))


def _groups(attempts: list[Attempt]) -> Counter[tuple[AttemptKind, int | None]]:
    return Counter((attempt.kind, attempt.family) for attempt in attempts)
