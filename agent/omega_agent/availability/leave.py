"""The leave to watch: a standing grant asked for, kept, renewed in time; and the server as witness.

One question to the server does both. A grant that comes back names what was asked, and is signed by
the server: so packets went there and back, whatever a box on the way may answer for others. While
the test point is silent each question is a witness; otherwise it is asked after a fifth of the
grant's life, so that a month without the server costs nothing.

Questions are made in a thread of their own, one at a time: a dead line keeps one for twenty
seconds, and the watch must not wait. Where the grant's test point is, is found there too, and kept
beside the grant: on a line that is down when the device starts, no name is resolved.

    HOME/availability/leave.json
"""

from __future__ import annotations

import random
import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field

from omega_agent.availability.client import LeaveError, StandingClient, granted
from omega_agent.errors import NoAnswerError, NotTrustedError, WrongAnswerError, not_kept
from omega_agent.server_keys import Informant, signing_key
from omega_core import limits
from omega_core.canonical import NotPlainJsonError
from omega_core.clock import Clock
from omega_core.envelope import PayloadType, seal
from omega_core.errors import OmegaError, RefusedError, StorageError
from omega_core.facts import Version1
from omega_core.files import write_durably
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.models import Address, ContentError, StrictModel, model_bytes, parse_model
from omega_core.standing import StandingGrant, StandingRequest
from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S

_OWNER_ONLY = 0o600
_NONCE_OCTETS = 12
_RENEW_AFTER_US = limits.STANDING_GRANT_LIFE_S * US_PER_S // 5
_AGAIN_S = (60, 300, 1_800, 3_600)
_BYTES_MAX = 64 * 1024


class Grantor(Informant, Protocol):
    """Whom to ask; `Uplink` is one. What it raises: see there."""

    def standing_grant(self, request: bytes) -> bytes:
        """Return the sealed standing grant for a sealed request, not checked here."""
        ...


@dataclass(frozen=True, slots=True)
class Allowed:
    """A standing grant in use, and where its test point is: best first, none where not found."""

    client: StandingClient
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as a witness: when on the watch's time line, and by our clock; see `Witness`."""

    at_us: int
    asked_ns: int
    within_us: int


