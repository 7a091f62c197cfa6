"""What can be wrong with a profile or with the name of a plan, each with who mends it.

OmegaError
  + ProfileError       whoever maintains the profile
  + UsageError
      + PlanUnknownError   operator: the plan has no profile, or none on that day
      + ModeUnknownError   whoever asked for a mode that the profile does not provide for
"""

from __future__ import annotations

from omega_core.errors import ExitCode, OmegaError, UsageError


class ProfileError(OmegaError):
    """A profile says something that cannot be meant.

    The text is one sentence: file and line (where a file is known), the place inside the profile,
    what is wrong with which figure. `remedy` is what to do about it.
    """

    exit_code = ExitCode.USAGE

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
        self.who_acts = f"whoever maintains the profile: {remedy}"


class PlanUnknownError(UsageError):
    """No acceptance profile says what this plan promises."""

    who_acts = "operator: give the plan a profile, or correct the plan's name"


class ModeUnknownError(UsageError):
    """The profile has no budget for this mode, so there is nothing that may be spent on it."""

    who_acts = "whoever asked: choose another mode, or a newer version of the profile"
