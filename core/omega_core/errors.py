"""Exit codes, and the errors that are raised on purpose.

An expected error is one sentence for people, names who must act, and carries the exit code that the
shell sees. Each package defines its own below these; a defect stays an ordinary exception and ends
the process with a trace and 70.

    OmegaError
      + UsageError             whoever typed the command
      + RefusedError           the server said no; it says who can mend it
      + UnreachableError       technician, at the line
      + StorageError           operator of this machine
      + PeerBrokeProtocolError developers, or an operator with mixed versions
"""

from __future__ import annotations

import errno
import os
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import ClassVar, Final


class ExitCode(IntEnum):
    """What `omega` and `omega-server` tell the shell. Documented in docs/cli.md; never renumbered.

    Verdicts start at 10: Python leaves with 1 when it crashes and typer with 2 for wrong usage, and
    neither may be read as a judgement of a line. 64, 69, 70 and 74 are those of sysexits.h, 130 and
    141 what shells show for a process ended by Ctrl-C or by a closed pipe.
    """

    ACCEPTED = 0
    REJECTED = 10
    INCONCLUSIVE = 11
    INVALID = 12
    NOT_TRUSTED = 20
    NOT_VALID = 21
    USAGE = 64
    UNAVAILABLE = 69
    INTERNAL = 70
    STORAGE = 74
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


class OmegaError(Exception):
    """Base of every error raised on purpose; its text is one sentence for people."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    who_acts: str = "please report this to Omega's developers"


class UsageError(OmegaError):
    """The command, an argument or a setting cannot be used."""

    exit_code = ExitCode.USAGE
    who_acts = "whoever typed the command: correct it"


class RefusedError(OmegaError):
    """The server understood and said no; `code` is stable and for programs."""

    exit_code = ExitCode.USAGE

    def __init__(self, code: str, detail: str, who_acts: str) -> None:
        super().__init__(detail)
        self.code = code
        self.who_acts = who_acts


class UnreachableError(OmegaError):
    """No answer: a name, an address, a port or the path to it."""

    exit_code = ExitCode.UNAVAILABLE
    who_acts = "technician: check the line first, then the server's address"


class Hindrance(StrEnum):
    """Why a file system did not take something, as far as it makes a difference to who mends it."""

    DISK = "disk"
    PLACE = "place"
    RIGHTS = "rights"


_HINDRANCE: Final = {
    errno.EEXIST: Hindrance.PLACE,
    errno.EISDIR: Hindrance.PLACE,
    errno.ELOOP: Hindrance.PLACE,
    errno.ENAMETOOLONG: Hindrance.PLACE,
    errno.ENOENT: Hindrance.PLACE,
    errno.ENOTDIR: Hindrance.PLACE,
    errno.EACCES: Hindrance.RIGHTS,
    errno.EPERM: Hindrance.RIGHTS,
    errno.EROFS: Hindrance.RIGHTS,
}


def hindrance(error: OSError) -> Hindrance:
    """Return what kind of hindrance an error of the system is; of an unknown one, the disk's."""
    return _HINDRANCE.get(error.errno or 0, Hindrance.DISK)


class StorageError(OmegaError):
    """The disk of this machine did not take what had to be kept."""

    exit_code = ExitCode.STORAGE
    who_acts = "operator of this machine: free space or mend the disk, then run the same again"


_WHO_MENDS: Final = {
    Hindrance.DISK: StorageError.who_acts,
    Hindrance.PLACE: "whoever typed the command: create that folder, or choose another",
    Hindrance.RIGHTS: "operator of this machine: allow writing there, or choose another folder",
}


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what is said where the system refuses a file or folder: the remedy goes by errno."""
    said = StorageError(f"{path}: {os.strerror(error.errno or 0)}")
    said.who_acts = _WHO_MENDS[hindrance(error)]
    return said


class PeerBrokeProtocolError(OmegaError):
    """The other end answered with something that the protocol does not allow."""

    exit_code = ExitCode.UNAVAILABLE
    who_acts = "operator: is this an Omega server of the same version?"
