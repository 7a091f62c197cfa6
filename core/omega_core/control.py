"""Control messages between agent, Controller, test point and Collector.

    agent --- SessionRequest, signed by the agent ---> Controller
    agent <-- GrantAnswer: Grant, signed by the server, and the profile --- Controller
    agent --- the grant ---> test point                         (see `omega_core.wire.testpoint`)
    agent <-- Observation, signed by the test point --- test point
    agent --- Record, signed by the agent ---> Collector
    agent <-- Receipt, signed by the server --- Collector

Refusals are problem details (RFC 9457) with a stable `code`; `Refusal` is that body.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from omega_core import limits
from omega_core.evidence import FlowCounts, SenderCounts, StreamReport
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.models import Address, Digest, Id, KeyId, KeyText, Port, StrictModel, UnixUs
from omega_core.record import ChangeText, Purpose
from omega_core.verdict import Mode, ProfileRef, Verdict

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_Secret = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
_KeyEvent = Annotated[str, Field(max_length=limits.KEY_EVENT_BYTES_MAX)]
_Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
_Envelope = Annotated[str, Field(max_length=limits.ENVELOPE_BYTES_MAX)]


class ServerInfo(StrictModel):
    """What the server says of itself to anyone: `GET /v1/server`. Pinned at enrolment.

    `key_rotations` are the sealed statements that lead from its first key to `server_key`, oldest
    first: whoever has pinned an earlier key follows them.
    """

    schema_version: Version1 = 1
    software: Annotated[str, Field(max_length=64)]
    server_key: KeyText
    key_rotations: Annotated[tuple[_KeyEvent, ...], Field(max_length=limits.KEY_CHAIN_MAX)] = ()
    now_unix_us: UnixUs


class AddressProof(StrictModel):
    """A ticket that says which address the server saw: `GET /v1/address`, one for each family.

    `token` is the server's own and opaque to the agent. `server_address` is the address at which
    the server was reached, so that the test point is asked for in the same family.
    """

    address: Address
    server_address: Address
    token: Annotated[str, Field(max_length=512)]


class SessionRequest(StrictModel):
    """A request for one session: `POST /v1/sessions`, sealed with the agent's key.

    `changed` says what was changed on the line of the sheet before this attempt, null where nothing
    was: with it the attempts before are no longer of the same line. `instruction_id` is what the
    agent was told to do, null where somebody at the device asks.
    """

    schema_version: Version1 = 1
    purpose: Purpose
    mode: Mode
    sheet_id: Id | None = None
    ticket_id: Id | None = None
    plan_id: Id | None = None
    agent_id: Id | None
    agent_key: KeyText
    software: Annotated[str, Field(max_length=64)]
    nonce: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22,43}$")]
    requested_unix_us: UnixUs
    seq: _Count
    address_tokens: Annotated[
        tuple[str, ...], Field(min_length=1, max_length=limits.SESSION_ADDRESSES_MAX)
    ]
    changed: ChangeText | None = None
    instruction_id: Id | None = None

    @model_validator(mode="after")
    def _purpose_names_its_object(self) -> Self:
        if (self.purpose == "install") != (self.sheet_id is not None):
            raise ValueError("purpose install, and no other, names a sheet")
        if (self.purpose == "ticket") != (self.ticket_id is not None):
            raise ValueError("purpose ticket, and no other, names a ticket")
        if self.changed is not None and self.sheet_id is None:
            raise ValueError("a change is recorded on a sheet")
        return self


class TestPointRef(StrictModel):
    """Where to measure, and whose signature will stand under the counts of the other end."""

    __test__ = False  # not a pytest class

    id: Id
    key: KeyText
    addresses: Annotated[tuple[Address, ...], Field(min_length=1, max_length=4)]
    tcp_port: Port
    udp_port: Port


class GrantLimits(StrictModel):
    """What a session may cost at most; the test point enforces it.

    The rates are no limit: they are what the line is expected to carry at the IP layer, so that the
    test point can tell whether it has room; null where no plan says it.
    """

    bytes_down: _Count
    bytes_up: _Count
    duration_s: Annotated[int, Field(ge=1, le=limits.GRANT_LIFE_S)]
    rate_bps_down: _Count | None = None
    rate_bps_up: _Count | None = None


class Grant(StrictModel):
    """The Controller's signed, single-use permission to measure, bound to the agent's addresses.

    `changed` is the request's: what it says was there before anything was measured; so is
    `instruction_id`.
    """

    schema_version: Version1 = 1
    grant_id: Id
    session_id: Id
    agent_kid: KeyId
    purpose: Purpose
    mode: Mode
    sheet_id: Id | None
    ticket_id: Id | None
    plan_id: Id | None
    profile: ProfileRef | None
    test_point: TestPointRef
    addresses: Annotated[
        tuple[Address, ...], Field(min_length=1, max_length=limits.SESSION_ADDRESSES_MAX)
    ]
    session_secret: _Secret
    limits: GrantLimits
    issued_unix_us: UnixUs
    not_before_unix_us: UnixUs
    not_after_unix_us: UnixUs
    changed: ChangeText | None = None
    instruction_id: Id | None = None


class GrantAnswer(StrictModel):
    """Answer to a session request: the sealed grant, and the profile whose digest it pins."""

    grant: _Envelope
    profile: dict[str, Any] | None


class Refusal(StrictModel):
    """A problem detail (RFC 9457): what is wrong, and who can mend it."""

    type: Annotated[str, Field(max_length=128)] = "about:blank"
    title: Annotated[str, Field(max_length=128)]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(max_length=1024)]
    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    who_acts: Annotated[str, Field(max_length=256)]
    retry_after_s: _Count | None = None


class EnrolmentRequest(StrictModel):
    """A device joins: `POST /v1/agents`, sealed with the key it made, which proves possession.

    The token, random and good for one device, is the server's challenge; `server_key` is the origin
    that the device means. `serial` and `sheet_id` are what a token may have been bound to.
    """

    schema_version: Version1 = 1
    token: Annotated[str, Field(min_length=16, max_length=128)]
    agent_key: KeyText
    server_key: KeyText
    software: Annotated[str, Field(max_length=64)]
    requested_unix_us: UnixUs
    serial: Id | None = None
    sheet_id: Id | None = None


class KeyStatement(StrictModel):
    """The server's word that a key belongs to an agent, or to a test point."""

    schema_version: Version1 = 1
    role: Literal["agent", "test_point"]
    id: Id
    kid: KeyId
    key: KeyText
    issued_unix_us: UnixUs


