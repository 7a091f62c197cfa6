"""What the agent says when it can't go on, in the language that was asked for.

Each error has a `code`; its sentence and the one who can mend it stand in `omega_agent.texts`, in
English and in French. The error itself carries the English, so a log reads the same everywhere; the
command line translates at the last moment.

    OmegaError
      + UsageError               + WrongUseError
      + UnreachableError         + NoAnswerError, TestPointBusyError
      + PeerBrokeProtocolError   + WrongAnswerError
                                     + NotTrustedError
      + StorageError             + NotKeptError
          + OutboxFullError
      + RefusedError             + BusyError             the server says: later
      + RecordConflictError      a defect: one id, two contents
"""

from __future__ import annotations

import os
from pathlib import Path

from omega_agent.texts import (
    Language,
    error_sentence,
    refusal_sentence,
    refusal_who_acts,
    who_acts,
)
from omega_core.errors import (
    ExitCode,
    Hindrance,
    OmegaError,
    PeerBrokeProtocolError,
    RefusedError,
    StorageError,
    UnreachableError,
    UsageError,
    hindrance,
)


class SaidError(OmegaError):
    """An error whose words stand in the catalogue under its code."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(error_sentence("en", code, fields))
        self.code = code
        self.fields = fields
        self.who_acts = who_acts("en", code) or type(self).who_acts


class WrongUseError(SaidError, UsageError):
    """The command can't be carried out as it was typed, or on this device as it is."""


class NoAnswerError(SaidError, UnreachableError):
    """The server did not answer."""


class TestPointBusyError(SaidError, UnreachableError):
    """The test point has no room for this session now; nothing was measured."""

    __test__ = False  # not a pytest class


class WrongAnswerError(SaidError, PeerBrokeProtocolError):
    """Something answered, but not as an Omega server does, or not as the one we trust."""


class NotTrustedError(WrongAnswerError):
    """What was answered is not signed by the server we trust, or not what we asked it for."""


class NotKeptError(SaidError, StorageError):
    """The disk of this device did not take what had to be kept."""


def not_kept(path: Path, error: OSError) -> NotKeptError:
    """Return what is said where the system refuses a file or folder: the remedy goes by errno."""
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    match hindrance(error):
        case Hindrance.PLACE:
            return NotKeptError("home_place", path=path, why=why)
        case Hindrance.RIGHTS:
            return NotKeptError("home_rights", path=path, why=why)
        case Hindrance.DISK:
            return NotKeptError("home", path=path, why=why)


class OutboxFullError(NotKeptError):
    """The outbox holds as many records as it may."""


class RecordConflictError(OmegaError):
    """The same record id was used for two different records."""


class BusyError(RefusedError):
    """The server is there and says: later. `retry_after_s` is its wish, if it has one."""

    exit_code = ExitCode.UNAVAILABLE

    def __init__(
        self, code: str, detail: str, who_acts: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(code, detail, who_acts)
        self.retry_after_s = retry_after_s


def in_language(error: OmegaError, language: Language) -> OmegaError:
    """Return the error with its words in another language, where we have them.

    A refusal is translated by its code: what the server added about the case is left out then, and
    one that a newer server has invented keeps its English words.
    """
    if language == "en":
        return error
    if isinstance(error, SaidError):
        error.args = (error_sentence(language, error.code, error.fields),)
        error.who_acts = who_acts(language, error.code) or error.who_acts
    elif isinstance(error, RefusedError):
        error.args = (refusal_sentence(language, error.code) or str(error),)
        error.who_acts = refusal_who_acts(language, error.code) or error.who_acts
    return error
