"""The operator's provider: `oidc.toml` in the data folder, checked before it is used.

    issuer = "https://login.example.net/realms/operator"
    client_id = "omega"
    client_secret_file = "/etc/omega/oidc.secret"   # left out for a public client
    public_url = "https://omega.example.net"        # ours: people come back to it
    name_claim = "preferred_username"
    role_claim = "groups"

    [[roles]]                                       # the first that is among the claim's values
    value = "omega-admins"
    role = "administrator"

    [[roles]]
    value = "hotline"
    role = "helpdesk"
    level = 1

Whoever has none of these values is not let in. The secret stands in a file of its own.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from omega_core.errors import UsageError, storage_error
from omega_core.limits import CONNECTOR_SECRET_BYTES_MAX, OIDC_CONFIG_BYTES_MAX
from omega_server.people.roles import Role, check_post
from omega_server.refusals import RefusalError

OIDC_FILE = "oidc.toml"
CALLBACK = "/v1/provider/callback"


def is_safe_address(text: str) -> bool:
    """Say whether a secret may be sent there: by TLS, or without leaving the machine."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host)
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(text: str) -> str:
    if not is_safe_address(text):
        raise ValueError("an https address is needed, or http on this machine")
    parts = urlsplit(text)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("no name, ? or # in this address")
    return text


_Address = Annotated[str, Field(max_length=500), AfterValidator(_address)]
_Claim = Annotated[str, Field(min_length=1, max_length=128)]


class RoleOf(BaseModel):
    """Which post the holders of one value of the claim have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: _Claim
    role: Role
    level: int | None = None

    @model_validator(mode="after")
    def _is_a_post(self) -> Self:
        try:
            check_post(self.role, self.level)
        except RefusalError as error:
            raise ValueError(str(error)) from None
        return self


class ProviderSettings(BaseModel):
    """One provider. `issuer` is as its documents write it, to the last slash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: _Address
    client_id: _Claim
    client_secret_file: Path | None = None
    public_url: _Address
    name_claim: _Claim = "preferred_username"
    role_claim: _Claim = "groups"
    ca_file: Path | None = None
    roles: Annotated[tuple[RoleOf, ...], Field(min_length=1, max_length=64)]

    @property
    def redirect_uri(self) -> str:
        """Where people come back to; the provider must be told the same."""
        return self.public_url.rstrip("/") + CALLBACK

    def secret(self) -> str | None:
        """Return the client's secret; raises StorageError, UsageError."""
        if self.client_secret_file is None:
            return None
        return _read(self.client_secret_file, CONNECTOR_SECRET_BYTES_MAX).decode("utf-8").strip()


def read_provider(path: Path) -> ProviderSettings | None:
    """Return what the file says; None where there is none. Raises UsageError, StorageError."""
    if not path.exists():
        return None
    try:
        content = tomllib.loads(_read(path, OIDC_CONFIG_BYTES_MAX).decode("utf-8"))
        return ProviderSettings.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path.name}: {place}: {reason}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name}: it is not TOML") from error


def _read(path: Path, octets_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(octets_max + 1)
    except OSError as error:
        raise storage_error(path, error) from error
    if len(data) > octets_max:
        raise UsageError(f"{path.name}: more than {octets_max} octets")
    return data