class EnrolmentAnswer(StrictModel):
    """The agent's name, and the sealed statement of its key."""

    agent_id: Id
    statement: _Envelope


class ReadRequest(StrictModel):
    """A device asks to see a record it made: `GET /v1/records/{digest}`, in a header."""

    schema_version: Version1 = 1
    record_digest: Digest
    requested_unix_us: UnixUs


class StreamCounts(StrictModel):
    """What the test point saw of one delay stream."""

    stream: _Count
    ssid: _Count
    report: StreamReport


class RunCounts(StrictModel):
    """What the test point counted of one TCP run; it is the receiver of an upward run."""

    run: _Count
    direction: Direction
    flows: Annotated[tuple[FlowCounts, ...], Field(max_length=limits.GOODPUT_FLOWS_MAX)]
    senders: Annotated[tuple[SenderCounts, ...], Field(max_length=limits.GOODPUT_FLOWS_MAX)]


class CapacityCounts(StrictModel):
    """What the test point counted of one UDP load: as receiver of an upward one, else as sender."""

    run: _Count
    direction: Direction
    ip_octets: Annotated[int, Field(ge=1, le=limits.LOAD_IP_OCTETS_MAX)]
    counts: LoadCounts


class TestPointLoad(StrictModel):
    """How busy the test point was during the session; `omega_core.saturation` judges it.

    `cpu_busy_ppm_max` is of all its cores in the busiest second, `cpu_sustained_ppm_max` what they
    never fell below in the busiest three seconds, of those after which other sessions were open
    beside this one. Rates are bit/s at the IP layer, in the busier direction, of all sessions
    together: `committed_bps_max` is what their grants expect, or what was seen of those that expect
    nothing, `moved_bps_max` what they really moved over a second. `nic_busy_ppm_max` is of the
    busiest link. Null is what is not known, or not bounded.
    """

    __test__ = False  # not a pytest class

    cpu_busy_ppm_max: _Count
    sessions_max: _Count
    cpu_sustained_ppm_max: _Count | None = None
    capacity_bps: _Count | None = None
    committed_bps_max: _Count | None = None
    moved_bps_max: _Count | None = None
    nic_busy_ppm_max: _Count | None = None


class Observation(StrictModel):
    """The second observer: the test point's own counts of a session, signed with its key."""

    schema_version: Version1 = 1
    session_id: Id
    grant_digest: Digest
    test_point: Id
    started_unix_us: UnixUs
    ended_unix_us: UnixUs
    streams: Annotated[tuple[StreamCounts, ...], Field(max_length=limits.SESSION_STREAMS_MAX)] = ()
    runs: Annotated[tuple[RunCounts, ...], Field(max_length=limits.GOODPUT_RUNS_MAX)] = ()
    capacity: Annotated[tuple[CapacityCounts, ...], Field(max_length=limits.CAPACITY_RUNS_MAX)] = ()
    octets_received: _Count
    octets_sent: _Count
    load: TestPointLoad


class LogPosition(StrictModel):
    """Where in the server's append-only log a record stands."""

    origin: Annotated[str, Field(max_length=128)]
    index: _Count
    tree_size: _Count


class ConsistencyProof(StrictModel):
    """Hashes that show a log of `new_size` to begin with all of it when it had `old_size` entries.

    In base64, in the order of RFC 6962 section 2.1.2.
    """

    schema_version: Version1 = 1
    old_size: _Count
    new_size: _Count
    hashes: Annotated[tuple[_Hash, ...], Field(max_length=limits.LOG_PATH_HASHES_MAX)]


class Receipt(StrictModel):
    """The Collector's word that a record is durable; only then may the agent forget it.

    `rules` is the version of the rules behind `verdict`; null where it was made before they had
    one.
    """

    schema_version: Version1 = 1
    record_digest: Digest
    envelope_digest: Digest
    session_id: Id | None
    received_unix_us: UnixUs
    posted_to: Literal["sheet", "ticket", "nobody"]
    posted_id: Id | None
    verdict: Verdict | None
    log: LogPosition | None
    rules: Annotated[int, Field(ge=1, le=INTEGER_MAX)] | None = None
