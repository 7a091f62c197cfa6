"""Valid messages to start from: each builder gives a whole one with what a test wants changed.

    papers()                                 all that one installation leaves behind, sealed
    record(evidence(), plan_id=None)         the facts of one session; metrics follow from evidence
    sealed(grant(), PayloadType.GRANT, SERVER_KEY)

Keys come from fixed seeds and times from a fixed start, so the same call gives the same bytes. The
facts they are made of come from `support.facts`, and can be had from here too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from omega_core.bundle import Bundle
from omega_core.canonical import digest_hex
from omega_core.control import (
    CapacityCounts,
    Grant,
    GrantLimits,
    KeyStatement,
    Observation,
    Receipt,
    RunCounts,
    SessionRequest,
    StreamCounts,
    TestPointLoad,
    TestPointRef,
)
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.evidence import CapacityRun, Evidence, GoodputRun
from omega_core.keys import SigningKey, to_base64url
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.models import StrictModel, model_bytes
from omega_core.record import AgentRef, Chain, Clocks, Cost, Measurement, Record, Session
from omega_core.units import US_PER_S
from omega_core.verdict import Mode, ProfileRef
from support.clock import START_UNIX_US
from support.facts import (
    attempts,
    dead_line_evidence,
    environment,
    evidence,
    goodput_run,
    idle_stream,
    ranges,
    sender_of,
)

GRANT_ID = "0199a0d1-6000-7000-8000-000000000001"
SESSION_ID = "0199a0d1-6000-7000-8000-000000000002"
AGENT_ID = "agent-17"
SHEET_ID = "FI-2026-0001"
TICKET_ID = "TT-2026-0042"
PLAN_ID = "FTTH-300-100"
TEST_POINT_ID = "tp-1"
AGENT_ADDRESS = "192.0.2.17"
TEST_POINT_ADDRESS = "198.51.100.1"
SECRET = hashlib.sha256(b"session secret").digest()
PROFILE = ProfileRef(id="ftth-home-300", version=2, digest=digest_hex(b"ftth-home-300/2"))
SESSION_US = 150 * US_PER_S


def key_of(name: str) -> SigningKey:
    """Return the private key that goes by this name in the tests."""
    return SigningKey.from_octets(hashlib.sha256(f"omega test key {name}".encode()).digest())


AGENT_KEY = key_of("agent")
SERVER_KEY = key_of("server")
TEST_POINT_KEY = key_of("test point")
STRANGER_KEY = key_of("stranger")


def session(**changes: Any) -> Session:  # noqa: ANN401 - fields of the model
    """Return the session of an installation."""
    fields: dict[str, Any] = {
        "id": SESSION_ID,
        "purpose": "install",
        "mode": Mode.STANDARD,
        "server": "https://omega.example",
        "test_point": TEST_POINT_ID,
        "address": AGENT_ADDRESS,
        "sheet_id": SHEET_ID,
        "started_unix_us": START_UNIX_US,
        "ended_unix_us": START_UNIX_US + SESSION_US,
    }
    return Session(**{**fields, **changes})


def measurement(of: Evidence | None = None, **changes: Any) -> Measurement:  # noqa: ANN401 - fields of the model
    """Return what `omega measure --json` prints of this evidence."""
    return Measurement(**{**_measured(of or evidence()), **changes})


def record(of: Evidence | None = None, **changes: Any) -> Record:  # noqa: ANN401 - fields of the model
    """Return the record of this evidence, under the grant of `grant()`."""
    stated = of or evidence()
    fields: dict[str, Any] = {
        **_measured(stated),
        "agent": AgentRef(id=AGENT_ID, kid=AGENT_KEY.public.kid, software="omega 0.1.0"),
        "chain": Chain(seq=1, prev=None),
        "clocks": Clocks(
            monotonic_started_us=1_000_000,
            monotonic_ended_us=1_000_000 + SESSION_US,
            step_us=0,
            suspended_us=0,
            offset_to_server_us=-3_500,
            synchronised=True,
        ),
        "grant_digest": digest_hex(model_bytes(grant())),
        "no_grant_reason": None,
        "observation_digest": digest_hex(model_bytes(observation(stated))),
        "plan_id": PLAN_ID,
        "profile": PROFILE,
        "evidence": stated,
        "preview": None,
    }
    return Record(**{**fields, **changes})


def ungranted_record(**changes: Any) -> Record:  # noqa: ANN401 - fields of the model
    """Return the record of a line on which no session could be had."""
    fields: dict[str, Any] = {
        "session": session(id=None, test_point=None, address=None),
        "cost": Cost(bytes_down=0, bytes_up=1_200, duration_ms=9_000),
        "grant_digest": None,
        "no_grant_reason": "omega.example: no answer within 3 s",
        "observation_digest": None,
        "profile": None,
    }
    return record(dead_line_evidence(), **{**fields, **changes})


def _measured(stated: Evidence) -> dict[str, Any]:
    return {
        "session": session(),
        "environment": environment(),
        "validity": (),
        "cost": Cost(bytes_down=180_000_000, bytes_up=60_000_000, duration_ms=SESSION_US // 1_000),
        "metrics": metrics_of(stated),
    }


def session_request(**changes: Any) -> SessionRequest:  # noqa: ANN401 - fields of the model
    """Return an enrolled agent's request to measure for its sheet."""
    fields: dict[str, Any] = {
        "purpose": "install",
        "mode": Mode.STANDARD,
        "sheet_id": SHEET_ID,
        "agent_id": AGENT_ID,
        "agent_key": AGENT_KEY.public.text,
        "software": "omega 0.1.0",
        "nonce": to_base64url(hashlib.sha256(b"nonce").digest()[:16]),
        "requested_unix_us": START_UNIX_US,
        "seq": 1,
        "address_tokens": ("a-token-only-the-server-can-read",),
    }
    return SessionRequest(**{**fields, **changes})


