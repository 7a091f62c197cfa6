"""Messages between probe and test point, on a control connection and on each flow's.

    probe                                   test point (one TCP port)
    Hello(grant)                ----->      verifies the grant by the server's key alone
                                <-----      Welcome, or Refused and the end
    OpenStream(stream)          ----->      a delay stream: its SSID and UDP port
                                <-----      StreamReady
         ... STAMP packets over UDP ...
    CloseStream(stream)         ----->
                                <-----      StreamClosed(report)
    OpenRun(run, direction)     ----->
                                <-----      RunReady
       on a connection of its own, for each flow, also later in the run:
       Join(run, flow, mac)     ----->
                                <-----      Joined, or Refused
         ... random octets one way, until the run ends ...
                                <-----      Progress, every tick of an upward run, and when
                                            the test point stops a run by itself
    EndRun(run)                 ----->      stops its flows
                                <-----      RunClosed(counts)
    OpenLoad(run, direction)    ----->
                                <-----      LoadReady: its stream and its own UDP port
         ... datagrams of `omega_core.wire.load`, both ways ...
                                <-----      Progress, when the test point stops it by itself
    CloseLoad(run)              ----->
                                <-----      LoadClosed(counts)
    Finish                      ----->
                                <-----      Finished(observation) and the end

One control connection is one session; when it ends so does the session. The probe may always stop
early. `mac` is HMAC-SHA-256 under the session secret, so a flow can't be joined by a stranger.
Every message is a JSON object with a `type`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias

from omega_core import limits
from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.evidence import FlowCounts, SenderCounts, StreamReport
from omega_core.facts import Between, Count, Fact, Length, Name, Text, Version1
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.wire.frames import FrameError, encode_frame

PROTOCOL_VERSION: Final = 1

RunNumber: TypeAlias = Annotated[int, Between(0, limits.GOODPUT_RUNS_MAX - 1)]
StreamNumber: TypeAlias = Annotated[int, Between(0, limits.SESSION_STREAMS_MAX - 1)]
FlowNumber: TypeAlias = Annotated[int, Between(0, limits.GOODPUT_FLOWS_MAX - 1)]
Envelope: TypeAlias = Annotated[str, Length(2, limits.FRAME_BYTES_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Fact):
    """First message of a session: the sealed grant."""

    version: Version1
    grant: Envelope
    type: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Fact):
    """The grant holds. `now_unix_us` is the test point's clock, for the clock facts."""

    session_id: Name
    now_unix_us: Count
    type: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Fact):
    """No, and why; `code` is stable. Nothing was started."""

    code: Name
    detail: Text
    retry_after_s: Count | None = None
    type: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream(Fact):
    """Let a delay stream be answered.

    `octets_max` is what its replies may come to, in IP octets: the rest of the grant stays free for
    the run beside it. Without it the test point sets a share of the grant aside.
    """

    stream: StreamNumber
    authenticated: bool
    octets_max: Count | None = None
    type: Literal["open_stream"] = "open_stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReady(Fact):
    """Packets with this SSID, from an address of the grant, are answered at this port."""

    stream: StreamNumber
    ssid: Annotated[int, Between(1, 65_535)]
    udp_port: Annotated[int, Between(1, 65_535)]
    type: Literal["stream_ready"] = "stream_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseStream(Fact):
    """No more packets will come; say what was seen."""

    stream: StreamNumber
    type: Literal["close_stream"] = "close_stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosed(Fact):
    """What the reflector counted."""

    stream: StreamNumber
    report: StreamReport
    type: Literal["stream_closed"] = "stream_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun(Fact):
    """Prepare a TCP run.

    The congestion controls are wishes for the test point's sending end: one to start with, and one
    to change to as soon as the run has carried `limits.FAST_TICK_OCTETS` within a tick.
    `octets_max` is what of the grant this run is to take, in IP octets; null is all that is left.
    `pace_bps` is what all flows together may send in a second, payload; null where nothing holds
    them back.
    """

    run: RunNumber
    direction: Direction
    duration_ms: Annotated[int, Between(100, limits.GOODPUT_RUN_NS_MAX // 1_000_000)]
    congestion_control: Name | None = None
    congestion_control_fast: Name | None = None
    octets_max: Count | None = None
    pace_bps: Annotated[int, Between(1, limits.LOAD_RATE_BPS_MAX)] | None = None
    type: Literal["open_run"] = "open_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReady(Fact):
    """Flows may join; `congestion_control` is what the test point's sockets really start with."""

    run: RunNumber
    congestion_control: Name
    type: Literal["run_ready"] = "run_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Fact):
    """First message on a flow's own connection."""

    session_id: Name
    run: RunNumber
    flow: FlowNumber
    mac: Annotated[str, Length(64, 64)]
    type: Literal["join"] = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Fact):
    """After this frame the connection carries the flow's octets and nothing else."""

    run: RunNumber
    flow: FlowNumber
    type: Literal["joined"] = "joined"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTick(Fact):
    """Octets one flow had read at one moment of the receiver's clock, since the run began."""

    flow: FlowNumber
    at_us: Count
    octets: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Fact):
    """The receiver's latest counters of an upward run, one entry a flow.

    `stopped` says that the test point has ended the run by itself, and why, in either direction;
    EndRun then brings the counts as ever.
    """

    run: RunNumber
    flows: Annotated[tuple[FlowTick, ...], Length(0, limits.GOODPUT_FLOWS_MAX)]
    stopped: Name | None = None
    type: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRun(Fact):
    """Stop the run."""

    run: RunNumber
    type: Literal["end_run"] = "end_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed(Fact):
    """The test point's counts: every tick as receiver, the kernel's figures as sender.

    `congestion_control` is what its flows used at the end, null where it did not send. `held_back`
    says that as sender it kept to a share of the run's octets and could have sent faster.
    """

    run: RunNumber
    flows: Annotated[tuple[FlowCounts, ...], Length(0, limits.GOODPUT_FLOWS_MAX)]
    senders: Annotated[tuple[SenderCounts, ...], Length(0, limits.GOODPUT_FLOWS_MAX)]
    congestion_control: Name | None = None
    held_back: bool = False
    type: Literal["run_closed"] = "run_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoad(Fact):
    """Prepare a UDP load of a capacity measurement; `run` is of one row with those of OpenRun.

    `octets_max` is what of the grant it is to take, in IP octets; null is all that is left. All
    packets have `ip_octets`, headers included, a multiple of 4.
    """

    run: RunNumber
    direction: Direction
    duration_ms: Annotated[int, Between(100, limits.LOAD_RUN_NS_MAX // 1_000_000)]
    ip_octets: Annotated[int, Between(limits.LOAD_IP_OCTETS_MIN, limits.LOAD_IP_OCTETS_MAX)]
    octets_max: Count | None = None
    type: Literal["open_load"] = "open_load"

    def __post_init__(self) -> None:
        if self.ip_octets % 4:
            raise ValueError("packets of a load have a multiple of 4 octets")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReady(Fact):
    """Datagrams of this stream, from an address of the grant, are taken at this port.

    `octets_max` is what was set aside for it.
    """

    run: RunNumber
    stream: Annotated[int, Between(1, 2**32 - 1)]
    udp_port: Annotated[int, Between(1, 65_535)]
    octets_max: Count
    type: Literal["load_ready"] = "load_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLoad(Fact):
    """Stop the load."""

    run: RunNumber
    type: Literal["close_load"] = "close_load"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadClosed(Fact):
    """The test point's counts: its ticks as receiver, or what it sent."""

    run: RunNumber
    counts: LoadCounts
    type: Literal["load_closed"] = "load_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Fact):
    """The session is over."""

    type: Literal["finish"] = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Fact):
    """The sealed observation."""

    observation: Envelope
    type: Literal["finished"] = "finished"


FromProbe: TypeAlias = (
    Hello | OpenStream | CloseStream | OpenRun | Join | EndRun | OpenLoad | CloseLoad | Finish
)
FromTestPoint: TypeAlias = (
    Welcome
    | Refused
    | StreamReady
    | StreamClosed
    | RunReady
    | Joined
    | Progress
    | RunClosed
    | LoadReady
    | LoadClosed
    | Finished
)


def encode(message: FromProbe | FromTestPoint) -> bytes:
    """Return the message as one frame."""
    return encode_frame(canonical_bytes(_adapter("both").dump_python(message, mode="json")))


def decode_from_probe(frame: bytes) -> FromProbe:
    """Return what a probe said; raises FrameError and nothing else, whatever the bytes."""
    message: FromProbe = _decode("probe", frame)
    return message


def decode_from_test_point(frame: bytes) -> FromTestPoint:
    """Return what a test point said; raises FrameError and nothing else, whatever the bytes."""
    message: FromTestPoint = _decode("test_point", frame)
    return message


def flow_mac(secret: bytes, *, session_id: str, run: int, flow: int) -> str:
    """Return the proof that whoever joins a flow holds the session's secret, in hexadecimal."""
    named = f"omega-flow/v1\n{session_id}\n{run}\n{flow}\n".encode()
    return hmac.digest(secret, named, hashlib.sha256).hex()


def _decode(speaker: str, frame: bytes) -> Any:  # noqa: ANN401 - one of a union, named by callers
    from pydantic import ValidationError  # noqa: PLC0415 - see `_adapter`

    try:
        parse_plain(frame)
        return _adapter(speaker).validate_json(frame)
    except (NotPlainJsonError, ValidationError) as error:
        raise FrameError(f"not a message of this protocol: {type(error).__name__}") from None


@cache
def _adapter(speaker: str) -> Any:  # noqa: ANN401 - pydantic's type is what must not be imported
    """Return the checker of one side's messages.

    Made at first use: pydantic takes longer to load than the rest of the probe together, and
    `import omega_probe` must stay cheap on a CPE.
    """
    from pydantic import Field, TypeAdapter  # noqa: PLC0415 - the reason stands above

    told_apart = Field(discriminator="type")
    kinds = {
        "probe": FromProbe,
        "test_point": FromTestPoint,
        "both": FromProbe | FromTestPoint,
    }
    checked: Any = Annotated[kinds[speaker], told_apart]
    return TypeAdapter(checked)
