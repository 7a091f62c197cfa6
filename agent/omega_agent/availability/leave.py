"""The leave to watch: a standing grant asked for, kept, renewed in time; and the server as witness.

One question to the server does both. A grant that comes back names what was asked, and is signed by
the server: so packets went there and back, whatever a box on the way may answer for others. While
the test point is silent each question is a witness; otherwise it is asked after a fifth of the
grant's life, so that a month without the server costs nothing.

Questions are made in a thread of their own, one at a time: a dead line keeps one for twenty
seconds, and the watch must not wait.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from omega_agent.availability.client import LeaveError, StandingClient, granted
from omega_agent.errors import NoAnswerError, NotTrustedError, WrongAnswerError, not_kept
from omega_core import limits
from omega_core.clock import Clock
from omega_core.envelope import PayloadType, seal
from omega_core.errors import OmegaError, RefusedError
from omega_core.files import write_durably
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.models import model_bytes
from omega_core.standing import StandingGrant, StandingRequest
from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S

_OWNER_ONLY = 0o600
_NONCE_OCTETS = 12
_RENEW_AFTER_US = limits.STANDING_GRANT_LIFE_S * US_PER_S // 5
_AGAIN_S = (60, 300, 1_800, 3_600)


class Grantor(Protocol):
    """Whom to ask; `Uplink` is one. What it raises: see there."""

    def standing_grant(self, request: bytes) -> bytes:
        """Return the sealed standing grant for a sealed request, not checked here."""
        ...


class Leave:
    """The standing grant of one device. `Witness` of its watch."""

    def __init__(
        self,
        agent_id: str,
        key: SigningKey,
        server_key: PublicKey,
        path: Path,
        connect: Callable[[], AbstractContextManager[Grantor]],
        *,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Take up the grant that is kept, if it is one; raises StorageError."""
        self._agent_id = agent_id
        self._key = key
        self._server_key = server_key
        self._path = path
        self._connect = connect
        self._clock = clock
        self._rng = rng
        self._asking = threading.Lock()
        self._asked: tuple[int, int] | None = None
        """When the question under way was asked: on the watch's time line, and by our clock."""
        self._told: deque[tuple[int, bool]] = deque()
        self._due_ns = 0
        self._failures = 0
        self.error: OmegaError | None = None
        """Why the last question came to nothing."""
        self.client = self._kept()

    @property
    def grant(self) -> StandingGrant | None:
        """What the server has allowed; it may be over."""
        return None if self.client is None else self.client.grant

    def renew(self) -> None:
        """Ask for a grant where it is time to; the call returns at once."""
        if self._clock.monotonic_ns() >= self._due_ns and self._is_old():
            self._ask_for(None)

    def ask(self, at_us: int) -> None:
        """See `Witness.ask`."""
        self._ask_for(at_us)

    def told(self, now_us: int) -> list[tuple[int, bool]]:
        """See `Witness.told`."""
        asked = self._asked
        if asked is not None and self._is_late(asked[1]):
            self._asked = None  # whatever comes of it is too late to be a witness
            self._told.append((asked[0], False))
        told = []
        while self._told:
            told.append(self._told.popleft())
        return [each for each in told if each[0] <= now_us]

    def _is_old(self) -> bool:
        grant = self.grant
        if grant is None:
            return True
        age_us = self._clock.unix_us() - grant.not_before_unix_us
        return not 0 <= age_us < _RENEW_AFTER_US  # also where the clock was set back

    def _is_late(self, asked_ns: int) -> bool:
        return self._clock.monotonic_ns() - asked_ns > limits.WATCH_WITNESS_US * NS_PER_US

    def _ask_for(self, at_us: int | None) -> None:
        if not self._asking.acquire(blocking=False):
            return
        if at_us is not None:
            self._asked = at_us, self._clock.monotonic_ns()
        thread = threading.Thread(target=self._ask, daemon=True, name="omega-leave")
        thread.start()

    def _ask(self) -> None:
        try:
            client = self._new_client()
        except (NoAnswerError, WrongAnswerError, RefusedError) as error:
            self._failed(error)
        else:
            self._failures, self.error = 0, None
            self._due_ns = self._clock.monotonic_ns() + self._pause_ns(_AGAIN_S[-1])
            self.client = client
            self._witnessed(answered=True)
        finally:
            self._asking.release()

    def _failed(self, error: OmegaError) -> None:
        again_s = _AGAIN_S[min(self._failures, len(_AGAIN_S) - 1)]
        self._failures, self.error = self._failures + 1, error
        self._due_ns = self._clock.monotonic_ns() + self._pause_ns(again_s)
        # A refusal that is not signed may be anybody's: it is no answer.
        self._witnessed(answered=False)

    def _witnessed(self, *, answered: bool) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._told.append((asked[0], answered and not self._is_late(asked[1])))

    def _pause_ns(self, around_s: int) -> int:
        return int(around_s * (0.5 + self._rng.random()) * NS_PER_S)

    def _new_client(self) -> StandingClient:
        nonce = to_base64url(secrets.token_bytes(_NONCE_OCTETS))
        request = StandingRequest(
            agent_id=self._agent_id,
            agent_key=self._key.public.text,
            nonce=nonce,
            requested_unix_us=self._clock.unix_us(),
        )
        sealed = seal(model_bytes(request), PayloadType.STANDING_REQUEST, self._key)
        with self._connect() as server:
            envelope = server.standing_grant(sealed)
        try:
            client = granted(envelope, self._server_key, self._key)
        except LeaveError as error:
            raise NotTrustedError("standing_grant", why=error) from None
        if client.grant.nonce != nonce:
            raise NotTrustedError("standing_grant", why="it answers another request")
        write_durably(self._path, envelope, mode=_OWNER_ONLY)
        return client

    def _kept(self) -> StandingClient | None:
        try:
            envelope = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise not_kept(self._path, error) from error
        try:
            return granted(envelope, self._server_key, self._key)
        except LeaveError:
            return None  # of another server, or damaged: another one is asked for
