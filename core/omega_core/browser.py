"""A browser's test in messages: the leave the server gives to it, and the test point's word on it.

    page <-- BrowserGrant, sealed by the server --- POST /v1/browser-tests
    page --- `access_token`, the same ---> test point, over WebSocket
    page <-- BrowserObservation, sealed by the test point --- the last message of each run
    page --- the observations ---> server, which keeps them for a ticket

A browser has no key and no clock that anybody knows, so what it says of itself proves nothing. What
the test point has seen does: how many octets went which way, in what time, and what its own kernel
says of the connection.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from omega_core import limits
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.models import Address, Id, StrictModel, UnixUs

Nonce: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")]
BrowserTask: TypeAlias = Literal["download", "upload", "echo"]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=INTEGER_MAX)]


class BrowserGrant(StrictModel):
    """Leave for one browser to test once against one test point.

    `test_id` is what the page shows, and a ticket names. Each task may be begun as often as
    `BROWSER_RUNS_MAX` says, and all of them together move no more than these octets each way.
    """

    schema_version: Version1 = 1
    test_id: Id
    nonce: Nonce
    test_point: Id
    address: Address
    bytes_down: _Count
    bytes_up: _Count
    not_before_unix_us: UnixUs
    not_after_unix_us: UnixUs


class BrowserObservation(StrictModel):
    """What the test point saw of one run of a browser.

    Octets are TCP payload, WebSocket's framing included: `octets` what the other end acknowledged
    of a download, and what came of an upload. Times are of the test point's clock.
    """

    schema_version: Version1 = 1
    test_id: Id
    test_point: Id
    run: Annotated[int, Field(ge=0, le=limits.BROWSER_RUNS_MAX)]
    task: BrowserTask
    address: Address
    began_unix_us: UnixUs
    duration_us: _Count
    octets: _Count
    goodput_bps: _Count | None
    rtt_us_min: _Count
    rtt_us: _Count
    retransmitted_octets: _Count
    congestion_control: Annotated[str, Field(max_length=32)]
    user_agent: Annotated[str, Field(max_length=200)]
