"""The API over real connections: the whole story, and everything that is not part of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.bundle import parse_bundle
from omega_core.canonical import digest_hex
from omega_core.control import (
    AddressProof,
    ConsistencyProof,
    EnrolmentAnswer,
    GrantAnswer,
    Refusal,
    ServerInfo,
)
from omega_core.keys import PublicKey
from omega_core.limits import ENVELOPE_BYTES_MAX, REQUEST_BYTES_MAX
from omega_core.log.checkpoint import parse_checkpoint, parse_hash
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.proof_file import parse_proof
from omega_core.log.proofs import check_consistency
from omega_core.models import parse_model
from omega_core.verdict import Mode
from support.live_server import listening
from support.server_rig import Device, Rig, digest_of, make_rig

AT_ONCE = 50


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server"), selftests_max=1_000_000) as rig:
        yield rig


@pytest.fixture(scope="module")
def client(rig: Rig) -> Iterator[httpx.Client]:
    with listening(rig) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def operator(rig: Rig) -> dict[str, str]:
    return {"Authorization": f"Bearer {rig.services.operator_token}"}


def posted(client: httpx.Client, envelope: bytes, **headers: str) -> httpx.Response:
    key = {"Idempotency-Key": digest_of(envelope)}
    return client.post("/v1/records", content=envelope, headers={**key, **headers})


def refusal(answer: httpx.Response) -> Refusal:
    assert answer.headers["content-type"] == "application/problem+json"
    found = parse_model(Refusal, answer.content)
    assert found.status == answer.status_code
    retry = answer.headers.get("retry-after")
    assert (found.retry_after_s is None) == (retry is None)
    return found


def test_from_enrolment_to_the_sheet(rig: Rig, client: httpx.Client) -> None:
    key, sheet_id = rig.new_key(), rig.sheet()
    answer = client.post("/v1/agents", content=rig.enrolment(key, rig.token()))
    assert answer.status_code == 201
    device = Device(key, parse_model(EnrolmentAnswer, answer.content).agent_id)

    token = parse_model(AddressProof, client.get("/v1/address").content).token
    request = rig.request(
        device, purpose="install", mode=Mode.STANDARD, sheet_id=sheet_id, address_tokens=(token,)
    )
    answer = client.post("/v1/sessions", content=request)
    assert answer.status_code == 201
    granted = rig.opened(device, parse_model(GrantAnswer, answer.content))
    assert granted.grant.addresses == ("127.0.0.1",)
    assert granted.grant.test_point.addresses == ("127.0.0.1",)

    observation = rig.observation(granted)
    for status in (201, 200):
        answer = client.post("/v1/observations", content=observation)
        assert (answer.status_code, answer.json()) == (status, {"digest": digest_of(observation)})

    record = rig.record(granted, observation_digest=digest_of(observation))
    first, again = posted(client, record), posted(client, record)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content

    sheet = client.get(f"/v1/sheets/{sheet_id}", headers=operator(rig)).json()
    assert (sheet["state"], sheet["plan"]["id"]) == ("measured", "FTTH-300-100")
    assert sheet["counts"] == {"attempts": 1, "missing": 0, "valid": 1, "invalid": 0}
    (listed,) = sheet["records"]
    assert (listed["digest"], listed["observers"]) == (digest_of(record), "agree")

    answer = client.get(f"/v1/records/{digest_of(record)}", headers=operator(rig))
    bundle = parse_bundle(answer.content)
    assert bundle.record.encode() == record
    assert bundle.receipt is not None
    assert bundle.receipt.encode() == first.content
    assert bundle.proof is not None


def test_everybody_may_ask_for_the_log_and_its_proofs(rig: Rig, client: httpx.Client) -> None:
    older = parse_checkpoint(client.get("/v1/log/checkpoint").text).checkpoint
    record = rig.record(rig.granted(rig.enrolled()))
    posted(client, record)
    answer = client.get(f"/v1/log/proofs/{digest_of(record)}")
    assert answer.headers["content-type"].startswith("text/plain")
    proof = parse_proof(answer.text)
    signed = proof.opened()
    assert signed.is_signed_by_log([PublicKey.from_text(rig.services.server_key)])
    proof.check(entry_hash(EntryKind.RECORD, digest_hex(record)), signed)
    newer = signed.checkpoint
    answer = client.get(f"/v1/log/consistency/{older.size}/{newer.size}")
    hashes = [parse_hash(each) for each in parse_model(ConsistencyProof, answer.content).hashes]
    check_consistency(older.size, older.root, newer.size, newer.root, hashes)


def test_the_same_record_fifty_times_at_once(rig: Rig, client: httpx.Client) -> None:
    granted = rig.installed(rig.enrolled())
    record = rig.record(granted)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: posted(client, record), range(AT_ONCE)))
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert len({answer.content for answer in answers}) == 1
    postings = rig.store.sessions.postings(sheet_id=granted.grant.sheet_id)
    assert [posting.digest for posting in postings] == [digest_of(record)]


def test_a_ticket_with_its_diagnosis(rig: Rig, client: httpx.Client) -> None:
    ticket_id = rig.ticket()
    granted = rig.granted(rig.enrolled(), purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    record = rig.record(granted)
    assert posted(client, record).status_code == 201
    ticket = client.get(f"/v1/tickets/{ticket_id}", headers=operator(rig)).json()
    assert (ticket["state"], ticket["description"]) == ("inProgress", "it is slow")
    assert [each["digest"] for each in ticket["records"]] == [digest_of(record)]


def test_who_the_server_is(rig: Rig, client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok"
    info = parse_model(ServerInfo, client.get("/v1/server").content)
    assert (info.server_key, info.now_unix_us) == (rig.services.server_key, rig.clock.unix_us())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_one_socket_serves_both_families_under_their_own_addresses(
    tmp_path: Path, address: str
) -> None:
    if address == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this host has no IPv6")
    with make_rig(tmp_path) as own, listening(own, "::") as url:
        port = httpx.URL(url).port
        host = f"[{address}]" if ":" in address else address
        answer = httpx.get(f"http://{host}:{port}/v1/address", trust_env=False)
    proof = parse_model(AddressProof, answer.content)
    assert (proof.address, proof.server_address) == (address, address)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"Authorization": "Bearer"}, id="no token"),
        pytest.param({"Authorization": "Bearer wrong"}, id="another token"),
        pytest.param({"Authorization": "Basic b3BlcmF0b3I6"}, id="another scheme"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/sheets/FI-1", "/v1/tickets/TT-1", "/v1/records/" + "0" * 64, "/metrics"]
)
def test_what_is_for_operators_only(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    answer = client.get(path, headers=headers)
    assert refusal(answer).code == "not_authorised"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_device_reads_its_own_record(rig: Rig, client: httpx.Client) -> None:
    device, other = rig.enrolled(), rig.enrolled()
    record = rig.record(rig.installed(device))
    posted(client, record)
    digest = digest_of(record)
    for reader, status in ((device, 200), (other, 401)):
        headers = {"Authorization": f"Omega {rig.read_request(reader, digest)}"}
        assert client.get(f"/v1/records/{digest}", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/v1/sheets/FI-2026-999999", "sheet_unknown", id="a sheet"),
        pytest.param("/v1/tickets/TT-2026-999999", "ticket_unknown", id="a ticket"),
        pytest.param("/v1/records/" + "0" * 64, "record_unknown", id="a record"),
        pytest.param("/v1/records/short", "not_found", id="no digest"),
        pytest.param("/v1/log/proofs/" + "0" * 64, "record_unknown", id="a proof"),
        pytest.param("/v1/log/proofs/short", "not_found", id="a proof of no digest"),
        pytest.param("/v1/log/consistency/0/9007199254740991", "log_size_unknown", id="a size"),
        pytest.param("/v1/log/consistency/0/9007199254740992", "not_found", id="beyond 2^53"),
        pytest.param("/v1/log/consistency/-1/0", "not_found", id="less than nothing"),
        pytest.param("/v1/sheets/%00", "not_found", id="a NUL, which PostgreSQL does not take"),
        pytest.param("/v1/sheets/" + "a" * 65, "not_found", id="too long a name"),
        pytest.param("/v1/sheets/..%2f..%2fetc", "not_found", id="a way out"),
    ],
)
def test_what_is_not_there(rig: Rig, client: httpx.Client, path: str, code: str) -> None:
    assert refusal(client.get(path, headers=operator(rig))).code == code


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        pytest.param("GET", "/v2/server", "not_found", id="another version"),
        pytest.param("POST", "/v1/server", "method_not_allowed", id="another method"),
        pytest.param("DELETE", "/v1/records", "method_not_allowed", id="deleting"),
        pytest.param("GET", "/v1/server/", "not_found", id="a slash too many"),
        pytest.param("GET", "/docs", "not_found", id="pages that load scripts from elsewhere"),
    ],
)
def test_what_does_not_exist(client: httpx.Client, method: str, path: str, code: str) -> None:
    assert refusal(client.request(method, path)).code == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "idempotency_missing", id="none"),
        pytest.param({"Idempotency-Key": "abc"}, "idempotency_missing", id="no digest"),
        pytest.param({"Idempotency-Key": "A" * 64}, "idempotency_missing", id="capitals"),
        pytest.param({"Idempotency-Key": "0" * 64}, "idempotency_mismatch", id="of other bytes"),
    ],
)
def test_idempotency_keys(
    rig: Rig, client: httpx.Client, headers: dict[str, str], code: str
) -> None:
    record = rig.record(rig.granted(rig.enrolled()))
    answer = client.post("/v1/records", content=record, headers=headers)
    assert refusal(answer).code == code


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        pytest.param("/v1/records", ENVELOPE_BYTES_MAX, id="a record"),
        pytest.param("/v1/observations", ENVELOPE_BYTES_MAX, id="an observation"),
        pytest.param("/v1/sessions", REQUEST_BYTES_MAX, id="a session request"),
        pytest.param("/v1/agents", REQUEST_BYTES_MAX, id="an enrolment"),
    ],
)
@pytest.mark.parametrize("chunked", [True, False])
def test_too_large_is_said_and_not_cut_off(
    client: httpx.Client, path: str, limit: int, *, chunked: bool
) -> None:
    body = b"x" * (limit + 1)
    headers = {"Idempotency-Key": "0" * 64}
    content: Any = iter([body]) if chunked else body
    assert refusal(client.post(path, content=content, headers=headers)).code == "too_large"
    fits = client.post(path, content=body[:-1], headers=headers)
    assert refusal(fits).code == "not_an_envelope"


def counted(rig: Rig, client: httpx.Client, name: str) -> float:
    """Return one counter; 0 before there is such a one."""
    answer = client.get("/metrics", headers=operator(rig))
    assert answer.headers["content-type"].startswith("text/plain")
    found = [line for line in answer.text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0


def test_operators_see_what_was_taken_and_what_refused(rig: Rig, client: httpx.Client) -> None:
    taken = 'omega_server_accepted_total{task="record"}'
    refused = 'omega_server_refused_total{code="not_an_envelope",task="record"}'
    unknown = 'omega_server_refused_total{code="not_authorised",task="other"}'
    before = [counted(rig, client, name) for name in (taken, refused, unknown)]
    record = rig.record(rig.granted(rig.enrolled()))
    headers = {"Idempotency-Key": digest_of(record)}
    for _ in range(2):
        assert client.post("/v1/records", content=record, headers=headers).status_code < 300
    client.post("/v1/records", content=b"{", headers=headers)
    client.get("/v1/sheets/FI-1")
    after = [counted(rig, client, name) for name in (taken, refused, unknown)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]
    assert counted(rig, client, "omega_server_test_point_up") == 0, "the rig's is somebody else's"


def test_the_interface_is_described(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/records", "/v1/sessions", "/v1/agents", "/v1/sheets/{sheet_id}"} <= set(paths)
    assert {"/v1/log/checkpoint", "/v1/log/proofs/{digest}"} <= set(paths)


METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
PATHS = st.sampled_from(
    [
        "/v1/server",
        "/v1/address",
        "/v1/agents",
        "/v1/sessions",
        "/v1/observations",
        "/v1/records",
        "/v1/log/checkpoint",
        "/v1/log/consistency/0/1",
        "/v1/sheets/FI-1",
        "/v1/tickets/TT-1",
        "/v1/records/" + "0" * 64,
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
ENVELOPES = st.fixed_dictionaries(
    {"payload": JSON, "payloadType": JSON, "signatures": JSON | st.lists(JSON, max_size=2)}
)
BODIES = st.binary(max_size=200) | (JSON | ENVELOPES).map(lambda value: json.dumps(value).encode())
# A client sends no value with blanks at its ends: they are no part of it (RFC 9110 section 5.5).
VALUES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])).filter(
    lambda value: value == value.strip(" \t")
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Idempotency-Key": st.text("0123456789abcdef", min_size=64, max_size=64),
        "Authorization": VALUES,
        "Content-Type": st.sampled_from(["application/json", "text/plain", "a/b; charset=x"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(METHODS, PATHS, BODIES, HEADERS)
def test_no_request_breaks_the_server(
    client: httpx.Client, method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = client.request(method, path, content=body, headers=encoded)
    assert answer.status_code < 500
    if answer.status_code >= 400 and method != "HEAD":
        refusal(answer)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\x00" * 64, id="zeros"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="a version of the future"),
        pytest.param(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", id="an endless line"),
        pytest.param(
            b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab", id="cut"
        ),
        pytest.param(
            b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            id="less than none",
        ),
        pytest.param(
            b"GET /v1/server HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\n\r\n",
            id="a web socket",
        ),
    ],
)
def test_garbage_on_the_port_leaves_the_server_standing(
    client: httpx.Client, octets: bytes
) -> None:
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        answer = b""
        with suppress(ConnectionError):  # it may hang up on us before we have said it all
            connection.sendall(octets)
            with suppress(OSError):  # it has hung up, and there is nothing left to shut
                connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert not answer.startswith(b"HTTP/1.1 101")
    assert client.get("/healthz").status_code == 200
