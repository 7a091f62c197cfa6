"""The desk of standing streams: whom it answers, with how little, and whom it does not."""

from __future__ import annotations

from typing import Any

import pytest

from omega_agent.availability.client import Answered, SendAgain, StandingClient, granted
from omega_core import limits
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes, parse_model
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.wire.standing import HELLO_OCTETS_MAX, is_standing
from omega_server.testpoint.standing import StandingDesk
from support import builders

SERVER, AGENT, TEST_POINT = (builders.key_of(name) for name in ("server", "agent", "testpoint"))
NOW_US = 1_800_000_000 * US_PER_S
PLACE = ("192.0.2.7", 4_000)
OTHER_PLACE = ("198.51.100.9", 4_000)


def envelope_of(key: SigningKey = SERVER, **changes: Any) -> bytes:  # noqa: ANN401 - fields
    fields: dict[str, Any] = {
        "agent_key": AGENT.public.text,
        "nonce": "n" * 16,
        "test_point": "tp-1",
        "test_point_key": TEST_POINT.public.text,
        "addresses": ("2001:db8:1111:2222:3333:4444:5555:6666", "198.51.100.100"),
        "udp_port": 862,
        "not_before_unix_us": NOW_US,
        "not_after_unix_us": NOW_US + limits.STANDING_GRANT_LIFE_S * US_PER_S,
        **changes,
    }
    return seal(model_bytes(StandingGrant(**fields)), PayloadType.STANDING_GRANT, key)


def client_of(envelope: bytes | None = None) -> StandingClient:
    return granted(envelope or envelope_of(), SERVER.public, AGENT)


def desk() -> StandingDesk:
    return StandingDesk(server_keys=[SERVER.public], test_point="tp-1", own_key=TEST_POINT)


def opened(
    at: StandingDesk, client: StandingClient, *, number: int = 0, now_us: int = NOW_US
) -> Answered:
    """Go through both hellos; return what the second brings."""
    place = PLACE
    hello = client.attempt(number, now_us)
    challenge = at.hello(hello, place, now_unix_us=now_us, now_ns=0)
    assert challenge is not None
    assert 20 * len(challenge) < len(hello) <= HELLO_OCTETS_MAX
    again = client.received(challenge, now_us)
    assert isinstance(again, SendAgain)
    welcome = at.hello(again.data, place, now_unix_us=now_us, now_ns=0)
    assert welcome is not None
    answered = client.received(welcome, now_us)
    assert isinstance(answered, Answered)
    return answered


def reply(at: StandingDesk, packet: bytes, place: tuple[str, int], now_ns: int) -> bytes | None:
    return at.packet(packet, place, received_unix_ns=NOW_US * 1_000 + now_ns, ttl=60, now_ns=now_ns)


def test_two_hellos_open_a_stream_that_answers_in_kind() -> None:
    at, client = desk(), client_of()
    assert opened(at, client) == Answered(0, stream_was_known=False)
    packet = client.attempt(1, NOW_US)
    answer = reply(at, packet, PLACE, NS_PER_S)
    assert answer is not None
    assert len(answer) == len(packet) == 112
    assert client.received(answer, NOW_US) == Answered(1)


def test_a_hello_from_another_address_opens_nothing() -> None:
    at, client = desk(), client_of()
    challenge = at.hello(client.attempt(0, NOW_US), PLACE, now_unix_us=NOW_US, now_ns=0)
    assert challenge is not None
    again = client.received(challenge, NOW_US)
    assert isinstance(again, SendAgain)
    answer = at.hello(again.data, OTHER_PLACE, now_unix_us=NOW_US, now_ns=0)
    assert answer is not None
    assert len(answer) == len(challenge)
    assert at.streams == 0


