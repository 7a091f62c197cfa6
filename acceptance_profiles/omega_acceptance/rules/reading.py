"""From the bytes of a TOML file to a rule, and which rules there are.

A `RuleBook` is made once and never changes, like the catalogue of profiles: it has the rules of
this package. Every version is kept for ever, because records name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

from omega_acceptance.errors import RuleError, RuleUnknownError
from omega_acceptance.rules.fitting import mistakes
from omega_acceptance.rules.force import why_not
from omega_acceptance.rules.rule import Rule
from omega_acceptance.toml_content import Form, parse_toml
from omega_core.limits import RULE_BYTES_MAX

RULES_DIRECTORY = Path(__file__).parent / "data"
RELEASED = RULES_DIRECTORY / "RELEASED"

FORM: Final = Form(
    noun="rule",
    model=Rule,
    mistakes=mistakes,
    error=RuleError,
    bytes_max=RULE_BYTES_MAX,
    described_in="docs/regulator-rules.md",
)


def parse_rule(toml: bytes, source: str) -> Rule:
    """Return the rule in these bytes of a TOML file; `source` is what the file is called.

    Raises RuleError, and nothing else, whatever the bytes.
    """
    return parse_toml(FORM, toml, source)


class RuleBook:
    """Rules by id and version."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = {(each.id, each.version): each for each in rules}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, by id and then by version."""
        return tuple(self._rules[key] for key in sorted(self._rules))

    def newest(self, rule_id: str) -> Rule:
        """Return the newest version of a rule; raises RuleUnknownError."""
        return self._versions(rule_id)[-1]

    def on(self, rule_id: str, day: date) -> Rule:
        """Return the newest version that speaks on a day, or where none does the newest of all.

        Raises RuleUnknownError.
        """
        versions = self._versions(rule_id)
        speaking = [each for each in versions if why_not(each, day) is None]
        return (speaking or versions)[-1]

    def get(self, rule_id: str, version: int) -> Rule:
        """Return exactly this version; raises RuleUnknownError."""
        try:
            return self._rules[rule_id, version]
        except KeyError:
            what = f"no rule is called {rule_id[:64]!a} version {version}"
            raise RuleUnknownError(what) from None

    def _versions(self, rule_id: str) -> list[Rule]:
        versions = [each for each in self.rules if each.id == rule_id]
        if not versions:
            ids = sorted({each.id for each in self.rules})
            close = get_close_matches(rule_id[:64], ids, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(ids)}"
            raise RuleUnknownError(f"no rule is called {rule_id[:64]!a}; {hint}")
        return versions


@cache
def builtin() -> RuleBook:
    """Return the rules that Omega ships."""
    paths = sorted(RULES_DIRECTORY.glob("*.toml"))
    return RuleBook(parse_rule(path.read_bytes(), path.name) for path in paths)
