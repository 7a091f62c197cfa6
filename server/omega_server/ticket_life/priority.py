"""How urgent a ticket is, by rules that are data.

A ticket keeps the version of the rules it was opened under: a new version changes no old ticket.
How grave it is follows from the newest record that judged the line; a person may say otherwise,
with a reason. More lines of the sector alike in the same zone make it more urgent.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.errors import ExitCode, OmegaError
from omega_core.facts import Fact
from omega_core.limits import SECTOR_LINES_MAX
from omega_core.verdict import Verdict
from omega_server.ticket_life.entries import Criticality
from omega_server.ticket_life.life import CONNECTIVITY, Life

CURRENT_RULES = "standard-1"
"""The version that new tickets are opened under."""
_TABLES = Path(__file__).parent / "priorities"
_Priority = Annotated[int, Field(ge=1, le=4)]


class RulesError(OmegaError):
    """There are no such rules."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: keep every version of the priority rules that a ticket was opened under"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Fact):
    """From so many lines alike on, so much more urgent."""

    lines: Annotated[int, Field(ge=1, le=SECTOR_LINES_MAX)]
    raise_by: _Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityRules(Fact):
    """One version of the rules; 1 is before all others."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    version: Annotated[int, Field(ge=1)]
    blocking: _Priority
    degraded: _Priority
    minor: _Priority
    not_known: _Priority
    alike: Annotated[tuple[Raise, ...], Field(max_length=8)] = ()

    @property
    def name(self) -> str:
        """What a ticket keeps."""
        return f"{self.id}-{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How urgent a ticket is, how grave, and by which rules."""

    priority: int
    criticality: Criticality | None
    rules: str
    rules_digest: str
    reason: str


def priority_of(life: Life, rules: PriorityRules) -> Priority:
    """Return how urgent a ticket is by these rules."""
    criticality, reason = criticality_of(life)
    base = {
        Criticality.BLOCKING: rules.blocking,
        Criticality.DEGRADED: rules.degraded,
        Criticality.MINOR: rules.minor,
        None: rules.not_known,
    }[criticality]
    lines = (life.zone.lines_alike if life.zone else None) or 0
    raised_by = max((each.raise_by for each in rules.alike if lines >= each.lines), default=0)
    if raised_by:
        reason += f"; {lines} lines of the sector alike"
    return Priority(
        priority=max(1, base - raised_by),
        criticality=criticality,
        rules=rules.name,
        rules_digest=digest_hex(canonical_bytes(_RULES.dump_python(rules, mode="json"))),
        reason=reason,
    )


def criticality_of(life: Life) -> tuple[Criticality | None, str]:
    """Return how grave it is, and why; None while nobody has measured or said."""
    if life.criticality is not None:
        return life.criticality.criticality, life.criticality.reason
    for record in reversed(life.records):
        if not record.granted:
            return Criticality.BLOCKING, "no session could be had"
        if record.verdict == Verdict.FAIL:
            if CONNECTIVITY & set(record.failed):
                return Criticality.BLOCKING, "no connectivity"
            return Criticality.DEGRADED, "a mandatory criterion fails"
        if record.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}:
            return Criticality.MINOR, "no criterion fails"
    return None, "not measured yet"


_RULES = TypeAdapter(PriorityRules)


@cache
def rules_named(name: str | None) -> PriorityRules:
    """Return a version of the rules; a ticket older than the rules has the first."""
    path = _TABLES / f"{name or 'standard-1'}.toml"
    if not path.is_file() or path.parent != _TABLES:
        raise RulesError(f"there are no priority rules {name}")
    return rules_of(tomllib.loads(path.read_text("utf-8")))


def rules_of(content: Mapping[str, object]) -> PriorityRules:
    """Return the rules in the content of a file; raises RulesError."""
    try:
        return _RULES.validate_json(json.dumps(content))
    except (TypeError, ValueError) as error:
        raise RulesError(f"not priority rules: {type(error).__name__}") from error
