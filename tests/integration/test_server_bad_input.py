"""What a server refuses of records and requests, over real connections: status, code, one line.

Each case is posted as a device would, and leaves nothing on the sheet and nothing in the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from omega_core.canonical import canonical_bytes, digest_hex, parse_plain
from omega_core.control import Receipt, Refusal
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.limits import JSON_DEPTH_MAX
from omega_core.models import parse_model
from omega_core.record import Chain, Clocks
from omega_core.units import US_PER_S
from omega_core.verdict import Fault, Mode, ProfileRef
from support import builders
from support.live_server import listening
from support.server_rig import Granted, Rig, digest_of, make_rig

YEAR_US = 365 * 86_400 * US_PER_S


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server")) as rig:
        yield rig


@pytest.fixture(scope="module")
def client(rig: Rig) -> Iterator[httpx.Client]:
    with listening(rig) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture
def granted(rig: Rig) -> Granted:
    """An installation on a sheet of its own, not posted yet."""
    return rig.installed(rig.enrolled())


def post(client: httpx.Client, envelope: bytes, digest: str | None = None) -> httpx.Response:
    key = {"Idempotency-Key": digest or digest_of(envelope)}
    return client.post("/v1/records", content=envelope, headers=key)


def check_refused(answer: httpx.Response, status: int, code: str, *words: str) -> None:
    """Check the refusal, and that a person gets one line of it that says what and who."""
    assert answer.headers["content-type"] == "application/problem+json"
    said = parse_model(Refusal, answer.content)
    assert (answer.status_code, said.status, said.code) == (status, status, code), said.detail
    assert "\n" not in said.detail
    assert ":" in said.who_acts, "who can mend it"
    for word in words:
        assert word in said.detail


def sheet_of(rig: Rig, client: httpx.Client, granted: Granted) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {rig.services.operator_token}"}
    answer = client.get(f"/v1/sheets/{granted.grant.sheet_id}", headers=headers)
    content: dict[str, Any] = answer.json()
    return content


def resealed(granted: Granted, payload: bytes, kind: str = PayloadType.RECORD) -> bytes:
    """Return other bytes, signed by the device itself: it is the liar here."""
    return seal(payload, kind, granted.device.key)


def payload_of(rig: Rig, granted: Granted) -> bytes:
    return parse_envelope(rig.record(granted)).payload


def in_payload(old: bytes, new: bytes) -> Callable[[Rig, Granted], bytes]:
    def change(rig: Rig, granted: Granted) -> bytes:
        payload = payload_of(rig, granted)
        assert payload.count(old) >= 1
        return resealed(granted, payload.replace(old, new, 1))

    return change


def with_other(**session: Any) -> Callable[[Rig, Granted], bytes]:  # noqa: ANN401 - fields of the session
    def change(rig: Rig, granted: Granted) -> bytes:
        stated: dict[str, Any] = parse_plain(payload_of(rig, granted))
        stated["session"] |= session
        return resealed(granted, canonical_bytes(stated))

    return change


_FIRST = b'{"agent":'
_DEEP = b'{"a":' + b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX + b',"agent":'
_RUN_AWAY = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"agent":'


@pytest.mark.parametrize(
    ("change", "status", "code", "word"),
    [
        pytest.param(
            with_other(sheet_id="FI-2026-999999"),
            *(422, "grant_mismatch", "session.sheet_id"),
            id="a record under another sheet",
        ),
        pytest.param(
            lambda rig, granted: rig.record(
                granted, profile=ProfileRef(id="ftth-home-300", version=2, digest="0" * 64)
            ),
            *(422, "grant_mismatch", "profile"),
            id="a plan whose digest is not the one granted",
        ),
        pytest.param(
            lambda rig, granted: rig.record(granted, plan_id="ADSL-HOME-20M"),
            *(422, "grant_mismatch", "plan_id"),
            id="another plan than was granted",
        ),
        pytest.param(
            lambda rig, granted: rig.record(granted, chain=Chain(seq=999_999, prev=None)),
            *(422, "grant_mismatch", "chain.seq"),
            id="another number than it asked with",
        ),
        pytest.param(
            lambda rig, granted: rig.record(replace(granted, device=rig.enrolled())),
            *(403, "grant_of_another_agent", "another key"),
            id="a grant of another device",
        ),
        pytest.param(
            lambda rig, granted: resealed(
                granted, payload_of(rig, granted), PayloadType.OBSERVATION
            ),
            *(400, "not_an_envelope", "payload_type"),
            id="a wrong payload type, signed as such",
        ),
        pytest.param(
            lambda rig, granted: rig.record(granted).replace(
                PayloadType.RECORD.encode(), PayloadType.GRANT.encode()
            ),
            *(400, "not_an_envelope", "payload_type"),
            id="a wrong payload type, put there afterwards",
        ),
        pytest.param(
            in_payload(b'"duration_ms":150000', b'"duration_ms":NaN'),
            *(422, "schema_invalid", ""),
            id="NaN",
        ),
        pytest.param(
            in_payload(b'"duration_ms":150000', b'"duration_ms":-Infinity'),
            *(422, "schema_invalid", ""),
            id="minus infinity",
        ),
        pytest.param(
            in_payload(b'"duration_ms":150000', b'"duration_ms":9007199254740992'),
            *(422, "schema_invalid", ""),
            id="an integer of 2^53",
        ),
        pytest.param(
            in_payload(b'"duration_ms":150000', b'"duration_ms":1' + b"0" * 10_000),
            *(422, "schema_invalid", ""),
            id="an integer of ten thousand digits",
        ),
        pytest.param(
            in_payload(b'"duration_ms":150000', b'"duration_ms":150000,"duration_ms":1'),
            *(422, "schema_invalid", ""),
            id="a key twice",
        ),
        pytest.param(
            in_payload(_FIRST, _DEEP), *(422, "schema_invalid", "deep"), id="nested too deep"
        ),
        pytest.param(
            in_payload(_FIRST, _RUN_AWAY),
            *(422, "schema_invalid", ""),
            id="nested so deep that a parser's stack would end",
        ),
        pytest.param(
            in_payload(b'"seq":', b'"seq":-'),
            *(422, "schema_invalid", ""),
            id="a number below zero",
        ),
    ],
)
def test_a_record_that_is_not_what_was_granted_leaves_nothing(
    rig: Rig,
    client: httpx.Client,
    granted: Granted,
    change: Callable[[Rig, Granted], bytes],
    *,
    status: int,
    code: str,
    word: str,
) -> None:
    entries = client.get("/v1/log/checkpoint").text
    check_refused(post(client, change(rig, granted)), status, code, word)
    sheet = sheet_of(rig, client, granted)
    assert (sheet["state"], sheet["records"]) == ("dispatched", [])
    assert sheet["counts"] == {"attempts": 1, "missing": 1, "valid": 0, "invalid": 0}
    assert client.get("/v1/log/checkpoint").text == entries
    assert post(client, rig.record(granted)).status_code == 201, "the true one is still taken"


def test_a_grant_that_is_used_again_leads_to_no_second_record(
    rig: Rig, client: httpx.Client, granted: Granted
) -> None:
    first = rig.record(granted)
    assert post(client, first).status_code == 201
    worse = rig.record(granted, validity=(Fault.CPU_LIMITED,))
    check_refused(post(client, worse), 410, "grant_used")
    assert [each["digest"] for each in sheet_of(rig, client, granted)["records"]] == [
        digest_of(first)
    ]


@pytest.mark.parametrize(
    "rewritten",
    [
        pytest.param(lambda plain: json.dumps(plain).encode(), id="other white space"),
        pytest.param(
            lambda plain: json.dumps(dict(reversed(plain.items())), separators=(",", ":")).encode(),
            id="another order of keys",
        ),
    ],
)
def test_a_payload_that_is_written_another_way_is_another_record(
    rig: Rig,
    client: httpx.Client,
    granted: Granted,
    rewritten: Callable[[dict[str, Any]], bytes],
) -> None:
    record = rig.record(granted)
    other = rewritten(parse_plain(parse_envelope(record).payload))
    content = json.loads(record)
    content["payload"] = json.loads(resealed(granted, other))["payload"]
    unsigned = canonical_bytes(content)
    check_refused(post(client, unsigned), 401, "signature_invalid")
    check_refused(post(client, unsigned, digest_of(record)), 422, "idempotency_mismatch")
    assert post(client, record).status_code == 201
    check_refused(post(client, resealed(granted, other)), 410, "grant_used")
    spaced = record.replace(b'{"payload"', b'{ "payload"')
    check_refused(post(client, spaced), 422, "other_bytes_known")


def test_two_records_with_the_same_number_come_from_a_copy(rig: Rig, client: httpx.Client) -> None:
    device, sheet_id = rig.enrolled(), rig.sheet()
    changes = {"purpose": "install", "mode": Mode.STANDARD, "sheet_id": sheet_id, "seq": 7}
    one, other = (rig.granted(device, **changes) for _ in range(2))
    assert post(client, rig.record(one)).status_code == 201
    check_refused(post(client, rig.record(other)), 422, "seq_used", "seq 7")
    dead = rig.dead_line(
        device,
        session=builders.session(id=None, test_point=None, address=None, sheet_id=sheet_id),
        chain=Chain(seq=7, prev=None),
    )
    check_refused(post(client, dead), 422, "seq_used")
    sheet = sheet_of(rig, client, one)
    assert sheet["counts"] == {"attempts": 2, "missing": 1, "valid": 1, "invalid": 0}
    assert {(each["seq"], each["record_digest"]) for each in sheet["attempts"]} == {
        (7, sheet["records"][0]["digest"]),
        (7, None),
    }


def test_a_request_that_is_sent_again_is_granted_once(rig: Rig, client: httpx.Client) -> None:
    request = rig.request(rig.enrolled())
    assert client.post("/v1/sessions", content=request).status_code == 201
    check_refused(client.post("/v1/sessions", content=request), 422, "request_replayed")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        pytest.param({"plan_id": "ADSL-HOME-20M"}, 422, "plan_mismatch", id="another's plan"),
        pytest.param({"plan_id": "NO-SUCH-PLAN"}, 422, "plan_mismatch", id="a plan nobody sells"),
        pytest.param({"agent_id": "MA-999999"}, 403, "key_mismatch", id="another's name"),
        pytest.param(
            {"address_tokens": ("no.token",)}, 403, "address_not_proved", id="an address not proved"
        ),
    ],
)
def test_a_grant_is_for_the_subscribers_plan_the_device_and_its_address(
    rig: Rig, client: httpx.Client, changes: dict[str, Any], status: int, code: str
) -> None:
    device = rig.enrolled(for_sheet=rig.sheet())
    request = rig.request(device, mode=Mode.QUICK, **changes)
    check_refused(client.post("/v1/sessions", content=request), status, code)


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_a_year_off_decides_nothing_and_is_stated(
    rig: Rig, client: httpx.Client, years: int
) -> None:
    now, off_us = rig.clock.unix_us(), years * YEAR_US
    granted = rig.installed(rig.enrolled(), requested_unix_us=now + off_us)
    plain = parse_plain(payload_of(rig, granted))
    clocks = Clocks(**{**plain["clocks"], "offset_to_server_us": off_us})
    session = {**plain["session"], "started_unix_us": now + off_us, "ended_unix_us": now + off_us}
    stated = {**plain, "session": session, "clocks": clocks.model_dump()}
    record = resealed(granted, canonical_bytes(stated))
    answer = post(client, record)
    assert answer.status_code == 201
    receipt = parse_model(Receipt, parse_envelope(answer.content).payload)
    assert (receipt.received_unix_us, receipt.record_digest) == (
        now,
        digest_hex(parse_envelope(record).payload),
    )
    (listed,) = sheet_of(rig, client, granted)["records"]
    assert (listed["received_unix_us"], listed["clock_offset_us"]) == (now, off_us)
