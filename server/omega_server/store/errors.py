"""What the store says instead of doing what it was asked.

StoreError
  + StoreUnavailableError    the disk is full, the database is away: try again later
      + LogBrokenError       the log is not what was signed: nothing is appended to it
  + StoreVersionError        the database's tables are of another version
  + ConflictError            what was to be stored contradicts what is stored
  + TokenRefusedError, NonceSeenError, QuotaExceededError, ProfileChangedError,
        GrantUsedError, SeqUsedError, ObservationKnownError, KeyReplacedError,
        AlreadyThereError, NotThereError, LogGrewError
"""

from __future__ import annotations

from typing import Literal

from omega_core.errors import ExitCode, OmegaError


class StoreError(OmegaError):
    """The store did not do what was asked."""


class StoreUnavailableError(StoreError):
    """Nothing was stored; the same call may succeed later."""

    exit_code = ExitCode.STORAGE
    who_acts = "operator: free space on the disk, or bring the database back"


class LogBrokenError(StoreUnavailableError):
    """The stored log contradicts its newest signed checkpoint: somebody changed it."""

    who_acts = "operator: `omega-server log check` says where; restore the database"


class StoreVersionError(StoreError):
    """The tables are older or newer than this program."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: run `omega-server migrate`, with the newest version of the program"


class ConflictError(StoreError):
    """What was to be stored contradicts what is stored."""

    exit_code = ExitCode.USAGE
    who_acts = "whoever asked: look at what is there first"


class AlreadyThereError(ConflictError):
    """Something else has this name."""


class NotThereError(ConflictError):
    """Nothing has this name."""


class TokenRefusedError(ConflictError):
    """An enrolment token can't be used; `why` says in which of four ways."""

    def __init__(self, why: Literal["unknown", "used", "expired", "bound"]) -> None:
        super().__init__(f"enrolment token {why}")
        self.why = why


class NonceSeenError(ConflictError):
    """A session request was sent twice."""


class QuotaExceededError(ConflictError):
    """Too many sessions from one place; the next is free once that of `oldest_unix_us` is too old.

    None where the quota is zero, so that none will ever be free.
    """

    def __init__(self, oldest_unix_us: int | None) -> None:
        super().__init__("too many sessions from this address")
        self.oldest_unix_us = oldest_unix_us


class ProfileChangedError(ConflictError):
    """A version of a profile was granted before with other content."""


class GrantUsedError(ConflictError):
    """Another record was stored under this grant."""


class SeqUsedError(ConflictError):
    """Another record of this agent has this place in its chain."""


class ObservationKnownError(ConflictError):
    """Another observation of this session is stored."""


class KeyReplacedError(ConflictError):
    """Another key follows this one: a key has one successor."""


class TooManyHeldError(ConflictError):
    """An agent has as much to do as it may have."""


class InstructionTakenError(ConflictError):
    """Another run of the agent's daemon, or another device with its key, has the instruction."""


class InstructionEndedError(ConflictError):
    """Nothing more is to be done, or said, about an instruction; `state` is how it ended."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the instruction is {state}")
        self.state = state


class LogGrewError(ConflictError):
    """Somebody else wrote to the log since it was read."""