class _Kept(StrictModel):
    """The file."""

    schema_version: Version1 = 1
    grant: Annotated[str, Field(max_length=_BYTES_MAX)]
    addresses: Annotated[tuple[Address, ...], Field(max_length=limits.WATCH_ADDRESSES_MAX)]


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
        find: Callable[[StandingGrant], tuple[str, ...]],
        within: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda found: found,
        clock: Clock,
        rng: random.Random,
        spread_s: int = 0,
    ) -> None:
        """Take up the grant that is kept, if it is one; raises StorageError.

        `find` says where a grant's test point is, and may take its time; `within` says which of
        these addresses the owner allows, of those that are kept from other days too. The first
        question is asked within `spread_s`: a power cut ends for all agents at once.
        """
        self._agent_id = agent_id
        self._key = key
        self._server_key = server_key
        self._path = path
        self._connect = connect
        self._find = find
        self._within = within
        self._clock = clock
        self._rng = rng
        self._asking = threading.Lock()
        self._asked: _Asked | None = None
        self._told: deque[tuple[int, bool]] = deque()
        self._due_ns = clock.monotonic_ns() + int(rng.random() * spread_s * NS_PER_S)
        self._failures = 0
        self.error: OmegaError | None = None
        """Why the last question came to nothing."""
        self.allowed = self._on_disk = self._kept()
        """`allowed` is what the server has allowed; it may be over."""

    def renew(self) -> None:
        """Ask for a grant where it is time to; the call returns at once."""
        if self._clock.monotonic_ns() >= self._due_ns and self._is_old():
            self._ask_for(None)

    def ask(self, at_us: int, within_us: int) -> None:
        """See `Witness.ask`."""
        self._ask_for(_Asked(at_us, self._clock.monotonic_ns(), within_us))

    def told(self, now_us: int) -> list[tuple[int, bool]]:
        """See `Witness.told`."""
        asked = self._asked
        if asked is not None and self._passed_us(asked) > limits.WATCH_WITNESS_US:
            self._asked = None  # whatever comes of it is too late to be a witness
            self._told.append((asked.at_us, False))
        told = []
        while self._told:
            told.append(self._told.popleft())
        return [each for each in told if each[0] <= now_us]

    def _is_old(self) -> bool:
        allowed = self.allowed
        if allowed is None or not allowed.addresses:
            return True
        age_us = self._clock.unix_us() - allowed.client.grant.not_before_unix_us
        return not 0 <= age_us < _RENEW_AFTER_US  # also where the clock was set back

    def _passed_us(self, asked: _Asked) -> int:
        return (self._clock.monotonic_ns() - asked.asked_ns) // NS_PER_US

    def _ask_for(self, asked: _Asked | None) -> None:
        if not self._asking.acquire(blocking=False):
            return
        self._asked = asked
        thread = threading.Thread(target=self._ask, daemon=True, name="omega-leave")
        thread.start()

    def _ask(self) -> None:
        try:
            allowed = self._newly_allowed()
        except (NoAnswerError, WrongAnswerError, RefusedError) as error:
            self._failed(error)
        else:
            self._failures, self.error = 0, None
            self._due_ns = self._clock.monotonic_ns() + self._pause_ns(_AGAIN_S[-1])
            self.allowed = allowed
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
        if asked is None:
            return
        passed_us = self._passed_us(asked)
        if not answered or passed_us > limits.WATCH_WITNESS_US:
            self._told.append((asked.at_us, False))
        elif passed_us <= asked.within_us:
            self._told.append((asked.at_us, True))

    def _pause_ns(self, around_s: int) -> int:
        return int(around_s * (0.5 + self._rng.random()) * NS_PER_S)

    def _newly_allowed(self) -> Allowed:
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
            server_key = signing_key(envelope, self._server_key, server).key
        try:
            client = granted(envelope, server_key, self._key)
        except LeaveError as error:
            raise NotTrustedError("standing_grant", why=error) from None
        if client.grant.nonce != nonce:
            raise NotTrustedError("standing_grant", why="it answers another request")
        found = self._find(client.grant)[: limits.WATCH_ADDRESSES_MAX]
        before = () if self.allowed is None else self.allowed.addresses
        addresses = self._within(found) if found else before
        self._keep(envelope, client, addresses)
        return Allowed(client, addresses)

    def _keep(self, envelope: bytes, client: StandingClient, addresses: tuple[str, ...]) -> None:
        """Keep what is worth a write: the tenth answer of a witness within an hour is not."""
        grant, kept = client.grant, self._on_disk
        if kept is not None and kept.addresses == addresses:
            same_place = _place(kept.client.grant) == _place(grant)
            age_us = grant.not_before_unix_us - kept.client.grant.not_before_unix_us
            if same_place and 0 <= age_us < _RENEW_AFTER_US // 2:
                return
        content = model_bytes(_Kept(grant=envelope.decode("utf-8"), addresses=addresses))
        with suppress(StorageError):  # a full disk costs a question at the next start
            write_durably(self._path, content, mode=_OWNER_ONLY)
            self._on_disk = Allowed(client, addresses)

    def _kept(self) -> Allowed | None:
        try:
            with self._path.open("rb") as file:
                kept = parse_model(_Kept, file.read(_BYTES_MAX))
            client = granted(kept.grant.encode("utf-8"), self._server_key, self._key)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise not_kept(self._path, error) from error
        except (NotPlainJsonError, ContentError, LeaveError):
            return None  # of another server, or damaged: another one is asked for
        return Allowed(client, self._within(kept.addresses))


def _place(grant: StandingGrant) -> tuple[str, str, int]:
    return grant.test_point, grant.test_point_key, grant.udp_port
