"""A server that gives leave to watch, without the network: what it signs is real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from omega_agent.errors import NoAnswerError
from omega_core.clock import SystemClock
from omega_core.control import ServerInfo
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.errors import OmegaError
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import model_bytes, parse_model
from omega_core.standing import StandingGrant, StandingRequest
from omega_core.units import US_PER_S


@dataclass
class LocalGrantor:
    """`leave.Grantor`; `error` is raised instead of an answer, `nonce` answers another request."""

    key: SigningKey
    test_point_key: PublicKey
    udp_port: int = 862
    life_s: int = 60
    error: OmegaError | None = None
    nonce: str | None = None
    asked: list[StandingRequest] = field(default_factory=list)

    @contextmanager
    def connect(self) -> Iterator[LocalGrantor]:
        yield self

    def server_info(self) -> ServerInfo:
        """See `Informant`: whoever signs with a key that is not pinned has nothing to show."""
        raise NoAnswerError("no_answer", server="https://omega.example", why="away")

    def standing_grant(self, request: bytes) -> bytes:
        asked = parse_model(StandingRequest, parse_envelope(request).payload)
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        now_us = SystemClock().unix_us()
        grant = StandingGrant(
            agent_key=asked.agent_key,
            nonce=self.nonce or asked.nonce,
            test_point="tp-test",
            test_point_key=self.test_point_key.text,
            udp_port=self.udp_port,
            not_before_unix_us=now_us,
            not_after_unix_us=now_us + self.life_s * US_PER_S,
        )
        return seal(model_bytes(grant), PayloadType.STANDING_GRANT, self.key)