def grant(**changes: Any) -> Grant:  # noqa: ANN401 - fields of the model
    """Return the permission that `session_request()` gets."""
    fields: dict[str, Any] = {
        "grant_id": GRANT_ID,
        "session_id": SESSION_ID,
        "agent_kid": AGENT_KEY.public.kid,
        "purpose": "install",
        "mode": Mode.STANDARD,
        "sheet_id": SHEET_ID,
        "ticket_id": None,
        "plan_id": PLAN_ID,
        "profile": PROFILE,
        "test_point": TestPointRef(
            id=TEST_POINT_ID,
            key=TEST_POINT_KEY.public.text,
            addresses=(TEST_POINT_ADDRESS,),
            tcp_port=8_701,
            udp_port=8_702,
        ),
        "addresses": (AGENT_ADDRESS,),
        "session_secret": to_base64url(SECRET),
        "limits": GrantLimits(bytes_down=2_000_000_000, bytes_up=700_000_000, duration_s=300),
        "issued_unix_us": START_UNIX_US,
        "not_before_unix_us": START_UNIX_US,
        "not_after_unix_us": START_UNIX_US + 600 * US_PER_S,
    }
    return Grant(**{**fields, **changes})


def observation(of: Evidence | None = None, **changes: Any) -> Observation:  # noqa: ANN401 - fields of the model
    """Return what an honest test point signs of the session that left this evidence."""
    stated = of or evidence()
    up = Direction.UP
    fields: dict[str, Any] = {
        "session_id": SESSION_ID,
        "grant_digest": digest_hex(model_bytes(grant())),
        "test_point": TEST_POINT_ID,
        "started_unix_us": START_UNIX_US,
        "ended_unix_us": START_UNIX_US + SESSION_US,
        "streams": tuple(
            StreamCounts(stream=number, ssid=number + 1, report=stream.report)
            for number, stream in enumerate(stated.idle)
            if stream.report
        ),
        "runs": tuple(
            RunCounts(
                run=run.run,
                direction=run.direction,
                flows=run.flows if run.direction is up else (),
                senders=() if run.direction is up else run.senders,
            )
            for run in stated.goodput
        ),
        "capacity": tuple(_load_counts(run) for run in stated.capacity),
        "octets_received": sum(_read(run) for run in stated.goodput if run.direction is up),
        "octets_sent": sum(_read(run) for run in stated.goodput if run.direction is not up),
        "load": TestPointLoad(cpu_busy_ppm_max=150_000, sessions_max=1),
    }
    return Observation(**{**fields, **changes})


