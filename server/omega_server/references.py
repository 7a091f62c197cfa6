"""Where agents look past the test point when they diagnose a line: `references.toml`.

    addresses = ["192.0.2.53", "2001:db8::53"]    hosts beyond the operator that answer echoes

In the data folder; it goes with each diagnosis of a ticket, so that whoever runs the server says it
once and not on every device. A device's own `references.toml` adds to it, and its owner's limits
must allow these addresses.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from omega_core.errors import UsageError, storage_error
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX, PATH_REFERENCES_MAX
from omega_core.models import Address, StrictModel, first_fault

REFERENCES_FILE = "references.toml"


class _References(StrictModel):
    addresses: Annotated[
        tuple[Address, ...], Field(strict=False, max_length=PATH_REFERENCES_MAX)
    ] = ()

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ipaddress.ip_address(each)  # its ValueError says what is wrong
        return value


def read_references(data: Path) -> tuple[str, ...]:
    """Return the addresses in the data folder's file, none where there is none.

    Raises UsageError for a file that can't be taken, StorageError for one that can't be read.
    """
    path = data / REFERENCES_FILE
    try:
        with path.open("rb") as file:
            content = file.read(LOCAL_LIMITS_BYTES_MAX + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise storage_error(path, error) from error
    if len(content) > LOCAL_LIMITS_BYTES_MAX:
        raise UsageError(f"{path}: too large (operator: it names {PATH_REFERENCES_MAX} hosts)")
    try:
        read = _References.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error} (operator: mend the file)") from None
    except ValidationError as error:
        fault = first_fault(error, _References)
        raise UsageError(f"{path}: {fault} (operator: mend the file)") from None
    return read.addresses