@pytest.mark.parametrize(
    ("envelope", "now_us"),
    [
        (envelope_of(AGENT), NOW_US),
        (envelope_of(test_point="tp-2"), NOW_US),
        (envelope_of(test_point_key=AGENT.public.text), NOW_US),
        (envelope_of(), NOW_US - 60 * US_PER_S),
        (envelope_of(), NOW_US + (limits.STANDING_GRANT_LIFE_S + 1) * US_PER_S),
        (envelope_of(agent_key=TEST_POINT.public.text), NOW_US),
    ],
    ids=[
        "signed by somebody else",
        "for another test point",
        "for another key of it",
        "not yet valid",
        "over",
        "of another agent",
    ],
)
def test_a_wrong_grant_is_answered_with_nothing(envelope: bytes, now_us: int) -> None:
    content = parse_model(StandingGrant, parse_envelope(envelope).payload)
    client = StandingClient(envelope, content, AGENT)
    hello = client.attempt(0, now_us)
    assert desk().hello(hello, PLACE, now_unix_us=now_us, now_ns=0) is None


def test_no_cut_or_changed_hello_is_answered() -> None:
    hello = client_of().attempt(0, NOW_US)
    at = desk()
    for cut in range(0, len(hello), 7):
        assert at.hello(hello[:cut], PLACE, now_unix_us=NOW_US, now_ns=cut * NS_PER_S) is None
        changed = hello[:cut] + bytes([hello[cut] ^ 1]) + hello[cut + 1 :]
        assert at.hello(changed, PLACE, now_unix_us=NOW_US, now_ns=cut * NS_PER_S) is None


def test_a_captured_hello_does_not_take_the_streams_place() -> None:
    at, client = desk(), client_of()
    challenge = at.hello(client.attempt(0, NOW_US), PLACE, now_unix_us=NOW_US, now_ns=0)
    assert challenge is not None
    again = client.received(challenge, NOW_US)
    assert isinstance(again, SendAgain)
    assert at.hello(again.data, PLACE, now_unix_us=NOW_US, now_ns=0) is not None
    assert at.hello(again.data, PLACE, now_unix_us=NOW_US, now_ns=0) is None


def test_a_new_address_is_a_new_hello_and_the_old_stream_goes() -> None:
    at, client = desk(), client_of()
    opened(at, client)
    packet = client.attempt(1, NOW_US)
    assert reply(at, packet, OTHER_PLACE, NS_PER_S) is None
    hello = client.attempt(4, NOW_US)
    challenge = at.hello(hello, OTHER_PLACE, now_unix_us=NOW_US, now_ns=NS_PER_S)
    assert challenge is not None
    again = client.received(challenge, NOW_US)
    assert isinstance(again, SendAgain)
    welcome = at.hello(again.data, OTHER_PLACE, now_unix_us=NOW_US, now_ns=NS_PER_S)
    assert welcome is not None
    assert client.received(welcome, NOW_US) == Answered(4, stream_was_known=False)
    assert at.streams == 1


def test_a_welcome_says_whether_the_stream_before_it_was_known() -> None:
    at, client = desk(), client_of()
    opened(at, client)
    answer = reply(at, client.attempt(1, NOW_US), PLACE, NS_PER_S)
    assert answer is not None
    assert client.received(answer, NOW_US) == Answered(1)
    assert opened(at, client, number=4, now_us=NOW_US + 1) == Answered(4)
    unused = opened(at, client, number=8, now_us=NOW_US + 2)
    assert unused == Answered(8, stream_was_known=False), "the welcome before may have been lost"


def test_from_a_new_socket_it_greets_at_once_and_its_stream_is_not_known() -> None:
    at, client = desk(), client_of()
    opened(at, client)
    client.forget()
    assert is_standing(client.attempt(1, NOW_US + 1))
    assert opened(at, client, number=2, now_us=NOW_US + 2) == Answered(2, stream_was_known=False)


def test_a_device_that_wakes_in_1970_is_greeted_all_the_same() -> None:
    at, client = desk(), client_of()
    opened(at, client)
    later = envelope_of(not_before_unix_us=NOW_US + US_PER_S)
    awake = client_of(later)
    hello = awake.attempt(0, 0)
    challenge = at.hello(hello, PLACE, now_unix_us=NOW_US + 2 * US_PER_S, now_ns=0)
    assert challenge is not None
    again = awake.received(challenge, 0)
    assert isinstance(again, SendAgain)
    welcome = at.hello(again.data, PLACE, now_unix_us=NOW_US + 2 * US_PER_S, now_ns=0)
    assert welcome is not None


