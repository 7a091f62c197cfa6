"""One session from the question to the facts: reach the server, ask, measure.

    check_control; beside it, proofs of our addresses ----> signed request ----> grant, checked
         | nobody answers, or not as an Omega server            |
         v                                                      v  chain written, durably
    run_without_grant: what failed, and where            run_session: the probe's tasks
         |                                                      |
         +------------------> Held <----------------------------+

A refusal of the server is no fact about the line and leaves as the error it is, and so is a test
point without room. Silence is one: the session is then held without a grant, and says what could
not be reached.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from omega_acceptance.demand import Demand, demand, demand_without_profile
from omega_agent.errors import NoAnswerError, TestPointBusyError, WrongAnswerError
from omega_agent.interrupts import Interrupts
from omega_agent.server_keys import signing_key
from omega_agent.server_url import ServerUrl
from omega_agent.session_request import Granted, Wanted, open_grant, session_request
from omega_agent.steering import Steering, TellFirst
from omega_core.clock import Clock
from omega_core.control import AddressProof, GrantAnswer, ServerInfo
from omega_core.errors import OmegaError
from omega_core.evidence import Attempt, AttemptKind, Family
from omega_core.keys import NotAKeyError, PublicKey, SigningKey
from omega_core.verdict import Mode
from omega_probe.events import Emitter
from omega_probe.plan import (
    CONNECTIVITY_ATTEMPTS_DEFAULT,
    CapacityTask,
    ControlTarget,
    GoodputTask,
    MeasurementPlan,
    TestPointAccess,
)
from omega_probe.session import SessionResult, check_control, run_session, run_without_grant

AnswerT = TypeVar("AnswerT")
_FAMILIES: Final[tuple[Family, ...]] = (4, 6)
_NONCE_OCTETS = 24
_REASON_CHARS_MAX = 512
_REACHED_BY = {AttemptKind.TCP, AttemptKind.HTTP}


class Controller(Protocol):
    """Whom a session is asked of; `Uplink` is one. What it raises: see there.

    Its questions about addresses and about itself may be asked at once, from several threads, and a
    session while a family is still silent.
    """

    def server_info(self) -> ServerInfo:
        """Return what the server says of itself."""
        ...

    def address_proof(self, family: Family) -> AddressProof:
        """Return the server's word on our address in one family, asked over that family."""
        ...

    def request_session(self, request: bytes) -> GrantAnswer:
        """Send a sealed session request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurer:
    """Who measures: the key, its name at the server (None for a key of one run), and with what."""

    key: SigningKey
    agent_id: str | None
    server: ServerUrl
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A session that was held: its facts, and the grant, or why there was none."""

    wanted: Wanted
    result: SessionResult
    granted: Granted | None
    failure: OmegaError | None
    """Why there is no grant."""

    @property
    def no_grant_reason(self) -> str | None:
        """The failure as the record keeps it, in English."""
        return None if self.failure is None else str(self.failure)[:_REASON_CHARS_MAX]


def control_target(server: ServerUrl) -> ControlTarget:
    """Return where the probe tries whether the server can be reached."""
    return ControlTarget(
        scheme=server.scheme, host=server.host, port=server.port, path=f"{server.path}/healthz"
    )


def reach(
    server: ServerUrl, *, clock: Clock, emit: Emitter, interrupts: Interrupts
) -> tuple[Attempt, ...]:
    """Return every attempt on the server; raises KeyboardInterrupt when stopped meanwhile."""
    with interrupts.gently() as stop:
        attempts = check_control(
            control_target(server),
            attempts=CONNECTIVITY_ATTEMPTS_DEFAULT,
            clock=clock,
            emit=emit,
            stop=stop,
        )
    if stop.is_set():
        raise KeyboardInterrupt
    return attempts


def families_reached(attempts: Sequence[Attempt]) -> tuple[Family, ...]:
    """Return the families over which something answered at the server's port."""
    return tuple(
        sorted(
            {
                attempt.family
                for attempt in attempts
                if attempt.family is not None and attempt.answered and attempt.kind in _REACHED_BY
            }
        )
    )


class Inquiry:
    """What is asked of the server first: a proof of our address in each family, and its key.

    All of it is asked at once when this is made, beside the attempts to reach the server: they say
    which families are worth waiting for, should one not answer. `pinned` is the server's key; a
    stranger has none and takes the one that the server shows.
    """

    def __init__(
        self, controller: Controller, server: ServerUrl, *, pinned: PublicKey | None
    ) -> None:
        self._server = server
        self._proofs = {
            family: ask_aside(partial(controller.address_proof, family)) for family in _FAMILIES
        }
        self._settled = ask_aside(partial(wait, self._proofs.values()))
        self._key = ask_aside(partial(_shown_key, controller) if pinned is None else lambda: pinned)

    def answers(self, reached: Future[tuple[Family, ...]]) -> tuple[list[AddressProof], PublicKey]:
        """Return a proof for each family that works, and the server's key.

        Waits until each has answered or failed, or else for those that were `reached`. Raises the
        last error of these when none works, then the key's.
        """
        either: tuple[Future[Any], ...] = (self._settled, reached)
        wait(either, return_when=FIRST_COMPLETED)
        settled = self._settled.done()
        if settled and any(proof.exception() is None for proof in self._proofs.values()):
            families = _FAMILIES
        else:  # a family may be silent for long, and the attempts know why there is no answer
            families = reached.result()
        if not families:
            raise NoAnswerError("no_attempt", server=self._server)
        proofs: list[AddressProof] = []
        failure: OmegaError | None = None
        for family in families:
            try:
                proofs.append(self._proofs[family].result())
            except (NoAnswerError, WrongAnswerError) as error:
                failure = error
        if not proofs and failure is not None:
            raise failure
        return proofs, self._key.result()


