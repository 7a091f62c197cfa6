"""From the question to the facts: who is asked over which family, and what the probe is told."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import pytest

from omega_acceptance.demand import demand, demand_without_profile
from omega_agent.errors import NoAnswerError, NotTrustedError, WrongAnswerError
from omega_agent.measuring import (
    Inquiry,
    access_of,
    ask,
    ask_aside,
    control_target,
    families_reached,
    plan_of,
)
from omega_agent.server_url import parse_server_url
from omega_agent.session_request import Granted
from omega_core.control import AddressProof, GrantAnswer, ServerInfo, SessionRequest
from omega_core.envelope import parse_envelope
from omega_core.errors import RefusedError
from omega_core.evidence import Attempt, AttemptKind, Family
from omega_core.keys import PublicKey
from omega_core.metrics import Direction
from omega_core.models import parse_model
from omega_core.verdict import Mode
from support.agent_story import Story, profile
from support.builders import AGENT_ID, SECRET, SERVER_KEY, STRANGER_KEY, TEST_POINT_ADDRESS
from support.clock import HandClock
from support.key_lines import rotated

STORY = Story()
SILENT = NoAnswerError("no_answer", server="x", why="no answer in time")


def _already() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Controller:
    """Grants what is asked for."""

    answer: GrantAnswer = field(default_factory=lambda: STORY.answer)
    silent: tuple[Family, ...] = ()
    server_key: str = SERVER_KEY.public.text
    rotations: tuple[str, ...] = ()
    requests: list[SessionRequest] = field(default_factory=list)
    never: threading.Event = field(default_factory=_already)
    """Until it is set no family is answered."""
    never_over_6: threading.Event = field(default_factory=_already)
    """Until it is set IPv6 is not answered."""
    requested: threading.Event = field(default_factory=threading.Event)

    def server_info(self) -> ServerInfo:
        return ServerInfo(
            software="test",
            server_key=self.server_key,
            key_rotations=self.rotations,
            now_unix_us=0,
        )

    def address_proof(self, family: Family) -> AddressProof:
        self.never.wait()
        if family == 6:
            self.never_over_6.wait()
        if family in self.silent:
            raise SILENT
        return AddressProof(
            address="192.0.2.17", server_address="192.0.2.1", token=f"proof of IPv{family}"
        )

    def request_session(self, request: bytes) -> GrantAnswer:
        self.requests.append(parse_model(SessionRequest, parse_envelope(request).payload))
        self.requested.set()
        return self.answer


def known(*families: Family) -> Future[tuple[Family, ...]]:
    """The families that have answered, as it is once all attempts have ended."""
    reached: Future[tuple[Family, ...]] = Future()
    reached.set_result(families)
    return reached


def asked(
    controller: Controller,
    reached: Future[tuple[Family, ...]] | None = None,
    pinned: PublicKey | None = SERVER_KEY.public,
) -> SessionRequest:
    granted_by(controller, reached, pinned)
    return controller.requests[0]


def granted_by(
    controller: Controller,
    reached: Future[tuple[Family, ...]] | None = None,
    pinned: PublicKey | None = SERVER_KEY.public,
) -> Granted:
    return ask(
        STORY.wanted,
        STORY.measurer,
        controller,
        inquiry=Inquiry(controller, STORY.measurer.server, pinned=pinned),
        reached=reached or known(4, 6),
        seq=3,
        clock=HandClock(),
    )


def attempt(kind: AttemptKind, family: Family | None, *, answered: bool) -> Attempt:
    return Attempt(kind=kind, family=family, to_test_point=False, answered=answered, elapsed_us=1)


@pytest.mark.parametrize(
    ("attempts", "families"),
    [
        pytest.param([], (), id="nothing tried"),
        pytest.param(
            [attempt(AttemptKind.DNS, 6, answered=True)], (), id="a name is not yet a way"
        ),
        pytest.param([attempt(AttemptKind.TCP, 4, answered=False)], (), id="in vain"),
        pytest.param(
            [
                attempt(AttemptKind.HTTP, 6, answered=True),
                attempt(AttemptKind.TCP, 4, answered=True),
                attempt(AttemptKind.HTTP, 4, answered=False),
            ],
            (4, 6),
            id="whatever answered once",
        ),
    ],
)
def test_asks_over_what_has_answered(attempts: list[Attempt], families: tuple[Family, ...]) -> None:
    assert families_reached(attempts) == families


class TestAsking:
    def test_proves_an_address_of_each_family(self) -> None:
        request = asked(Controller())
        assert request.address_tokens == ("proof of IPv4", "proof of IPv6")
        assert (request.agent_id, request.seq) == (AGENT_ID, 3)

    def test_one_family_is_enough(self) -> None:
        assert asked(Controller(silent=(6,))).address_tokens == ("proof of IPv4",)

    def test_no_family_is_silence(self) -> None:
        controller = Controller(silent=(4, 6))
        with pytest.raises(NoAnswerError, match="no answer in time"):
            asked(controller)
        assert controller.requests == []

    def test_with_nothing_reached_nobody_is_waited_for(self) -> None:
        controller = Controller(never=threading.Event())
        with pytest.raises(NoAnswerError, match="every attempt to reach"):
            asked(controller, known())
        assert controller.requests == []
        controller.never.set()

    def test_with_every_proof_the_attempts_are_not_waited_for(self) -> None:
        request = asked(Controller(), reached=Future())
        assert request.address_tokens == ("proof of IPv4", "proof of IPv6")

    def test_nor_with_a_family_that_has_failed(self) -> None:
        assert asked(Controller(silent=(6,)), Future()).address_tokens == ("proof of IPv4",)

    def test_a_slower_family_is_waited_for(self) -> None:
        controller, unknown = (
            Controller(never_over_6=threading.Event()),
            Future[tuple[Family, ...]](),
        )
        request = ask_aside(partial(asked, controller, unknown))
        assert not controller.requested.wait(0.05)
        controller.never_over_6.set()
        assert request.result().address_tokens == ("proof of IPv4", "proof of IPv6")

    def test_until_the_attempts_have_not_reached_it(self) -> None:
        controller = Controller(never_over_6=threading.Event())
        assert asked(controller, known(4)).address_tokens == ("proof of IPv4",)
        controller.never_over_6.set()

    def test_without_a_proof_the_attempts_say_why(self) -> None:
        controller, reached = Controller(silent=(4, 6)), Future[tuple[Family, ...]]()
        request = ask_aside(partial(asked, controller, reached))
        reached.set_result(())
        with pytest.raises(NoAnswerError, match="every attempt to reach"):
            request.result()

    def test_when_the_attempts_were_broken_off_nothing_is_asked_for(self) -> None:
        controller, reached = Controller(), Future[tuple[Family, ...]]()
        reached.set_exception(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            asked(controller, reached)
        assert controller.requests == []

    def test_two_requests_have_two_nonces(self) -> None:
        assert asked(Controller()).nonce != asked(Controller()).nonce

    def test_the_pinned_key_counts_whatever_the_server_shows(self) -> None:
        asked(Controller(server_key=STRANGER_KEY.public.text))
        with pytest.raises(NotTrustedError):
            asked(Controller(), pinned=STRANGER_KEY.public)

    def test_a_server_that_has_rotated_its_key_is_followed(self) -> None:
        """The device pinned a key of before; the grant is signed by the one that followed it."""
        line = (rotated(STRANGER_KEY, SERVER_KEY),)
        granted = granted_by(Controller(rotations=line), pinned=STRANGER_KEY.public)
        assert (granted.server_key, granted.key_rotations) == (SERVER_KEY.public, line)

    def test_without_a_rotation_nothing_is_followed(self) -> None:
        assert granted_by(Controller(), pinned=SERVER_KEY.public).key_rotations == ()

    def test_a_stranger_takes_the_key_that_is_shown(self) -> None:
        asked(Controller(), pinned=None)
        with pytest.raises(NotTrustedError):
            asked(Controller(server_key=STRANGER_KEY.public.text), pinned=None)

    def test_a_key_that_is_none_is_a_wrong_answer(self) -> None:
        with pytest.raises(WrongAnswerError):
            asked(Controller(server_key="A" * 42 + "B"), pinned=None)

    def test_a_refusal_is_passed_on(self) -> None:
        class Refusing(Controller):
            def request_session(self, request: bytes) -> GrantAnswer:  # noqa: ARG002 - says no
                raise RefusedError("sheet_unknown", "no such sheet", "technician")

        with pytest.raises(RefusedError, match="no such sheet"):
            asked(Refusing())


def test_the_probe_is_told_what_the_profile_demands() -> None:
    wanted = demand(profile(), Mode.STANDARD)
    plan = plan_of(wanted, stop_when_invalid=True)
    assert plan.idle_duration_ns == wanted.idle_duration_ns
    runs = [(run, False) for run in wanted.goodput]
    runs += [(run, True) for run in wanted.goodput_if_open]
    assert [(run.direction, run.duration_ns, run.if_open) for run in plan.goodput] == [
        (run.direction, run.duration_ns, if_open) for run, if_open in runs
    ]
    assert plan.idle_look_ns == wanted.idle_look_ns > 0
    assert plan.loads_before_idle == 2, "the windows, for a first answer"
    assert plan.expected_bps_down == wanted.expected_bps_down
    assert plan.stop_when_invalid
    assert [asdict(task) for task in plan.capacity] == [asdict(task) for task in wanted.capacity]
    assert {task.fixed_bps for task in plan.capacity} == {270_000_000, 90_000_000}


def test_without_a_profile_it_takes_one_pass_each_way() -> None:
    plan = plan_of(demand_without_profile(Mode.MEASURE), stop_when_invalid=False)
    assert [run.direction for run in plan.goodput] == [Direction.DOWN, Direction.UP]
    assert (plan.expected_bps_down, plan.stop_when_invalid) == (None, False)


def test_the_probe_gets_of_the_grant_what_it_needs() -> None:
    access = access_of(STORY.granted)
    assert (access.grant, access.secret) == (STORY.answer.grant, SECRET)
    assert access.addresses == (TEST_POINT_ADDRESS,)
    assert access.bytes_down_max == STORY.grant.limits.bytes_down
    assert access.duration_s_max == STORY.grant.limits.duration_s


@pytest.mark.parametrize(
    ("url", "path"),
    [("http://127.0.0.1:8600", "/healthz"), ("https://omega.example/api", "/api/healthz")],
)
def test_looks_for_the_server_at_its_cheapest_page(url: str, path: str) -> None:
    server = parse_server_url(url)
    target = control_target(server)
    assert (target.scheme, target.host, target.port, target.path) == (
        server.scheme,
        server.host,
        server.port,
        path,
    )


def test_the_reason_without_a_grant_is_the_failures() -> None:
    held = replace(STORY.held(), granted=None, failure=SILENT)
    assert held.no_grant_reason == "no answer from x: no answer in time"
    assert STORY.held().no_grant_reason is None
