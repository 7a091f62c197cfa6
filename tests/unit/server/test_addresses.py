"""Address tokens: good for two minutes, made by nobody else, and one form for each address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.limits import ADDRESS_PROOF_LIFE_S
from omega_core.units import US_PER_S
from omega_server.addresses import AddressProofs, Proved, is_public, plain, quota_prefix
from omega_server.refusals import Code, RefusalError
from support.builders import SERVER_KEY, STRANGER_KEY

NOW = 1_795_000_000_000_000
PROOFS = AddressProofs(SERVER_KEY)
PROVED = Proved("192.0.2.17", "2001:db8::1")
LIFE_US = ADDRESS_PROOF_LIFE_S * US_PER_S


def refusal_of(token: str, now: int = NOW) -> Code:
    with pytest.raises(RefusalError) as refused:
        PROOFS.check(token, now)
    return refused.value.code


@pytest.mark.parametrize(
    "later_us",
    [pytest.param(0, id="at once"), pytest.param(LIFE_US, id="in its last microsecond")],
)
def test_a_token_proves_both_addresses(later_us: int) -> None:
    assert PROOFS.check(PROOFS.token(PROVED, NOW), NOW + later_us) == PROVED


def test_a_token_is_too_old_a_microsecond_later() -> None:
    assert refusal_of(PROOFS.token(PROVED, NOW), NOW + LIFE_US + 1) is Code.ADDRESS_NOT_PROVED


def test_another_process_with_the_same_key_knows_the_token() -> None:
    assert AddressProofs(SERVER_KEY).check(PROOFS.token(PROVED, NOW), NOW) == PROVED


def test_a_token_of_another_server_proves_nothing() -> None:
    theirs = AddressProofs(STRANGER_KEY).token(PROVED, NOW)
    assert refusal_of(theirs) is Code.ADDRESS_NOT_PROVED


def test_a_token_changed_anywhere_proves_nothing() -> None:
    token = PROOFS.token(PROVED, NOW)
    for position, character in enumerate(token):
        other = "A" if character != "A" else "B"
        changed = token[:position] + other + token[position + 1 :]
        assert refusal_of(changed) is Code.ADDRESS_NOT_PROVED


@given(st.text(max_size=200))
def test_any_text_is_refused_by_name_or_proves(text: str) -> None:
    assert refusal_of(text) is Code.ADDRESS_NOT_PROVED


def test_a_token_fits_the_message_that_carries_it() -> None:
    longest = Proved("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "f" * 4 + ":ffff" * 7)
    assert len(PROOFS.token(longest, NOW)) <= 512


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 seen by an IPv6 socket"),
        pytest.param("fe80::1%eth0", "fe80::1", id="a zone is left out"),
        pytest.param("2001:DB8:0::1", "2001:db8::1", id="one spelling of IPv6"),
        pytest.param("127.0.0.1", "127.0.0.1", id="loopback"),
    ],
)
def test_an_address_has_one_form(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["", "omega.example", "1.2.3", "::g"])
def test_what_is_no_address_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        plain(text)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        pytest.param("127.0.0.1", False, id="loopback"),
        pytest.param("::1", False, id="loopback of IPv6"),
        pytest.param("10.1.2.3", False, id="private"),
        pytest.param("fd00::1", False, id="unique local"),
        pytest.param("169.254.3.4", False, id="link-local"),
        pytest.param("100.64.0.1", False, id="behind a carrier's NAT"),
        pytest.param("8.8.8.8", True, id="public"),
        pytest.param("2a00::1", True, id="public IPv6"),
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("one", "other", "counted_together"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", True, id="an IPv4 address with itself"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two IPv4 addresses"),
        pytest.param("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True, id="one customer's network"),
        pytest.param("2001:db8:0:1::1", "2001:db8:0:2::1", False, id="the network beside it"),
    ],
)
def test_what_a_quota_counts_together(one: str, other: str, *, counted_together: bool) -> None:
    assert (quota_prefix(one) == quota_prefix(other)) is counted_together
