"""Messages that open a standing stream: what is sent comes back, and nothing else is taken."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from omega_core.wire.standing import (
    HELLO_OCTETS_MAX,
    NO_COOKIE,
    Challenge,
    NotStandingError,
    Welcome,
    decode_answer,
    decode_hello,
    encode_challenge,
    encode_hello,
    encode_welcome,
    is_standing,
    stream_key,
)
from support import builders

AGENT = builders.key_of("agent")
TEST_POINT = builders.key_of("test point")
GRANT = b"a sealed grant"
INSTANCE = b"i" * 8
SMALL_ORDER = bytes(32)  # a point that gives the same secret with every key (RFC 7748 section 6.1)


def exchange() -> tuple[X25519PrivateKey, bytes]:
    key = X25519PrivateKey.generate()
    return key, key.public_key().public_bytes_raw()


def hello_of(grant: bytes = GRANT, cookie: bytes = NO_COOKIE) -> bytes:
    return encode_hello(grant, exchange()[1], AGENT, sent_unix_us=1_000, cookie=cookie)


def test_a_hello_comes_back_with_all_that_is_in_it() -> None:
    data = hello_of()
    hello = decode_hello(data)
    assert is_standing(data)
    assert (hello.grant, hello.sent_unix_us, hello.cookie) == (GRANT, 1_000, NO_COOKIE)
    assert hello.is_signed_by(AGENT.public)
    assert not hello.is_signed_by(TEST_POINT.public)


def test_a_grant_that_does_not_fit_into_a_datagram_is_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {HELLO_OCTETS_MAX}"):
        hello_of(bytes(HELLO_OCTETS_MAX))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "size", id="nothing"),
        pytest.param(hello_of() + bytes(HELLO_OCTETS_MAX), "size", id="more than a datagram"),
        pytest.param(b"X" + hello_of()[1:], "not a hello", id="another protocol"),
        pytest.param(hello_of() + b"x", "another length", id="octets behind it"),
    ],
)
def test_what_is_no_hello(data: bytes, why: str) -> None:
    with pytest.raises(NotStandingError, match=why):
        decode_hello(data)


def test_both_answers_come_back() -> None:
    hello = hello_of()
    challenge = Challenge(INSTANCE, b"c" * len(NO_COOKIE))
    assert decode_answer(encode_challenge(challenge), hello, TEST_POINT.public) == challenge
    welcome = Welcome(INSTANCE, 7, exchange()[1], is_known=True)
    data = encode_welcome(welcome, hello, TEST_POINT)
    assert decode_answer(data, hello, TEST_POINT.public) == welcome


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: b"", id="nothing"),
        pytest.param(lambda data: b"X" + data[1:], id="another protocol"),
        pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 1]), id="another signature"),
        pytest.param(lambda data: data + b"x", id="octets behind it"),
    ],
)
def test_what_is_no_welcome(spoil: object) -> None:
    hello = hello_of()
    data = encode_welcome(Welcome(INSTANCE, 7, exchange()[1]), hello, TEST_POINT)
    assert callable(spoil)
    with pytest.raises(NotStandingError):
        decode_answer(spoil(data), hello, TEST_POINT.public)


def test_a_welcome_to_another_hello_and_a_spoilt_challenge_are_none() -> None:
    data = encode_welcome(Welcome(INSTANCE, 7, exchange()[1]), hello_of(), TEST_POINT)
    challenge = encode_challenge(Challenge(INSTANCE, b"c" * len(NO_COOKIE)))
    for answer in (data, b"X" + challenge[1:]):
        with pytest.raises(NotStandingError):
            decode_answer(answer, hello_of(), TEST_POINT.public)


def test_both_ends_come_to_the_same_key_for_this_hello_alone() -> None:
    (mine, my_key), (theirs, their_key) = exchange(), exchange()
    hello = hello_of()
    assert stream_key(mine, their_key, hello) == stream_key(theirs, my_key, hello)
    assert stream_key(mine, their_key, hello) != stream_key(mine, their_key, hello_of())
    with pytest.raises(NotStandingError, match="exchange"):
        stream_key(mine, SMALL_ORDER, hello)
