"""Where a diagnosis looks beside the line itself: told by whoever runs the devices.

    HOME/references.toml
        addresses = ["192.0.2.53", "2001:db8::53"]    hosts past the test point that answer echoes
        name_servers = ["192.0.2.53"]                 asked for names beside the host's own

Without hosts past the test point a fault there can't be told from a good line, and with one of them
its own fault can't be told from the way's: two or more are wanted. Without a name server past the
box a forwarder that fails can't be told from the servers that it asks. A file that can't be read
ends the command with one line, before anything is measured.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from omega_agent.errors import WrongUseError, not_kept
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX, NAME_SERVERS_MAX, PATH_REFERENCES_MAX
from omega_core.models import Address, StrictModel, first_fault


class References(StrictModel):
    """What the file says; nothing where there is none."""

    addresses: Annotated[
        tuple[Address, ...], Field(strict=False, max_length=PATH_REFERENCES_MAX)
    ] = ()
    name_servers: Annotated[
        tuple[Address, ...], Field(strict=False, max_length=NAME_SERVERS_MAX)
    ] = ()

    @field_validator("addresses", "name_servers")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ipaddress.ip_address(each)  # its ValueError says what is wrong
        return value

    def joined_by(self, told: tuple[str, ...]) -> References:
        """Return these behind those that an instruction names, as many as a diagnosis takes."""
        every = tuple(dict.fromkeys((*told, *self.addresses)))
        return References(addresses=every[:PATH_REFERENCES_MAX], name_servers=self.name_servers)


def load_references(path: Path) -> References:
    """Return what the file says, or nothing where there is none; raises WrongUseError."""
    try:
        with path.open("rb") as file:
            data = file.read(LOCAL_LIMITS_BYTES_MAX + 1)
    except FileNotFoundError:
        return References()
    except OSError as error:
        raise not_kept(path, error) from error
    if len(data) > LOCAL_LIMITS_BYTES_MAX:
        raise WrongUseError("limits_file", path=path, why="too large")
    try:
        return References.model_validate(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUseError("limits_file", path=path, why=error) from None
    except ValidationError as error:
        raise WrongUseError("limits_file", path=path, why=first_fault(error, References)) from None
