"""Every message of the test point's protocol there and back, and what is no message of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from typing import Any, get_args

import pytest

from omega_core import limits
from omega_core.canonical import canonical_bytes
from omega_core.evidence import StreamReport
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.wire.frames import FrameError, FrameReader
from omega_core.wire.testpoint import (
    PROTOCOL_VERSION,
    CloseLoad,
    CloseStream,
    EndRun,
    Finish,
    Finished,
    FlowTick,
    FromProbe,
    FromTestPoint,
    Hello,
    Join,
    Joined,
    LoadClosed,
    LoadReady,
    OpenLoad,
    OpenRun,
    OpenStream,
    Progress,
    Refused,
    RunClosed,
    RunReady,
    StreamClosed,
    StreamReady,
    Welcome,
    decode_from_probe,
    decode_from_test_point,
    encode,
    flow_mac,
)
from support.builders import SECRET, SESSION_ID, goodput_run, papers
from support.clock import START_UNIX_US

Decode = Callable[[bytes], object]
RUN = goodput_run(Direction.UP)
MAC = flow_mac(SECRET, session_id=SESSION_ID, run=0, flow=3)

FROM_PROBE: list[FromProbe] = [
    Hello(version=1, grant=papers().grant.decode()),
    OpenStream(stream=0, authenticated=False),
    CloseStream(stream=7),
    OpenRun(run=31, direction=Direction.UP, duration_ms=60_000, congestion_control="bbr"),
    Join(session_id=SESSION_ID, run=0, flow=15, mac=MAC),
    EndRun(run=0),
    OpenLoad(run=1, direction=Direction.DOWN, duration_ms=100, ip_octets=200, octets_max=1),
    CloseLoad(run=31),
    Finish(),
]
FROM_TEST_POINT: list[FromTestPoint] = [
    Welcome(session_id=SESSION_ID, now_unix_us=START_UNIX_US),
    Refused(code="busy", detail="all places are taken", retry_after_s=5),
    StreamReady(stream=0, ssid=65_535, udp_port=8_702),
    StreamClosed(
        stream=0,
        report=StreamReport(received=((0, 9), (11, 11)), replies=11, duplicates=1, reordered=2),
    ),
    RunReady(run=0, congestion_control="cubic"),
    Joined(run=0, flow=15),
    Progress(run=0, flows=(FlowTick(flow=0, at_us=100_000, octets=1),), stopped="link_lost"),
    RunClosed(run=0, flows=RUN.flows, senders=RUN.senders),
    LoadReady(run=1, stream=2**32 - 1, udp_port=65_535, octets_max=2**53 - 1),
    LoadClosed(
        run=1,
        counts=LoadCounts(
            at_us=(0, 50_000),
            octets=(1_428, 2_856),
            packets=(1, 2),
            highest=(1, 3),
            delay_us_max=(0, 7),
            commands=(1,),
            command_first_us=(0,),
            reordered=1,
        ),
    ),
    Finished(observation=papers().observation.decode()),
]


def only_frame(data: bytes) -> bytes:
    (frame,) = FrameReader().feed(data)
    return frame


def name_of(message: object) -> str:
    return type(message).__name__


def test_every_message_of_the_protocol_is_here() -> None:
    assert {type(each) for each in FROM_PROBE} == set(get_args(FromProbe))
    assert {type(each) for each in FROM_TEST_POINT} == set(get_args(FromTestPoint))
    assert PROTOCOL_VERSION == 1


@pytest.mark.parametrize("message", FROM_PROBE, ids=name_of)
def test_what_a_probe_says_arrives(message: FromProbe) -> None:
    assert decode_from_probe(only_frame(encode(message))) == message


@pytest.mark.parametrize("message", FROM_TEST_POINT, ids=name_of)
def test_what_a_test_point_says_arrives(message: FromTestPoint) -> None:
    assert decode_from_test_point(only_frame(encode(message))) == message


@pytest.mark.parametrize("message", [*FROM_PROBE, *FROM_TEST_POINT], ids=name_of)
def test_the_type_on_the_wire_is_the_name_in_small_letters(message: FromProbe) -> None:
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", name_of(message)).lower()
    assert json.loads(only_frame(encode(message)))["type"] == words


@pytest.mark.parametrize("message", FROM_PROBE, ids=name_of)
def test_nobody_says_the_others_words(message: FromProbe) -> None:
    with pytest.raises(FrameError):
        decode_from_test_point(only_frame(encode(message)))


@pytest.mark.parametrize("message", FROM_TEST_POINT, ids=name_of)
def test_nor_the_other_way(message: FromTestPoint) -> None:
    with pytest.raises(FrameError):
        decode_from_probe(only_frame(encode(message)))


@pytest.mark.parametrize("message", [*FROM_PROBE, *FROM_TEST_POINT], ids=name_of)
def test_no_field_may_be_missing_or_added(message: FromProbe) -> None:
    decode: Decode = decode_from_probe if message in FROM_PROBE else decode_from_test_point
    content = json.loads(only_frame(encode(message)))
    with pytest.raises(FrameError):
        decode(canonical_bytes({**content, "surprise": 1}))
    required = {each.name for each in fields(message) if each.default is MISSING}
    for name in {*required, "type"}:
        with pytest.raises(FrameError):
            decode(canonical_bytes({key: value for key, value in content.items() if key != name}))


HELLO = {"type": "hello", "version": 1, "grant": "{}"}
LOAD = {
    "type": "open_load",
    "run": 0,
    "direction": "up",
    "duration_ms": 30_000,
    "ip_octets": 9_000,
}
OPEN = {"type": "open_run", "run": 0, "direction": "down", "duration_ms": 100}


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        pytest.param({**HELLO}, True, id="an ordinary hello"),
        pytest.param({**HELLO, "version": 2}, False, id="a later protocol"),
        pytest.param({**HELLO, "version": True}, False, id="true is no version"),
        pytest.param({**HELLO, "grant": "x"}, False, id="no grant is one letter"),
        pytest.param({**HELLO, "grant": None}, False, id="no grant at all"),
        pytest.param({**HELLO, "type": "helo"}, False, id="a word nobody knows"),
        pytest.param({**HELLO, "type": 5}, False, id="a number for a word"),
        pytest.param({**OPEN}, True, id="an ordinary run"),
        pytest.param({**OPEN, "run": limits.GOODPUT_RUNS_MAX - 1}, True, id="the last run"),
        pytest.param({**OPEN, "run": limits.GOODPUT_RUNS_MAX}, False, id="one run too many"),
        pytest.param({**OPEN, "run": -1}, False, id="a negative run"),
        pytest.param({**OPEN, "run": "0"}, False, id="text for a number"),
        pytest.param({**OPEN, "direction": "sideways"}, False, id="a third direction"),
        pytest.param({**OPEN, "duration_ms": 99}, False, id="shorter than a tick"),
        pytest.param({**OPEN, "duration_ms": 60_000}, True, id="as long as may be"),
        pytest.param({**OPEN, "duration_ms": 60_001}, False, id="a millisecond longer"),
        pytest.param({**OPEN, "congestion_control": ""}, False, id="a wish without a name"),
        pytest.param({**LOAD}, True, id="the longest load of the largest packets"),
        pytest.param({**LOAD, "duration_ms": 30_001}, False, id="a load a millisecond longer"),
        pytest.param({**LOAD, "duration_ms": 99}, False, id="a load shorter than a tick"),
        pytest.param({**LOAD, "ip_octets": 9_001}, False, id="packets an octet larger"),
        pytest.param({**LOAD, "ip_octets": 200}, True, id="the smallest packets"),
        pytest.param({**LOAD, "ip_octets": 199}, False, id="packets an octet smaller"),
        pytest.param({**LOAD, "ip_octets": 1_002}, False, id="packets no multiple of 4"),
        pytest.param({**LOAD, "octets_max": -1}, False, id="less than no octets"),
    ],
)
def test_bounds_of_what_a_probe_may_ask(content: dict[str, Any], *, accepted: bool) -> None:
    data = canonical_bytes(content)
    if accepted:
        assert asdict(decode_from_probe(data))["type"] == content["type"]
    else:
        with pytest.raises(FrameError):
            decode_from_probe(data)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no type"),
        pytest.param(b'{"type":"finish","type":"finish"}', id="a key twice"),
        pytest.param(b"[" * 10_000, id="nested too deep"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b'{"type":"end_run","run":1e400}', id="a number that is not finite"),
    ],
)
@pytest.mark.parametrize("decode", [decode_from_probe, decode_from_test_point])
def test_hostile_frames_are_frame_errors(decode: Decode, frame: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode(frame)
    assert "type" not in str(caught.value).lower().replace("protocol", "")


def test_a_report_cannot_make_its_reader_count_for_ever() -> None:
    content = {
        "type": "stream_closed",
        "stream": 0,
        "report": {"received": [[0, 2**53 - 1]], "replies": 0, "duplicates": 0, "reordered": 0},
    }
    with pytest.raises(FrameError):
        decode_from_test_point(canonical_bytes(content))


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"at_us": [1], "octets": []}, id="a time without octets"),
        pytest.param({"commands": [1], "command_first_us": []}, id="a command without a time"),
        pytest.param({"at_us": [0] * (limits.LOAD_TICKS_MAX + 1)}, id="a tick too many"),
        pytest.param({"sent_packets": -1}, id="less than none sent"),
    ],
)
def test_counts_of_a_load_are_of_one_length_and_bounded(counts: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        decode_from_test_point(canonical_bytes({"type": "load_closed", "run": 0, "counts": counts}))


def test_mac_is_hmac_over_lines_that_name_the_flow() -> None:
    named = f"omega-flow/v1\n{SESSION_ID}\n0\n3\n".encode()
    assert hmac.new(SECRET, named, hashlib.sha256).hexdigest() == MAC
    others = {
        flow_mac(SECRET, session_id=SESSION_ID, run=0, flow=4),
        flow_mac(SECRET, session_id=SESSION_ID, run=1, flow=3),
        flow_mac(SECRET, session_id=SESSION_ID + "x", run=0, flow=3),
        flow_mac(SECRET[:-1], session_id=SESSION_ID, run=0, flow=3),
        flow_mac(SECRET, session_id=SESSION_ID, run=0, flow=33),
        MAC,
    }
    assert len(others) == 6
