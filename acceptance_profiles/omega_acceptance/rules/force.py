"""Whether a rule may be evaluated at all: on a day, and with what is known."""

from __future__ import annotations

from datetime import date

from omega_acceptance.rules.codes import NotEvaluated
from omega_acceptance.rules.rule import Rule, Status


class NotKnownError(Exception):
    """What a rule needs to know of the contract or of the place is not known; `because` says what.

    It never leaves this package: a rule that lacks something says so in its result.
    """

    def __init__(self, because: NotEvaluated) -> None:
        super().__init__(because)
        self.because = because


def why_not(rule: Rule, on: date) -> NotEvaluated | None:
    """Return why the rule says nothing on this day; None where it speaks."""
    if rule.status is Status.DRAFT:
        return NotEvaluated.DRAFT
    if rule.status is Status.RETIRED:
        return NotEvaluated.RETIRED
    return None if rule.is_effective(on) else NotEvaluated.NOT_IN_FORCE