def ask(
    wanted: Wanted,
    measurer: Measurer,
    controller: Controller,
    *,
    inquiry: Inquiry,
    reached: Future[tuple[Family, ...]],
    seq: int,
    clock: Clock,
) -> Granted:
    """Return the grant; raises what the Controller raises, NotTrustedError for a bad one.

    `reached` is the families that have answered, once whoever tries them meanwhile knows. If that
    was broken off nothing is asked for, and its error raised.
    """
    proofs, server_key = inquiry.answers(reached)
    request = session_request(
        wanted,
        agent_id=measurer.agent_id,
        key=measurer.key,
        seq=seq,
        proofs=proofs,
        software=measurer.software,
        nonce=secrets.token_urlsafe(_NONCE_OCTETS),
        now_unix_us=clock.unix_us(),
    )
    if reached.done():
        reached.result()
    answer = controller.request_session(request)
    server = signing_key(answer.grant.encode("utf-8"), server_key, controller)
    granted = open_grant(answer, wanted, kid=measurer.key.public.kid, server_key=server.key)
    return replace(granted, key_rotations=server.rotations)


def measure(
    granted: Granted,
    attempts: Sequence[Attempt],
    *,
    stop_when_invalid: bool,
    until_decided: bool,
    tell_first: TellFirst,
    clock: Clock,
    emit: Emitter,
    stop: threading.Event,
) -> SessionResult:
    """Use the grant: hold the session with the test point; `stop` ends it in good order.

    A standard session ends early what is known, and tells its first answer; `until_decided` lets it
    use all of its budget. Raises TestPointBusyError when the test point has no room.
    """
    wanted = _demand(granted, until_decided=until_decided)
    guide = None
    if granted.profile is not None and wanted.mode is Mode.STANDARD:
        guide = Steering(granted.profile, until_decided=until_decided, tell_first=tell_first)
    result = run_session(
        plan_of(wanted, stop_when_invalid=stop_when_invalid),
        access_of(granted),
        earlier_attempts=tuple(attempts),
        clock=clock,
        emit=emit,
        stop=stop,
        guide=guide,
    )
    if result.busy_s is not None:
        raise TestPointBusyError("test_point_busy", seconds=result.busy_s)
    return result


def measure_without_grant(
    server: ServerUrl, attempts: Sequence[Attempt], *, clock: Clock, emit: Emitter
) -> SessionResult:
    """Return the facts of a dead line: the host, and what could not be reached."""
    return run_without_grant(tuple(attempts), control_target(server), clock=clock, emit=emit)


def plan_of(wanted: Demand, *, stop_when_invalid: bool) -> MeasurementPlan:
    """Return the probe's plan for what a profile demands."""
    return MeasurementPlan(
        connectivity_attempts=wanted.connectivity_attempts,
        idle_duration_ns=wanted.idle_duration_ns,
        idle_period_ns=wanted.idle_period_ns,
        idle_hurried=wanted.idle_hurried,
        idle_look_ns=wanted.idle_look_ns,
        goodput=tuple(
            GoodputTask(
                direction=run.direction,
                duration_ns=run.duration_ns,
                until_known=run.until_known,
                beside=not any(each.holds for each in wanted.capacity),
                if_open=if_open,
            )
            for runs, if_open in ((wanted.goodput, False), (wanted.goodput_if_open, True))
            for run in runs
        ),
        capacity=tuple(
            CapacityTask(
                direction=search.direction,
                duration_ns=search.duration_ns,
                quick=search.quick,
                holds=search.holds,
                fixed_bps=search.fixed_bps,
                allowance=search.allowance,
                mtu_bytes=search.mtu_bytes,
                repeat=search.repeat,
            )
            for search in wanted.capacity
        ),
        expected_bps_down=wanted.expected_bps_down,
        expected_bps_up=wanted.expected_bps_up,
        skipped=wanted.skipped,
        precheck_ns=wanted.precheck_ns,
        stop_when_invalid=stop_when_invalid,
    )


def access_of(granted: Granted) -> TestPointAccess:
    """Return what the probe needs of the grant."""
    grant = granted.grant
    return TestPointAccess(
        session_id=grant.session_id,
        grant=granted.envelope,
        secret=granted.secret,
        addresses=grant.test_point.addresses,
        tcp_port=grant.test_point.tcp_port,
        udp_port=grant.test_point.udp_port,
        bytes_down_max=grant.limits.bytes_down,
        bytes_up_max=grant.limits.bytes_up,
        duration_s_max=grant.limits.duration_s,
    )


def ask_aside(question: Callable[[], AnswerT]) -> Future[AnswerT]:
    """Ask in a thread of its own, which nobody has to wait for."""
    answer: Future[AnswerT] = Future()

    def ask_it() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - raised to whoever wants the answer
            answer.set_exception(error)

    threading.Thread(target=ask_it, name="inquiry", daemon=True).start()
    return answer


def _demand(granted: Granted, *, until_decided: bool) -> Demand:
    mode = granted.grant.mode
    if granted.profile is None:
        return demand_without_profile(mode)
    return demand(granted.profile, mode, until_decided=until_decided)


def _shown_key(controller: Controller) -> PublicKey:
    try:
        return PublicKey.from_text(controller.server_info().server_key)
    except NotAKeyError as error:
        raise WrongAnswerError("not_omega_message", why=error) from error
