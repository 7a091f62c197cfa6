"""What can be wrong with a profile, a rule or the name of one, each with who mends it.

OmegaError
  + ContentMistakeError
      + ProfileError       whoever maintains the profile
      + RuleError          whoever maintains the rule
  + UsageError
      + PlanUnknownError   operator: the plan has no profile, or none on that day
      + ModeUnknownError   whoever asked for a mode that the profile does not provide for
      + RuleUnknownError   whoever named a rule that is not there
"""

from __future__ import annotations

from typing import ClassVar

from omega_core.errors import ExitCode, OmegaError, UsageError


class ContentMistakeError(OmegaError):
    """A file that people write says something that cannot be meant.

    The text is one sentence: file and line (where a file is known), the place inside it,
    what is wrong with which figure. `remedy` is what to do about it.
    """

    exit_code = ExitCode.USAGE
    noun: ClassVar[str] = "file"

    def __init__(
        self, *, source: str, line: int | None, place: str, what: str, remedy: str
    ) -> None:
        at = source if line is None else f"{source}:{line}"
        super().__init__(": ".join(part for part in (at, place, what) if part))
        self.source = source
        self.line = line
        self.place = place
        self.what = what
        self.remedy = remedy
        self.who_acts = f"whoever maintains the {self.noun}: {remedy}"


class ProfileError(ContentMistakeError):
    """A profile says something that cannot be meant."""

    noun = "profile"


class RuleError(ContentMistakeError):
    """A regulator's rule says something that cannot be meant."""

    noun = "rule"


class RuleUnknownError(UsageError):
    """No rule has this name."""

    who_acts = "whoever typed the command: name one of the rules that are known"


class PlanUnknownError(UsageError):
    """No acceptance profile says what this plan promises."""

    who_acts = "operator: give the plan a profile, or correct the plan's name"


class ModeUnknownError(UsageError):
    """The profile has no budget for this mode, so there is nothing that may be spent on it."""

    who_acts = "whoever asked: choose another mode, or a newer version of the profile"
