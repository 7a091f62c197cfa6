"""Holds the check-in with the Controller, in a thread: one after the other, until told to stop.

    Answered   a sealed answer that was checked
    Silent     nobody answered, or not like our server: tried again after a drawn time
    Turned     the server said no for good: tried again after an hour

After a silence the next try comes at a random time within what the server said it needs for the
return of all its agents, and never sooner than two seconds; so does the first try after a start,
for a power cut ends for all of them at once. A server that says when to come back is obeyed.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omega_agent.daemon import pauses
from omega_agent.errors import BusyError, NoAnswerError, NotTrustedError, WrongAnswerError
from omega_agent.server_keys import signing_key
from omega_agent.uplink import Uplink
from omega_core.canonical import NotPlainJsonError
from omega_core.clock import Clock
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.errors import OmegaError, RefusedError
from omega_core.instruction import Capabilities, CheckIn, CheckInAnswer, Instruction
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.limits import CHECK_IN_WAIT_S_MAX, INSTRUCTIONS_HELD_MAX
from omega_core.models import ContentError, model_bytes, parse_model

_NONCE_OCTETS = 16
_NOT_FRESH = "address_not_proved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The server's answer, and the instructions in it that are its own and for us."""

    answer: CheckInAnswer
    instructions: tuple[Instruction, ...]
    at_ns: int


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer that could be used: why, and after how many seconds it is tried again."""

    error: OmegaError
    again_s: float


@dataclass(frozen=True, slots=True)
class Turned:
    """The server wants nothing to do with this device: why."""

    error: RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """Who waits."""

    agent_id: str
    key: SigningKey
    server_key: PublicKey
    instance: str
    starts: int
    software: str
    capabilities: Capabilities


class Waiter:
    """One thread's loop; `tell` is called with what came, `holding` and `spread_s` are asked."""

    def __init__(
        self,
        who: Self,
        uplink: Callable[[], Uplink],
        clock: Clock,
        *,
        tell: Callable[[Answered | Silent | Turned], None],
        holding: Callable[[], tuple[str, ...]],
        spread_s: Callable[[], int],
        schedule_id: Callable[[], str | None] = lambda: None,
        stop: threading.Event,
        rng: random.Random,
    ) -> None:
        self._who = who
        self._uplink = uplink
        self._clock = clock
        self._tell = tell
        self._holding = holding
        self._spread_s = spread_s
        self._schedule_id = schedule_id
        self._stop = stop
        self._rng = rng
        self._proof: str | None = None
        self._has_answered = False
        self._just_got: tuple[str, ...] = ()
        """What came with the last answer: the foreman may not have looked at it yet."""

    def run(self) -> None:
        """Check in until `stop` is set; a check-in that is held then is left."""
        if self._stop.wait(pauses.before_the_first(self._spread_s(), self._rng)):
            return
        with self._uplink() as uplink:
            while not self._stop.is_set():
                pause_s = self._once(uplink)
                if pause_s and self._stop.wait(pause_s):
                    return

    def _once(self, uplink: Uplink) -> float:
        """Check in once; return how long to stay away."""
        try:
            answered = self._check_in(uplink)
        except RefusedError as error:
            return self._was_refused(error)
        except (NoAnswerError, WrongAnswerError) as error:
            self._proof, self._has_answered = None, False
            again_s = pauses.after_silence(self._spread_s(), self._rng)
            self._tell(Silent(error, again_s))
            return again_s
        self._proof, self._has_answered = answered.answer.proof, True
        self._just_got = tuple(each.instruction_id for each in answered.instructions)
        self._tell(answered)
        return 0.0

    def _was_refused(self, error: RefusedError) -> float:
        if error.code == _NOT_FRESH and self._proof is not None:
            self._proof = None  # it was on the way for too long: another one is asked for
            return 0.0
        if isinstance(error, BusyError):
            again_s = pauses.after_busy(error.retry_after_s, self._rng)
            self._tell(Silent(error, again_s))
            return again_s
        self._tell(Turned(error))
        return pauses.after_refusal(self._rng)

    def _check_in(self, uplink: Uplink) -> Answered:
        who, nonce = self._who, to_base64url(secrets.token_bytes(_NONCE_OCTETS))
        # The first one is answered at once, so that the time and what is to be done are known.
        wait_s = CHECK_IN_WAIT_S_MAX if self._has_answered else 0
        proof = self._proof or uplink.any_address_proof().token
        check_in = CheckIn(
            agent_id=who.agent_id,
            instance=who.instance,
            starts=who.starts,
            software=who.software,
            proof=proof,
            nonce=nonce,
            wait_s=wait_s,
            capabilities=who.capabilities,
            holding=self._held(),
            schedule_id=self._schedule_id(),
        )
        sealed = seal(model_bytes(check_in), PayloadType.CHECK_IN, who.key)
        data = uplink.check_in(sealed, wait_s=wait_s)
        at_ns = self._clock.monotonic_ns()
        server = signing_key(data, who.server_key, uplink)
        return open_answer(data, who, nonce, keys=(who.server_key, *server.line), at_ns=at_ns)

    def _held(self) -> tuple[str, ...]:
        """Return what is here, and what came just now as far as there is room for it."""
        held = self._holding()
        new = [name for name in self._just_got if name not in held]
        return tuple(sorted((*held, *new[: max(0, INSTRUCTIONS_HELD_MAX - len(held))])))


def open_answer(
    data: bytes, who: Self, nonce: str, *, keys: Sequence[PublicKey], at_ns: int
) -> Answered:
    """Return the answer to our check-in; raises NotTrustedError unless it is the server's to us.

    An instruction in it that is not signed by the server, or not for us, makes all of it
    untrusted: our server would not send it.
    """
    try:
        answer = parse_model(CheckInAnswer, _opened(data, PayloadType.CHECK_IN_ANSWER, keys))
        instructions = tuple(
            parse_model(Instruction, _opened(each.encode("utf-8"), PayloadType.INSTRUCTION, keys))
            for each in answer.instructions
        )
    except (EnvelopeError, NotPlainJsonError, ContentError) as error:
        raise NotTrustedError("check_in_answer", why=error) from None
    if (answer.agent_id, answer.nonce) != (who.agent_id, nonce):
        raise NotTrustedError("check_in_answer", why="it answers another check-in")
    for instruction in instructions:
        if instruction.agent_id != who.agent_id:
            raise NotTrustedError("check_in_answer", why="an instruction is for another agent")
    return Answered(answer=answer, instructions=instructions, at_ns=at_ns)


def _opened(data: bytes, payload_type: str, keys: Sequence[PublicKey]) -> bytes:
    return open_sealed(parse_envelope(data), payload_type, keys_by_id(keys))
