"""What follows from a record's facts, made again: its metrics, and the verdict by its own rules.

A judgement names the version of the rules it was made by; one that names none is older than that,
and is judged again by the first. So a newer program never finds an older record wrong.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from omega_acceptance.evaluate import evaluate
from omega_acceptance.judges.table import FIRST_RULES, JUDGES_OF_RULES
from omega_acceptance.profile import AcceptanceProfile
from omega_core.derive import Derived
from omega_core.envelope import EnvelopeError
from omega_core.metrics import MetricValue, NoValue
from omega_core.record import Record
from omega_core.verdict import Verdict


def check_metrics(record: Record, derived: Derived) -> None:
    """Raise EnvelopeError where a metric is not what the evidence gives."""
    for name, metric in derived.metrics.items():
        if _figures(record.metrics[name]) != _figures(metric):
            raise EnvelopeError("metrics_mismatch", f"{name} does not follow from the evidence")


def verdict_again(
    record: Record, profile: AcceptanceProfile, rules: int | None, derived: Derived
) -> Verdict:
    """Return the verdict on the facts by the rules of this version; None is the first.

    `derived` is what follows from the record's evidence. Raises EnvelopeError for rules that came
    after this program.
    """
    version = rules or FIRST_RULES
    if version not in JUDGES_OF_RULES:
        raise EnvelopeError("verdict_mismatch", f"rules {version} need a newer program")
    return evaluate(
        profile,
        record.session.mode,
        evidence=record.evidence,
        environment=record.environment,
        faults=record.validity,
        rules=version,
        derived=derived,
    ).verdict


def check_verdict(stated: Verdict | None, allowed: AbstractSet[Verdict]) -> None:
    """Raise EnvelopeError where the verdict that is stated is none of those that follow."""
    if stated not in allowed:
        again = " or ".join(sorted(allowed))
        raise EnvelopeError("verdict_mismatch", f"judged again it is {again}")


def _figures(metric: MetricValue) -> tuple[int | None, int, NoValue | None]:
    """Return what must follow from the evidence; how it was made is told in prose."""
    return metric.value, metric.samples, metric.reason