@pytest.mark.parametrize(("after_s", "is_greeted"), [(32, False), (33, True)])
def test_one_that_has_not_heard_from_the_server_since_is_greeted_when_old_cookies_are_over(
    after_s: int, *, is_greeted: bool
) -> None:
    at, now_us, now_ns = desk(), NOW_US + after_s * US_PER_S, after_s * NS_PER_S
    assert limits.STANDING_COOKIE_S * 2 == 32
    opened(at, client_of())
    awake = client_of()
    challenge = at.hello(awake.attempt(0, 0), PLACE, now_unix_us=now_us, now_ns=now_ns)
    assert challenge is not None
    again = awake.received(challenge, 0)
    assert isinstance(again, SendAgain)
    welcome = at.hello(again.data, PLACE, now_unix_us=now_us, now_ns=now_ns)
    assert (welcome is not None) is is_greeted


def test_a_captured_hello_is_of_no_use_when_its_cookie_is_over() -> None:
    at, client = desk(), client_of()
    challenge = at.hello(client.attempt(0, NOW_US), PLACE, now_unix_us=NOW_US, now_ns=0)
    assert challenge is not None
    again = client.received(challenge, NOW_US)
    assert isinstance(again, SendAgain)
    assert at.hello(again.data, PLACE, now_unix_us=NOW_US, now_ns=0) is not None
    for second in range(100):
        answer = at.hello(again.data, PLACE, now_unix_us=NOW_US, now_ns=second * NS_PER_S)
        assert answer is None or len(answer) == len(challenge)
    assert at.streams == 1


def test_a_restart_is_told_by_the_welcome() -> None:
    client = client_of()
    opened(desk(), client)
    at = desk()
    hello = client.attempt(4, NOW_US + 1)
    challenge = at.hello(hello, PLACE, now_unix_us=NOW_US, now_ns=0)
    assert challenge is not None
    again = client.received(challenge, NOW_US)
    assert isinstance(again, SendAgain)
    welcome = at.hello(again.data, PLACE, now_unix_us=NOW_US, now_ns=0)
    assert welcome is not None
    assert client.received(welcome, NOW_US) == Answered(4, restarted=True, stream_was_known=False)


def test_a_flood_on_a_stream_gets_two_replies_a_second() -> None:
    at, client = desk(), client_of()
    opened(at, client)
    packet = client.attempt(1, NOW_US)
    flood = [reply(at, packet, PLACE, number * NS_PER_S // 100) for number in range(1_000)]
    assert sum(each is not None for each in flood) <= 10 * limits.WATCH_REPLIES_PER_S + 5


def test_hellos_beyond_the_seconds_share_are_dropped_unread() -> None:
    at, hello = desk(), client_of().attempt(0, NOW_US)
    for _ in range(limits.STANDING_HELLOS_PER_S):
        at.hello(b"OSG1", PLACE, now_unix_us=NOW_US, now_ns=0)
    assert at.hello(hello, PLACE, now_unix_us=NOW_US, now_ns=0) is None
    assert at.hello(hello, PLACE, now_unix_us=NOW_US, now_ns=NS_PER_S) is not None


def test_a_full_desk_forgets_the_silent_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STANDING_STREAMS_MAX", 1)
    at = desk()
    opened(at, client_of())
    other = SigningKey.generate()
    client = granted(envelope_of(agent_key=other.public.text), SERVER.public, other)
    for now_ns, is_open in ((NS_PER_S, False), (2 * limits.STANDING_SILENCE_NS, True)):
        hello = client.attempt(0, NOW_US)
        challenge = at.hello(hello, OTHER_PLACE, now_unix_us=NOW_US, now_ns=now_ns)
        assert challenge is not None
        again = client.received(challenge, NOW_US)
        assert isinstance(again, SendAgain)
        welcome = at.hello(again.data, OTHER_PLACE, now_unix_us=NOW_US, now_ns=now_ns)
        assert (welcome is not None) is is_open
