"""The standing grant: leave to watch a line for weeks, which the test point checks alone.

    agent --- StandingRequest, sealed by the agent ---> Controller
    agent <-- StandingGrant, sealed by the server --- Controller
    agent --- hello with the grant, UDP ---> test point      (see `omega_core.wire.standing`)

Unlike a session's grant it holds many times, for any address, and for weeks: what it allows is so
little (two small packets a second, answered in kind) that it is bound to the agent's key alone. It
is small on purpose: it crosses the line in one datagram together with the agent's signature.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from omega_core.facts import Version1
from omega_core.models import Address, Id, KeyText, Port, StrictModel, UnixUs

Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16}$")]


class StandingRequest(StrictModel):
    """A device asks for leave to watch its line: `POST /v1/standing-grants`."""

    schema_version: Version1 = 1
    agent_id: Id
    agent_key: KeyText
    nonce: Nonce
    requested_unix_us: UnixUs


class StandingGrant(StrictModel):
    """Leave for one agent to watch its line against one test point.

    `nonce` is the request's, so that the agent knows this for the answer to what it asked just now.
    Without `addresses` the test point is where the server was reached.
    """

    schema_version: Version1 = 1
    agent_key: KeyText
    nonce: Nonce
    test_point: Id
    test_point_key: KeyText
    addresses: Annotated[tuple[Address, ...], Field(max_length=2)] = ()
    udp_port: Port
    not_before_unix_us: UnixUs
    not_after_unix_us: UnixUs
