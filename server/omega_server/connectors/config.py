"""Which ticket systems there are: `connectors.toml` in the data folder, checked before it is used.

    [[systems]]
    name = "helpdesk"                  # ours for it: in commands, logs, on tickets
    kind = "zammad"                    # or "request_tracker", "glpi", "webhook"
    url = "https://help.example.net"
    token_file = "/etc/omega/helpdesk.token"      # or token_env = "OMEGA_HELPDESK_TOKEN"
    language = "fr"

A secret never stands in this file, which is shown around: it is in a file of its own, or in the
environment. Plain http is for loopback and private addresses, or where `insecure` says so.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from omega_core.clock import Clock
from omega_core.errors import UsageError, storage_error
from omega_core.limits import (
    CONNECTOR_CONFIG_BYTES_MAX,
    CONNECTOR_SECRET_BYTES_MAX,
    CONNECTORS_MAX,
)
from omega_core.models import Id
from omega_server.connectors.diagnostic import Language
from omega_server.connectors.glpi import Glpi
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import TicketSystem
from omega_server.connectors.request_tracker import RequestTracker
from omega_server.connectors.webhook import Webhook
from omega_server.connectors.zammad import Zammad

CONNECTORS_FILE = "connectors.toml"
_SECRET_CHARS_MIN = 16
_NUMBER_DIGITS_MAX = 18
_EXTERNAL_CHARS_MAX = 128

Kind = Literal["zammad", "request_tracker", "glpi", "webhook"]


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it can't be read as an address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("an address of http or https with a host is needed")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no name and password in an address: secrets are kept elsewhere")
    if parts.query or parts.fragment:
        raise ValueError("it goes on behind ? or #: only the base address is needed")
    return text.rstrip("/")


class SystemSettings(BaseModel):
    """One ticket system. `public_url` is ours, for links; None leaves links out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Id
    kind: Kind
    url: Annotated[str, Field(max_length=500), AfterValidator(_base)]
    token_file: Path | None = None
    token_env: str | None = None
    app_token_file: Path | None = None
    language: Language = "en"
    internal: bool = True
    insecure: bool = False
    ca_file: Path | None = None
    public_url: Annotated[str, Field(max_length=500), AfterValidator(_base)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.token_file is None) == (self.token_env is None):
            raise ValueError("either token_file or token_env says where the secret is")
        if self.app_token_file is not None and self.kind != "glpi":
            raise ValueError("app_token_file is for glpi alone")
        if self.kind in {"request_tracker", "webhook"} and not self.internal:
            raise ValueError(f"internal = false is not for {self.kind}")
        if self.url.startswith("http://") and not self.insecure and not _is_near(self.url):
            raise ValueError("plain http to a far address shows the secret to all on the way")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    systems: Annotated[tuple[SystemSettings, ...], Field(max_length=CONNECTORS_MAX)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [each.name for each in self.systems]
        if len(set(names)) < len(names):
            raise ValueError("two systems have one name")
        return self


def read_settings(path: Path) -> tuple[SystemSettings, ...]:
    """Return the systems of a file; none when there is no file. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(CONNECTOR_CONFIG_BYTES_MAX + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise storage_error(path, error) from error
    if len(data) > CONNECTOR_CONFIG_BYTES_MAX:
        raise UsageError(f"{path}: larger than {CONNECTOR_CONFIG_BYTES_MAX} bytes")
    try:
        return _File.model_validate(tomllib.loads(data.decode("utf-8"))).systems
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(each) for each in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {where}: {reason}" if where else f"{path}: {reason}") from None


def systems_of(
    settings: tuple[SystemSettings, ...], clock: Clock, environment: Mapping[str, str]
) -> dict[str, TicketSystem]:
    """Return the systems, by name, ready to be asked; raises UsageError where a secret is not."""
    return {each.name: system_of(each, clock, environment) for each in settings}


def system_of(
    settings: SystemSettings, clock: Clock, environment: Mapping[str, str] | None = None
) -> TicketSystem:
    """Return one system; nothing is sent. Raises UsageError where its secret is not."""
    secret = _secret(settings, os.environ if environment is None else environment)
    language = settings.language
    door = Door(base=settings.url, headers={}, clock=clock, ca_file=settings.ca_file)
    if settings.kind == "zammad":
        door = _with(door, {"Authorization": f"Token token={secret}"})
        return Zammad(door=door, language=language, internal=settings.internal)
    if settings.kind == "request_tracker":
        door = _with(door, {"Authorization": f"token {secret}"})
        return RequestTracker(door=door, language=language)
    if settings.kind == "glpi":
        app = settings.app_token_file
        door = _with(door, {} if app is None else {"App-Token": _read_secret(settings.name, app)})
        return Glpi(door=door, language=language, user_token=secret, private=settings.internal)
    if len(secret) < _SECRET_CHARS_MIN:
        raise UsageError(f"{settings.name}: the secret has under {_SECRET_CHARS_MIN} characters")
    return Webhook(door=door, language=language, secret=secret.encode())


def check_external_id(settings: SystemSettings, external_id: str) -> str:
    """Return the number of a ticket as its system counts; raises UsageError for any other.

    It becomes part of an address: digits alone can't lead anywhere else.
    """
    if settings.kind == "webhook":
        if external_id.isprintable() and 0 < len(external_id) <= _EXTERNAL_CHARS_MAX:
            return external_id
        raise UsageError(f"1 to {_EXTERNAL_CHARS_MAX} printable characters are a ticket's number")
    is_number = external_id.isascii() and external_id.isdigit()
    if not is_number or len(external_id) > _NUMBER_DIGITS_MAX or int(external_id) == 0:
        raise UsageError(f"{external_id!r}: tickets of {settings.kind} have a number, its own id")
    return str(int(external_id))


def _with(door: Door, headers: Mapping[str, str]) -> Door:
    return Door(base=door.base, headers=headers, clock=door.clock, ca_file=door.ca_file)


def _secret(settings: SystemSettings, environment: Mapping[str, str]) -> str:
    if settings.token_env is not None:
        found = environment.get(settings.token_env, "").strip()
        if not found:
            raise UsageError(f"{settings.name}: ${settings.token_env} is not set")
        return _sendable(settings.name, found)
    assert settings.token_file is not None  # noqa: S101 - `_is_whole` has seen to it
    return _read_secret(settings.name, settings.token_file)


def _read_secret(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(CONNECTOR_SECRET_BYTES_MAX + 1)
    except FileNotFoundError:
        raise UsageError(f"{name}: the secret's file {path} is not there") from None
    except OSError as error:
        raise storage_error(path, error) from error
    return _sendable(name, data.decode("utf-8", "replace").strip())


def _sendable(name: str, secret: str) -> str:
    """Return what may stand in a header; a line break in it would begin another header."""
    if not secret or not secret.isascii() or not secret.isprintable():
        raise UsageError(f"{name}: the secret is empty, or holds what no header can carry")
    if len(secret) > CONNECTOR_SECRET_BYTES_MAX:
        raise UsageError(f"{name}: the secret has more than {CONNECTOR_SECRET_BYTES_MAX} bytes")
    return secret


def _is_near(url: str) -> bool:
    """Say whether every address of the host is loopback or private; a name nobody knows is not."""
    host = urlsplit(url).hostname or ""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
    return bool(addresses) and all(each.is_loopback or each.is_private for each in addresses)
