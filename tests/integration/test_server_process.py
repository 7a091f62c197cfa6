"""The whole server as a process: first start, second start, its end, its death."""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omega_core.clock import SystemClock
from omega_core.control import AddressProof, EnrolmentAnswer, EnrolmentRequest, Grant, GrantAnswer
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.errors import ExitCode
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.models import parse_model
from omega_core.record import AgentRef, Chain
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from omega_server.listening import listen
from support.builders import record, sealed, session, session_request
from support.facts import evidence
from support.live_server import OmegaServer, children_of, omega_server, program
from support.postgres import NoPostgresError, running_cluster
from support.server_rig import digest_of
from support.unread import unread

POSTS = 24
KILLS = 2
SEED = 20261121
LOOPBACK = ip_address("127.0.0.1")
PLAIN_HTTP = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # spares loading certificates nobody asks for


class Agent:
    """A device that talks to a server as `omega` does, in as few lines as will do."""

    def __init__(self, server: OmegaServer) -> None:
        self.server = server
        self.key = SigningKey.generate()
        self.agent_id: str | None = None
        self.seq = 0

    def enrol(self, token: str) -> None:
        request = EnrolmentRequest(
            token=token,
            agent_key=self.key.public.text,
            server_key=self.server.announced["server_key"],
            software="omega 0.1.0",
            requested_unix_us=0,
        )
        answer = self._post("/v1/agents", sealed(request, PayloadType.ENROLMENT, self.key))
        assert answer.status_code == 201, answer.text
        self.agent_id = parse_model(EnrolmentAnswer, answer.content).agent_id

    def ask(self, **changes: Any) -> httpx.Response:  # noqa: ANN401 - fields of the request
        proof = httpx.get(f"{self.server.url}/v1/address", trust_env=False, verify=PLAIN_HTTP)
        self.seq += 1
        fields: dict[str, Any] = {
            "purpose": "selftest",
            "seq": self.seq,
            "mode": Mode.MEASURE,
            "sheet_id": None,
            "agent_id": self.agent_id,
            "agent_key": self.key.public.text,
            "nonce": to_base64url(os.urandom(16)),
            "address_tokens": (parse_model(AddressProof, proof.content).token,),
        }
        request = session_request(**{**fields, **changes})
        return self._post("/v1/sessions", sealed(request, PayloadType.SESSION_REQUEST, self.key))

    def record(self, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the request
        """Return a sealed record under a new grant."""
        answer = self.ask(**changes)
        assert answer.status_code == 201, answer.text
        envelope = parse_model(GrantAnswer, answer.content).grant.encode()
        parts = parse_envelope(envelope)
        grant = parse_model(Grant, parts.payload)
        message = record(
            evidence(),
            session=session(
                id=grant.session_id,
                purpose=grant.purpose,
                mode=grant.mode,
                sheet_id=grant.sheet_id,
                test_point=grant.test_point.id,
            ),
            agent=AgentRef(id=self.agent_id, kid=self.key.public.kid, software="omega 0.1.0"),
            chain=Chain(seq=self.seq, prev=None),
            grant_digest=parts.payload_digest,
            observation_digest=None,
            plan_id=grant.plan_id,
            profile=grant.profile,
        )
        return sealed(message, PayloadType.RECORD, self.key)

    def post(self, envelope: bytes) -> httpx.Response:
        return self._post("/v1/records", envelope, {"Idempotency-Key": digest_of(envelope)})

    def _post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        url = f"{self.server.url}{path}"
        return httpx.post(
            url, content=body, headers=headers, timeout=30, trust_env=False, verify=PLAIN_HTTP
        )


def enrolled(server: OmegaServer) -> Agent:
    agent = Agent(server)
    agent.enrol(server.announced["enrolment_token"])
    return agent


def a_sheet(server: OmegaServer) -> str:
    """Make a sheet while the server runs, as the back office does."""
    added = omega_server(
        "subscriber", "add", "S-1", "--plan", "FTTH-300-100", "--activate", "--data", server.data
    )
    assert added.returncode == 0, added.stderr
    made = omega_server("sheet", "create", "--subscriber", "S-1", "--data", server.data)
    return made.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_second_start_finds_everything_again(tmp_path: Path) -> None:
    with OmegaServer(tmp_path / "data") as server:
        agent, sheet_id = enrolled(server), a_sheet(server)
        envelope = agent.record(purpose="install", mode=Mode.STANDARD, sheet_id=sheet_id)
        receipt = agent.post(envelope).content
        first = server.announced
    assert server.process.returncode == 0

    with OmegaServer(tmp_path / "data") as server:
        assert server.announced["server_key"] == first["server_key"]
        assert server.announced["test_point"]["id"] == first["test_point"]["id"]
        assert server.announced["enrolment_token"] is None
        agent.server = server
        assert agent.ask().status_code == 201
        again = agent.post(envelope)
        assert (again.status_code, again.content) == (200, receipt)
        sheet = httpx.get(
            f"{server.url}/v1/sheets/{sheet_id}", headers=server.operator, trust_env=False
        ).json()
        assert [each["digest"] for each in sheet["records"]] == [digest_of(envelope)]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_another_token_is_made_when_asked_for(tmp_path: Path) -> None:
    with OmegaServer(tmp_path) as server:
        first = server.announced["enrolment_token"]
    with OmegaServer(tmp_path, "--new-token") as server:
        second = server.announced["enrolment_token"]
        assert second not in {None, first}
        enrolled(server)
        made = omega_server("token", "new", "--data", tmp_path)
        Agent(server).enrol(made.stdout.strip())


SIGNALLED_BEFORE_SERVING = """
import os, uvicorn
serve = uvicorn.Server.serve
async def signalled(self, sockets=None):
    os.kill(os.getpid(), int(os.environ["NUMBER"]))
    await serve(self, sockets)
uvicorn.Server.serve = signalled
from omega_server.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(60)
def test_a_signal_just_before_it_serves_is_not_lost(tmp_path: Path, number: int) -> None:
    argv = ["run", "--data", str(tmp_path), "--host", "127.0.0.1", "--port", "0"]
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED_BEFORE_SERVING, *argv],
        env={**os.environ, "NUMBER": str(int(number))},
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(60)
def test_a_signal_ends_it_and_its_children(tmp_path: Path, number: int) -> None:
    with OmegaServer(tmp_path) as server:
        children = children_of(server.process.pid)
        assert children, "the test point is a child"
        assert server.stop(number) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_metrics_of_the_server_and_of_its_test_point_are_in_one_place(tmp_path: Path) -> None:
    with OmegaServer(tmp_path, "--testpoint-capacity-mbit", "500") as server:
        answer = httpx.get(f"{server.url}/metrics", headers=server.operator, trust_env=False)
    lines = answer.text.splitlines()
    assert "omega_server_test_point_up 1.0" in lines
    assert "omega_testpoint_capacity_bps 5e+08" in lines
    assert "omega_testpoint_sessions_open 0.0" in lines


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_test_point_that_dies_is_started_again_on_its_ports(tmp_path: Path) -> None:
    with OmegaServer(tmp_path) as server:
        agent = enrolled(server)
        ports = server.announced["test_point"]
        (child,) = children_of(server.process.pid)
        os.kill(child, signal.SIGKILL)
        busy = agent.ask()
        assert (busy.status_code, busy.json()["code"]) == (503, "busy")
        assert int(busy.headers["retry-after"]) >= 1
        deadline = time.monotonic() + 60
        while (answer := agent.ask()).status_code != 201:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", ports["tcp_port"]), timeout=5):
            pass


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_receipt_outlives_kill_9_and_nothing_arrives_twice(tmp_path: Path) -> None:
    seeded = random.Random(SEED)  # noqa: S311 - when to kill is drawn from a seed
    server = OmegaServer(tmp_path)
    server.start()
    agent, sheet_id = enrolled(server), a_sheet(server)
    wanted = {"purpose": "install", "mode": Mode.STANDARD, "sheet_id": sheet_id}
    receipts: dict[str, bytes] = {}
    envelopes: dict[str, bytes] = {}
    for _ in range(KILLS):
        batch = [agent.record(**wanted) for _ in range(POSTS)]
        envelopes.update({digest_of(each): each for each in batch})
        after = seeded.randint(1, POSTS - 10)
        receipts.update(posted_until_killed(agent, batch, after))
        server.ended()
        server.start()
        agent.server = server
    for digest, receipt in receipts.items():
        again = agent.post(envelopes[digest])
        assert (again.status_code, again.content) == (200, receipt)
    for digest in envelopes.keys() - receipts.keys():
        answer = agent.post(envelopes[digest])
        assert answer.status_code in {200, 201}, answer.text
        check_receipt(server, digest, answer.content)
    sheet = httpx.get(
        f"{server.url}/v1/sheets/{sheet_id}", headers=server.operator, trust_env=False
    ).json()
    server.stop()
    assert sorted(each["digest"] for each in sheet["records"]) == sorted(envelopes)
    assert sheet["counts"]["missing"] == 0
    assert 0 < len(receipts) < len(envelopes), "a kill came in the middle of the posts"


def posted_until_killed(agent: Agent, batch: list[bytes], after: int) -> dict[str, bytes]:
    """Post from eight threads, kill the server once `after` receipts came; return all that came."""
    receipts: dict[str, bytes] = {}

    def post(envelope: bytes) -> None:
        with suppress(httpx.TransportError):  # the server died meanwhile
            answer = agent.post(envelope)
            receipts[digest_of(envelope)] = answer.content
            if len(receipts) == after:
                agent.server.process.kill()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, batch))
    return receipts


def check_receipt(server: OmegaServer, digest: str, receipt: bytes) -> None:
    key = PublicKey.from_text(server.announced["server_key"])
    payload = open_sealed(parse_envelope(receipt), PayloadType.RECEIPT, {key.kid: key})
    assert digest.encode() in payload


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(180)
def test_the_same_on_postgresql_by_url(tmp_path: Path) -> None:
    try:
        with running_cluster() as cluster:
            url = cluster.new_database()
            with OmegaServer(tmp_path / "data", "--database", url) as server:
                envelope = enrolled(server).record()
                agent_answer = httpx.post(
                    f"{server.url}/v1/records",
                    content=envelope,
                    headers={"Idempotency-Key": digest_of(envelope)},
                    trust_env=False,
                )
                assert agent_answer.status_code == 201
            assert not (tmp_path / "data/omega.sqlite").exists()
            listed = omega_server("agent", "list", "--database", url)
            assert listed.stdout.startswith("MA-000001")
    except NoPostgresError as error:
        pytest.skip(str(error))


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = omega_server("run", "--data", tmp_path, "--host", "127.0.0.1", "--port", port)
    assert refused.returncode == ExitCode.USAGE
    assert refused.stderr.count("\n") == 1
    assert f"port {port}: Address already in use" in refused.stderr


@pytest.mark.slow
def test_a_second_server_on_one_folder_is_refused(tmp_path: Path) -> None:
    with OmegaServer(tmp_path):
        refused = omega_server("run", "--data", tmp_path, "--host", "127.0.0.1", "--port", "0")
    assert refused.returncode == ExitCode.USAGE
    assert "another omega-server runs" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["plan", "list"], ["plan", "list", "--json"], ["--help"], ["plan", "--help"]],
    ids=" ".join,
)
def test_a_reader_that_goes_away_is_no_defect(arguments: list[str]) -> None:
    left = unread([*program(), *arguments], os.environ)
    assert left == (141, "omega-server: the reader of the output went away\n")


@pytest.mark.parametrize("command", ["run", "migrate"])
def test_a_folder_that_cant_be_made_is_the_operators_to_mend(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = omega_server(command, "--data", tmp_path / "file" / "data")
    assert refused.returncode == ExitCode.STORAGE
    assert refused.stderr.count("\n") == 1
    assert "choose another" in refused.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_the_body_of_an_answer_does_not_wait_until_its_head_has_arrived(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with OmegaServer(tmp_path / "data", *options) as server:
        assert server.url.startswith("https://127.0.0.1:")
        answer = httpx.get(
            f"{server.url}/healthz",
            verify=ssl.create_default_context(cafile=certificate),
            trust_env=False,
        )
        assert answer.text == "ok"
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url.replace("https", "http"), trust_env=False)
    wrong = omega_server("run", "--data", tmp_path / "x", "--tls-cert", key, "--tls-key", key)
    assert wrong.returncode == ExitCode.USAGE


def make_certificate(certificate: Path, key: Path) -> None:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "omega test")])
    now = datetime.fromtimestamp(SystemClock().unix_us() // US_PER_S, tz=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
