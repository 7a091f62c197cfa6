"""Private key files: PEM, readable by their owner only, written once and whole.

KeyFileError
  who acts: operator of this machine
"""

from __future__ import annotations

import os
from pathlib import Path

from omega_core.errors import ExitCode, OmegaError
from omega_core.files import create_durably
from omega_core.keys import NotAKeyError, SigningKey

_OWNER_ONLY = 0o600


class KeyFileError(OmegaError):
    """A key file can't be used."""

    exit_code = ExitCode.USAGE
    who_acts = "operator of this machine: mend or replace the key file"


def load_or_create(path: Path) -> SigningKey:
    """Return the key in the file, made now when there is no file; see `load` for errors."""
    try:
        return load(path)
    except KeyFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    # Two processes may come here at once: both must end up with the key that stands in the file.
    create_durably(path, SigningKey.generate().to_pem(), mode=_OWNER_ONLY)
    return load(path)


def load(path: Path) -> SigningKey:
    """Return the key in the file.

    Raises KeyFileError when it can't be read, is not an Ed25519 key, or others may read it: a key
    that somebody else could have copied proves nothing.
    """
    try:
        mode = path.stat().st_mode & 0o777
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {os.strerror(error.errno or 0)}") from error
    if mode & 0o077:
        raise KeyFileError(f"{path}: mode {mode:04o} lets others read it; chmod 600 it")
    try:
        return SigningKey.from_pem(pem)
    except NotAKeyError as error:
        raise KeyFileError(f"{path}: {error}") from error
