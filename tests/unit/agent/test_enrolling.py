"""A device joins a server: what is checked, and what is left when it does not come about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omega_agent.enrolling import check_may_enrol, check_token, enrol, parse_server_key
from omega_agent.errors import NotTrustedError, WrongUseError
from omega_agent.home import Home
from omega_agent.identity import Identity, load_identity
from omega_agent.server_url import parse_server_url
from omega_core.control import EnrolmentAnswer, EnrolmentRequest, ServerInfo
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.errors import RefusedError
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import parse_model
from support.builders import AGENT_ID, SERVER_KEY, STRANGER_KEY, key_statement, sealed
from support.clock import HandClock

TOKEN = "a-token-of-the-operator"


def statement(request: EnrolmentRequest, signer: SigningKey = SERVER_KEY, **changes: str) -> str:
    key = PublicKey.from_text(request.agent_key)
    fields = {"id": AGENT_ID, "kid": key.kid, "key": key.text, **changes}
    return sealed(key_statement(**fields), PayloadType.KEY, signer).decode()


@dataclass
class Registrar:
    """A server that enrols whoever comes; a test says what it does otherwise."""

    answer: Callable[[EnrolmentRequest], str] = statement
    refusal: Exception | None = None
    requests: list[EnrolmentRequest] = field(default_factory=list)

    def server_info(self) -> ServerInfo:
        return ServerInfo(software="test", server_key=SERVER_KEY.public.text, now_unix_us=0)

    def enrol(self, request: bytes) -> EnrolmentAnswer:
        envelope = parse_envelope(request)
        content = parse_model(EnrolmentRequest, envelope.payload)
        key = PublicKey.from_text(content.agent_key)
        open_sealed(envelope, PayloadType.ENROLMENT, {key.kid: key})
        self.requests.append(content)
        if self.refusal is not None:
            raise self.refusal
        return EnrolmentAnswer(agent_id=AGENT_ID, statement=self.answer(content))


def join(home: Home, registrar: Registrar, expected: PublicKey | None = None) -> Identity:
    return enrol(
        home,
        registrar,
        server=parse_server_url("https://omega.example"),
        insecure=False,
        token=TOKEN,
        expected_key=expected,
        software="omega test",
        clock=HandClock(),
    )


def test_makes_a_key_pins_the_servers_and_remembers(tmp_path: Path) -> None:
    home, registrar = Home(tmp_path / "home"), Registrar()
    identity = join(home, registrar)
    assert registrar.requests[0].server_key == SERVER_KEY.public.text
    assert registrar.requests[0].token == TOKEN
    found = load_identity(home)
    assert found is not None
    assert found.key.public == identity.key.public
    assert found.server_key == SERVER_KEY.public
    assert not home.new_key_file.exists()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: "{}", id="no statement"),
        pytest.param(lambda request: statement(request, STRANGER_KEY), id="of another signer"),
        pytest.param(
            lambda request: statement(
                request, key=STRANGER_KEY.public.text, kid=STRANGER_KEY.public.kid
            ),
            id="about another key",
        ),
        pytest.param(lambda request: statement(request, id="agent-18"), id="about another agent"),
        pytest.param(
            lambda request: statement(request, role="test_point"), id="that it is a test point"
        ),
    ],
)
def test_a_statement_that_does_not_hold_enrols_nobody(
    tmp_path: Path, answer: Callable[[EnrolmentRequest], str]
) -> None:
    home = Home(tmp_path)
    with pytest.raises(NotTrustedError, match="statement of our key"):
        join(home, Registrar(answer))
    assert load_identity(home) is None


def test_another_servers_key_is_refused_before_the_token_is_sent(tmp_path: Path) -> None:
    registrar = Registrar()
    with pytest.raises(NotTrustedError, match="another key"):
        join(Home(tmp_path), registrar, STRANGER_KEY.public)
    assert registrar.requests == []
    join(Home(tmp_path), registrar, SERVER_KEY.public)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(tmp_path: Path) -> None:
    home, registrar = Home(tmp_path), Registrar(refusal=TimeoutError())
    with pytest.raises(TimeoutError):
        join(home, registrar)
    registrar.refusal = None
    join(home, registrar)
    first, second = registrar.requests
    assert first.agent_key == second.agent_key


def test_a_refusal_leaves_the_earlier_enrolment_as_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = join(home, Registrar())
    with pytest.raises(RefusedError):
        join(home, Registrar(refusal=RefusedError("token_used", "used", "operator")))
    after = load_identity(home)
    assert after is not None
    assert after.key.public == before.key.public


def test_enrolling_again_makes_another_key(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before, after = join(home, Registrar()), join(home, Registrar())
    assert before.key.public != after.key.public


class TestMayEnrol:
    def test_a_new_device_may(self, tmp_path: Path) -> None:
        check_may_enrol(Home(tmp_path), replace=False, waiting=3)

    def test_an_enrolled_one_only_on_purpose(self, tmp_path: Path) -> None:
        join(Home(tmp_path), Registrar())
        with pytest.raises(WrongUseError, match=f"enrolled as {AGENT_ID}"):
            check_may_enrol(Home(tmp_path), replace=False, waiting=0)
        check_may_enrol(Home(tmp_path), replace=True, waiting=0)

    def test_not_while_records_wait_that_the_old_key_sealed(self, tmp_path: Path) -> None:
        join(Home(tmp_path), Registrar())
        with pytest.raises(WrongUseError, match="1 records still wait"):
            check_may_enrol(Home(tmp_path), replace=True, waiting=1)


@pytest.mark.parametrize("token", ["", "x" * 15, "x" * 129, "with a blank in it", "é" * 16])
def test_what_is_no_token_is_refused_here(token: str) -> None:
    with pytest.raises(WrongUseError, match="--token is not"):
        check_token(token)


@pytest.mark.parametrize("token", ["x" * 16, "x" * 128])
def test_what_may_be_a_token_is_sent(token: str) -> None:
    assert check_token(token) == token


@pytest.mark.parametrize("text", ["", "x", "A" * 42, "A" * 44, "é" * 43, "A" * 42 + "B"])
def test_what_is_no_server_key_is_refused_here(text: str) -> None:
    with pytest.raises(WrongUseError, match="--server-key is not"):
        parse_server_key(text)
