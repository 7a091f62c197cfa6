"""The leave to test: checked by the server's signature alone, and counted. See `omega_core.browser`.

A grant is good for the address it was given to, for a few minutes, for so many runs and octets.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from omega_core import limits
from omega_core.browser import BrowserGrant
from omega_core.canonical import NotPlainJsonError
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
)
from omega_core.keys import PublicKey, from_base64url
from omega_core.models import ContentError, parse_model
from omega_core.units import US_PER_S
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.ndt7.handshake import HandshakeError


@dataclass(slots=True)
class Leave:
    """A grant in use; what it may still move is counted here, by all its runs together."""

    grant: BrowserGrant
    runs: int = 0
    bytes_down: int = 0
    bytes_up: int = 0


class TokenDesk:
    """Checks grants, and remembers those in use. Called by many threads."""

    def __init__(self, server_keys: Sequence[PublicKey], test_point: str) -> None:
        self._keys = keys_by_id(server_keys)
        self._test_point = test_point
        self._known: dict[str, Leave] = {}
        self._lock = threading.Lock()

    def begin(self, token: str, *, peer: str, now_unix_us: int) -> tuple[Leave, int]:
        """Return the leave for one more run, and its number; raises HandshakeError."""
        grant = self._checked(token, peer, now_unix_us)
        with self._lock:
            leave = self._known.get(grant.nonce)
            if leave is None:
                self._make_room(now_unix_us)
                leave = self._known[grant.nonce] = Leave(grant)
            if leave.runs >= limits.BROWSER_RUNS_MAX:
                raise HandshakeError(403, "this test has had all its runs")
            leave.runs += 1
            return leave, leave.runs - 1

    def moved(self, leave: Leave, *, down: int, up: int) -> None:
        """Count what a run has moved."""
        with self._lock:
            leave.bytes_down += down
            leave.bytes_up += up

    def _checked(self, token: str, peer: str, now_unix_us: int) -> BrowserGrant:
        try:
            sealed = parse_envelope(from_base64url(token))
            payload = open_sealed(sealed, PayloadType.BROWSER_GRANT, self._keys)
            grant = parse_model(BrowserGrant, payload)
        except (ValueError, EnvelopeError, NotPlainJsonError, ContentError) as error:
            raise HandshakeError(403, "the access token is none of this server's") from error
        late_us = limits.GRANT_LATE_S * US_PER_S
        if grant.test_point != self._test_point:
            raise HandshakeError(403, "the access token is for another test point")
        if normalised(grant.address) != normalised(peer):
            raise HandshakeError(403, "the access token is for another address")
        early_us = grant.not_before_unix_us - late_us
        if not early_us <= now_unix_us <= grant.not_after_unix_us + late_us:
            raise HandshakeError(403, "the access token is over: load the page again")
        return grant

    def _make_room(self, now_unix_us: int) -> None:
        late_us = limits.GRANT_LATE_S * US_PER_S
        if len(self._known) < limits.BROWSER_TESTS_MAX:
            return
        self._known = {
            nonce: leave
            for nonce, leave in self._known.items()
            if leave.grant.not_after_unix_us + late_us >= now_unix_us
        }
        if len(self._known) >= limits.BROWSER_TESTS_MAX:
            raise HandshakeError(503, "too many browsers test here at this time")
