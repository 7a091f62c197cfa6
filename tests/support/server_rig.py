"""A server without sockets: real store, keys and services, a clock that is moved by hand.

rig = make_rig(tmp_path)
agent = rig.enrolled()
sheet_id = rig.sheet("FTTH-300-100")
granted = rig.granted(agent, purpose="install", sheet_id=sheet_id)
posted = rig.post(rig.record(granted))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from omega_core.control import EnrolmentRequest, Grant, GrantAnswer, Observation, ReadRequest
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.evidence import Evidence
from omega_core.keys import SigningKey, to_base64url
from omega_core.models import parse_model
from omega_core.record import AgentRef, Chain, Record
from omega_core.units import NS_PER_US
from omega_core.verdict import Mode
from omega_server import sheets, subscribers, tickets
from omega_server.addresses import Proved
from omega_server.api.services import Services
from omega_server.collector import Posted
from omega_server.enrolment import make_token
from omega_server.identity import TEST_POINT_KEY_FILE, load_keys
from omega_server.installation import Installation, open_installation, services_of
from omega_server.places import FixedTestPoint, TestPointPlace, TestPoints
from omega_server.refusals import RefusalError
from omega_server.settings import ServerSettings
from support.builders import (
    observation as observation_message,
)
from support.builders import record as record_message
from support.builders import sealed, session, session_request, ungranted_record
from support.clock import HandClock
from support.facts import evidence

RIG_UNIX_US = 1_795_000_000_000_000
"""2026-11-18: every profile that Omega ships is in force."""
PLAN_ID = "FTTH-300-100"
AGENT_ADDRESS = "192.0.2.17"
SERVER_ADDRESS = "198.51.100.1"


@dataclass(frozen=True)
class Device:
    """A key, and the name it was enrolled under, if it was."""

    key: SigningKey
    agent_id: str | None


@dataclass(frozen=True)
class Granted:
    """What a device got for its request."""

    device: Device
    grant: Grant
    digest: str
    envelope: bytes
    profile: dict[str, Any] | None


@dataclass
class Rig:
    """One installation and everything a device or an operator would do with it."""

    installation: Installation
    services: Services
    clock: HandClock
    test_point_key: SigningKey
    place: TestPointPlace
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def store(self) -> Any:  # noqa: ANN401 - spares an import to whoever reads on
        return self.installation.store

    def new_key(self) -> SigningKey:
        return SigningKey.from_octets(
            hashlib.sha256(f"rig {next(self._numbers)}".encode()).digest()
        )

    def token(self, **bound_to: str | None) -> str:
        return make_token(self.store, self.clock.unix_us(), **bound_to)

    def enrolment(self, key: SigningKey, token: str, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
        fields: dict[str, Any] = {
            "token": token,
            "agent_key": key.public.text,
            "server_key": self.services.server_key,
            "software": "omega 0.1.0",
            "requested_unix_us": self.clock.unix_us(),
        }
        request = EnrolmentRequest(**{**fields, **changes})
        return sealed(request, PayloadType.ENROLMENT, key)

    def enrolled(self, *, for_sheet: str | None = None) -> Device:
        key = self.new_key()
        token = self.token(sheet_id=for_sheet)
        answer = self.services.enrolment.enrol(self.enrolment(key, token, sheet_id=for_sheet))
        return Device(key, answer.agent_id)

    def stranger(self) -> Device:
        return Device(self.new_key(), None)

    def subscriber(self, plan_id: str = PLAN_ID, *, activated: bool = True) -> Any:  # noqa: ANN401 - a row
        now = self.clock.unix_us()
        row = subscribers.add(self.store, f"S-{next(self._numbers)}", plan_id, now)
        return subscribers.activate(self.store, row.subscriber_ref, now) if activated else row

    def sheet(self, plan_id: str = PLAN_ID, *, activated: bool = True) -> str:
        subscriber = self.subscriber(plan_id, activated=activated)
        return sheets.create(self.store, subscriber, self.clock.unix_us()).sheet_id

    def ticket(self, plan_id: str = PLAN_ID, *, activated: bool = True) -> str:
        subscriber = self.subscriber(plan_id, activated=activated)
        row = tickets.open_ticket(self.store, subscriber, "it is slow", self.clock.unix_us())
        return row.ticket_id

    def proof(self, address: str = AGENT_ADDRESS, server_address: str = SERVER_ADDRESS) -> str:
        return self.services.proofs.token(Proved(address, server_address), self.clock.unix_us())

    def request(self, device: Device, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
        """Return a sealed session request: a self-test, unless changed."""
        nonce = hashlib.sha256(f"nonce {next(self._numbers)}".encode()).digest()
        fields: dict[str, Any] = {
            "purpose": "selftest",
            "mode": Mode.MEASURE,
            "sheet_id": None,
            "agent_id": device.agent_id,
            "agent_key": device.key.public.text,
            "nonce": to_base64url(nonce[:16]),
            "requested_unix_us": self.clock.unix_us(),
            "seq": next(self._numbers),
            "address_tokens": (self.proof(),),
        }
        message = session_request(**{**fields, **changes})
        return sealed(message, PayloadType.SESSION_REQUEST, device.key)

    def granted(self, device: Device, **changes: Any) -> Granted:  # noqa: ANN401 - fields of the model
        answer = self.services.controller.grant(self.request(device, **changes))
        return self.opened(device, answer)

    def installed(self, device: Device, **changes: Any) -> Granted:  # noqa: ANN401 - fields of the model
        """Return the grant of an installation in standard mode, on a sheet of its own."""
        fields = {"purpose": "install", "mode": Mode.STANDARD, "sheet_id": self.sheet(), **changes}
        return self.granted(device, **fields)

    def opened(self, device: Device, answer: GrantAnswer) -> Granted:
        envelope = answer.grant.encode()
        parts = parse_envelope(envelope)
        grant = parse_model(Grant, parts.payload)
        return Granted(device, grant, parts.payload_digest, envelope, answer.profile)

    def record(self, granted: Granted, of: Evidence | None = None, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
        """Return the sealed record of a granted session; with its observation's digest."""
        stated, grant = of or evidence(), granted.grant
        fields: dict[str, Any] = {
            "session": session(
                id=grant.session_id,
                purpose=grant.purpose,
                mode=grant.mode,
                sheet_id=grant.sheet_id,
                ticket_id=grant.ticket_id,
                changed=grant.changed,
                test_point=grant.test_point.id,
            ),
            "agent": self.agent_ref(granted.device),
            "chain": Chain(seq=self.store.sessions.grant(granted.digest).seq, prev=None),
            "grant_digest": granted.digest,
            "observation_digest": None,
            "plan_id": grant.plan_id,
            "profile": grant.profile,
        }
        message = record_message(stated, **{**fields, **changes})
        return sealed(message, PayloadType.RECORD, granted.device.key)

    def dead_line(self, device: Device, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
        """Return the sealed record of a line on which no session could be had."""
        fields: dict[str, Any] = {
            "agent": self.agent_ref(device),
            "chain": Chain(seq=next(self._numbers), prev=None),
            "plan_id": None,
        }
        message = ungranted_record(**{**fields, **changes})
        return sealed(message, PayloadType.RECORD, device.key)

    def agent_ref(self, device: Device) -> AgentRef:
        return AgentRef(id=device.agent_id, kid=device.key.public.kid, software="omega 0.1.0")

    def observation(self, granted: Granted, of: Evidence | None = None, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
        """Return what an honest test point signs of a granted session."""
        fields: dict[str, Any] = {
            "session_id": granted.grant.session_id,
            "grant_digest": granted.digest,
            "test_point": self.place.id,
        }
        message: Observation = observation_message(of or evidence(), **{**fields, **changes})
        return sealed(message, PayloadType.OBSERVATION, self.test_point_key)

    def read_request(self, device: Device, digest: str, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
        """Return what a device puts into `Authorization: Omega ...`."""
        fields: dict[str, Any] = {
            "record_digest": digest,
            "requested_unix_us": self.clock.unix_us(),
        }
        request = ReadRequest(**{**fields, **changes})
        return to_base64url(sealed(request, PayloadType.READ_REQUEST, device.key))

    def post(self, envelope: bytes) -> Posted:
        return self.services.collector.post(envelope, digest_of(envelope))


def digest_of(envelope: bytes) -> str:
    """Return the digest of the payload: a record's id."""
    return parse_envelope(envelope).payload_digest


def record_in(envelope: bytes) -> Record:
    """Return the record in an envelope, unchecked."""
    return parse_model(Record, parse_envelope(envelope).payload)


@contextmanager
def make_rig(
    data: Path,
    *,
    test_points: TestPoints | None = None,
    **settings: Any,  # noqa: ANN401 - fields of the settings
) -> Iterator[Rig]:
    """Open an installation in a folder, its clock at `RIG_UNIX_US`."""
    clock = HandClock(at_unix_ns=RIG_UNIX_US * NS_PER_US)
    with open_installation(ServerSettings(data=data, **settings), clock) as installation:
        place = TestPointPlace(
            id=installation.test_point.test_point_id,
            key=installation.test_point.key,
            tcp_port=8_701,
            udp_port=8_702,
        )
        yield Rig(
            installation=installation,
            services=services_of(installation, test_points or FixedTestPoint(place)),
            clock=clock,
            test_point_key=load_keys(data)[1],
            place=place,
        )


__all__ = [
    "AGENT_ADDRESS",
    "PLAN_ID",
    "RIG_UNIX_US",
    "SERVER_ADDRESS",
    "TEST_POINT_KEY_FILE",
    "Device",
    "Granted",
    "Rig",
    "digest_of",
    "make_rig",
    "record_in",
]


def refused(rig: Rig, envelope: bytes, key: str | None = None) -> RefusalError:
    """Return why the Collector does not take a record."""
    with pytest.raises(RefusalError) as refusal:
        rig.services.collector.post(envelope, key or digest_of(envelope))
    return refusal.value
