"""What the rules say that a session's plan names: shown beside its verdict, with no part in it."""

from __future__ import annotations

from datetime import UTC

from omega_acceptance.rules.named import RuleBeside
from omega_agent.session_request import Granted
from omega_core.verdict import ProfileRef


def rules_named(
    granted: Granted | None, taken: tuple[ProfileRef, int] | None = None
) -> tuple[RuleBeside, ...]:
    """Return the rules that the profile of a grant names, as they speak on its day (UTC).

    `taken` is the rule of the campaign that the session is a run of, and how much of it is done.
    """
    profile = granted.profile if granted else None
    if granted is None or profile is None or not profile.rule_refs:
        return ()
    # Most of omega_acceptance.rules: not for `omega measure`, which has no plan.
    from omega_acceptance.rules.beside import rules_beside  # noqa: PLC0415 - as said
    from omega_acceptance.rules.days import day_at  # noqa: PLC0415 - as said
    from omega_acceptance.rules.reading import builtin  # noqa: PLC0415 - as said
    from omega_acceptance.rules.state import contract_of  # noqa: PLC0415 - as said

    today = day_at(granted.grant.issued_unix_us, UTC)
    return rules_beside(contract_of(profile), builtin(), on=today, taken=taken)
