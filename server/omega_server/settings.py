"""What `omega-server run` can be told, checked before anything is started."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from omega_core.errors import UsageError
from omega_core.limits import CHECK_INS_PER_S, SESSIONS_OF_AN_ADDRESS_MAX
from omega_server.addresses import is_public, plain

DATABASE_FILE = "omega.sqlite"
PLANS_FILE = "plans_folder"
PORT_DEFAULT = 8600
ANY_ADDRESS = "::"
BPS_OF_MBIT = 1_000_000

_PortOrAny = Annotated[int, Field(ge=0, le=65_535)]


class ServerSettings(BaseModel):
    """One installation. `None` for the database is the embedded one in the data folder.

    `test_point_hosts` are the addresses told to agents, where they are not those at which agents
    reach the server (a NAT, a proxy in front of the API).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path
    host: str = ANY_ADDRESS
    port: _PortOrAny = PORT_DEFAULT
    database: str | None = None
    test_point_hosts: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    test_point_bind: str | None = None
    test_point_tcp_port: _PortOrAny = 0
    test_point_udp_port: _PortOrAny = 0
    test_point_capacity_mbit: Annotated[int, Field(ge=0)] | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    time_zone: str = "UTC"
    plans: Path | None = None
    selftests_max: Annotated[int, Field(ge=0, le=1_000_000)] = SESSIONS_OF_AN_ADDRESS_MAX
    check_ins_per_s: Annotated[int, Field(ge=1, le=100_000)] = CHECK_INS_PER_S

    @property
    def database_url(self) -> str:
        """The store's URL."""
        return database_url(self.data, self.database)

    @property
    def test_point_capacity_bps(self) -> int | None:
        """See `TestPointSettings.capacity_bps`."""
        mbit = self.test_point_capacity_mbit
        return None if mbit is None else mbit * BPS_OF_MBIT

    @property
    def has_tls(self) -> bool:
        """Whether the API is encrypted."""
        return self.tls_cert is not None

    @field_validator("host", "test_point_bind", mode="after")
    @classmethod
    def _host_is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else _address(value)

    @field_validator("test_point_hosts", mode="after")
    @classmethod
    def _hosts_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts = tuple(_address(each) for each in value)
        if any(ipaddress.ip_address(host).is_unspecified for host in hosts):
            raise ValueError("agents can't be sent to an unspecified address")
        return hosts

    @field_validator("time_zone", mode="after")
    @classmethod
    def _time_zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"no time zone of this machine is called {value}") from error
        return value

    @model_validator(mode="after")
    def _tls_is_whole_and_there_where_needed(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key go together")
        if is_public(self.host) and not self.has_tls and not self.insecure:
            raise ValueError(
                f"{self.host} is a public address: plain http there needs --insecure;"
                " better give --tls-cert and --tls-key"
            )
        return self


def checked_settings(**values: object) -> ServerSettings:
    """Return the settings; raises UsageError with the first thing that is wrong."""
    try:
        return ServerSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = "--" + str(first["loc"][0]).replace("_", "-") if first["loc"] else ""
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: {reason}" if name else reason) from None


def database_url(data: Path, database: str | None) -> str:
    """Return the URL of the store: the one given, else the embedded one in the data folder."""
    return database or f"sqlite:///{data.resolve() / DATABASE_FILE}"


def _address(text: str) -> str:
    try:
        return plain(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
