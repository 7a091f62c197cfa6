"""A real test point in a child process, and grants for it: the peer of the probe's tests.

with RealTestPoint(tmp_path) as test_point:
    run_session(plan, test_point.access(), ...)
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omega_core import keyfile
from omega_core.clock import SystemClock
from omega_core.control import Grant, GrantLimits, Observation, TestPointRef
from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.keys import SigningKey, to_base64url
from omega_core.units import US_PER_S
from omega_probe.plan import TestPointAccess
from omega_server.testpoint import TestPointProcess, TestPointSettings
from support import builders

LOOPBACK = ("127.0.0.1", "::1")
_LIFE_US = 600 * US_PER_S


class RealTestPoint:
    """A test point on this host, whose grants the tests sign themselves."""

    def __init__(
        self,
        folder: Path,
        *,
        hosts: tuple[str, ...] = LOOPBACK,
        **settings: Any,  # noqa: ANN401 - fields of the settings
    ) -> None:
        self.key: SigningKey = keyfile.load_or_create(folder / "testpoint.pem")
        self.server_key = builders.key_of("server")
        self.settings = TestPointSettings(
            id="tp-test",
            key_file=folder / "testpoint.pem",
            server_public_keys=(self.server_key.public.text,),
            hosts=hosts,
            **{"workers": 1, **settings},
        )
        self.process = TestPointProcess(self.settings)

    def __enter__(self) -> Self:
        self.ports = self.process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stop()

    def kill(self) -> None:
        """End every process of the test point at once, as a power cut would."""
        pid = self.process.pid
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)  # the child leads a process group of its own

    def access(
        self,
        *,
        addresses: Sequence[str] = LOOPBACK,
        sources: Sequence[str] | None = None,
        bytes_each_way: int = 20_000_000_000,
        duration_s: int = 300,
        rate_bps: int | None = None,
        **changes: Any,  # noqa: ANN401 - fields of the grant
    ) -> TestPointAccess:
        """Return the access of a fresh grant for a probe at `sources`, by default `addresses`."""
        grant = self.grant(
            addresses=addresses,
            sources=addresses if sources is None else sources,
            limits=GrantLimits(
                bytes_down=bytes_each_way,
                bytes_up=bytes_each_way,
                duration_s=duration_s,
                rate_bps_down=rate_bps,
                rate_bps_up=rate_bps,
            ),
            **changes,
        )
        secret = builders.SECRET
        sealed = builders.sealed(grant, PayloadType.GRANT, self.server_key)
        return TestPointAccess(
            session_id=grant.session_id,
            grant=sealed.decode("ascii"),
            secret=secret,
            addresses=tuple(addresses),
            tcp_port=self.ports.tcp_port,
            udp_port=self.ports.udp_port,
            bytes_down_max=grant.limits.bytes_down,
            bytes_up_max=grant.limits.bytes_up,
            duration_s_max=grant.limits.duration_s,
        )

    def grant(self, *, addresses: Sequence[str], sources: Sequence[str], **changes: Any) -> Grant:  # noqa: ANN401 - fields of the grant
        """Return a grant that has not been used."""
        now_us = SystemClock().unix_us()
        fields: dict[str, Any] = {
            "grant_id": f"grant-{secrets.token_hex(8)}",
            "session_id": f"session-{secrets.token_hex(8)}",
            "purpose": "selftest",
            "sheet_id": None,
            "test_point": TestPointRef(
                id="tp-test",
                key=self.key.public.text,
                addresses=tuple(addresses),
                tcp_port=self.ports.tcp_port,
                udp_port=self.ports.udp_port,
            ),
            "addresses": tuple(sources),
            "session_secret": to_base64url(builders.SECRET),
            "issued_unix_us": now_us,
            "not_before_unix_us": now_us,
            "not_after_unix_us": now_us + _LIFE_US,
        }
        return builders.grant(**{**fields, **changes})

    def opened(self, observation: str) -> Observation:
        """Return what the test point signed; raises EnvelopeError unless it did."""
        sealed = parse_envelope(observation.encode("ascii"))
        keys = keys_by_id([self.key.public])
        payload = open_sealed(sealed, PayloadType.OBSERVATION, keys)
        return Observation.model_validate_json(payload)