def _load_counts(run: CapacityRun) -> CapacityCounts:
    """Return what an honest test point counted of a load: as its receiver, or as its sender."""
    sent = LoadCounts(sent_packets=run.highest[-1], sent_octets=run.highest[-1] * run.ip_octets)
    received = LoadCounts(
        at_us=run.at_us,
        octets=run.octets,
        packets=run.packets,
        highest=run.highest,
        delay_us_max=run.delay_us_max,
        host_drops=run.host_drops,
    )
    return CapacityCounts(
        run=run.run,
        direction=run.direction,
        ip_octets=run.ip_octets,
        counts=received if run.direction is Direction.UP else sent,
    )


def _read(run: GoodputRun) -> int:
    return sum(flow.octets[-1] for flow in run.flows)


def receipt(record_envelope: bytes, **changes: Any) -> Receipt:  # noqa: ANN401 - fields of the model
    """Return the Collector's receipt for exactly these envelope bytes."""
    sealed = parse_envelope(record_envelope)
    fields: dict[str, Any] = {
        "record_digest": sealed.payload_digest,
        "envelope_digest": sealed.envelope_digest,
        "session_id": SESSION_ID,
        "received_unix_us": START_UNIX_US + SESSION_US + US_PER_S,
        "posted_to": "sheet",
        "posted_id": SHEET_ID,
        "verdict": None,
        "log": None,
    }
    return Receipt(**{**fields, **changes})


def key_statement(**changes: Any) -> KeyStatement:  # noqa: ANN401 - fields of the model
    """Return the server's word that the agent's key is the agent's."""
    fields: dict[str, Any] = {
        "role": "agent",
        "id": AGENT_ID,
        "kid": AGENT_KEY.public.kid,
        "key": AGENT_KEY.public.text,
        "issued_unix_us": START_UNIX_US,
    }
    return KeyStatement(**{**fields, **changes})


def sealed(message: StrictModel, payload_type: str, *keys: SigningKey) -> bytes:
    """Return the message in its envelope."""
    return seal(model_bytes(message), payload_type, *keys)


@dataclass(frozen=True, kw_only=True)
class Papers:
    """Everything one session leaves behind, sealed by whoever should."""

    grant: bytes
    observation: bytes
    record: bytes
    receipt: bytes
    keys: tuple[bytes, ...]

    def bundle(self, **changes: Any) -> Bundle:  # noqa: ANN401 - fields of the model
        """Return them as the one file that `omega verify` reads."""
        fields: dict[str, Any] = {
            "record": self.record.decode(),
            "grant": self.grant.decode(),
            "observation": self.observation.decode(),
            "receipt": self.receipt.decode(),
            "keys": tuple(each.decode() for each in self.keys),
            "profile": None,
        }
        return Bundle(**{**fields, **changes})


def papers(of: Evidence | None = None) -> Papers:
    """Return the papers of an installation that left this evidence."""
    stated = of or evidence()
    sealed_record = sealed(record(stated), PayloadType.RECORD, AGENT_KEY)
    point = key_statement(
        role="test_point",
        id=TEST_POINT_ID,
        kid=TEST_POINT_KEY.public.kid,
        key=TEST_POINT_KEY.public.text,
    )
    return Papers(
        grant=sealed(grant(), PayloadType.GRANT, SERVER_KEY),
        observation=sealed(observation(stated), PayloadType.OBSERVATION, TEST_POINT_KEY),
        record=sealed_record,
        receipt=sealed(receipt(sealed_record), PayloadType.RECEIPT, SERVER_KEY),
        keys=tuple(sealed(each, PayloadType.KEY, SERVER_KEY) for each in (key_statement(), point)),
    )


__all__ = [
    "AGENT_ADDRESS",
    "AGENT_ID",
    "AGENT_KEY",
    "GRANT_ID",
    "PLAN_ID",
    "PROFILE",
    "SECRET",
    "SERVER_KEY",
    "SESSION_ID",
    "SESSION_US",
    "SHEET_ID",
    "STRANGER_KEY",
    "TEST_POINT_ADDRESS",
    "TEST_POINT_ID",
    "TEST_POINT_KEY",
    "TICKET_ID",
    "Papers",
    "attempts",
    "dead_line_evidence",
    "environment",
    "evidence",
    "goodput_run",
    "grant",
    "idle_stream",
    "key_of",
    "key_statement",
    "measurement",
    "observation",
    "papers",
    "ranges",
    "receipt",
    "record",
    "sealed",
    "sender_of",
    "session",
    "session_request",
    "ungranted_record",
]
