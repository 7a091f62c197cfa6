"""The grant desk: every reason to say no, by its code, and the one way to say yes."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.control import TestPointRef
from omega_core.envelope import PayloadType, seal_content
from omega_core.models import content_of, model_bytes
from omega_core.units import US_PER_S
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.grants import CheckedGrant, GrantDesk
from support.builders import (
    AGENT_ADDRESS,
    SECRET,
    SERVER_KEY,
    STRANGER_KEY,
    TEST_POINT_ADDRESS,
    TEST_POINT_ID,
    TEST_POINT_KEY,
    grant,
    key_of,
    sealed,
)
from support.clock import START_UNIX_US

EARLY_US = limits.GRANT_EARLY_S * US_PER_S
LATE_US = limits.GRANT_LATE_S * US_PER_S
ENDS_US = START_UNIX_US + 600 * US_PER_S
NEXT_SERVER_KEY = key_of("next server")


def desk(*, started_unix_us: int = START_UNIX_US - 3600 * US_PER_S) -> GrantDesk:
    return GrantDesk(
        server_keys=(SERVER_KEY.public, NEXT_SERVER_KEY.public),
        test_point=TEST_POINT_ID,
        own_key=TEST_POINT_KEY.public,
        started_unix_us=started_unix_us,
    )


def envelope(**changes: object) -> str:
    return sealed(grant(**changes), PayloadType.GRANT, SERVER_KEY).decode("ascii")


def checked(
    text: str, *, peer: str = AGENT_ADDRESS, now_unix_us: int = START_UNIX_US, at: GrantDesk
) -> CheckedGrant:
    return at.check(text, peer=peer, now_unix_us=now_unix_us)


def refusal(
    text: str,
    *,
    peer: str = AGENT_ADDRESS,
    now_unix_us: int = START_UNIX_US,
    at: GrantDesk | None = None,
) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        checked(text, peer=peer, now_unix_us=now_unix_us, at=at or desk())
    return caught.value


def test_while_the_servers_key_is_rotated_grants_of_both_are_honoured() -> None:
    for key in (SERVER_KEY, NEXT_SERVER_KEY):
        text = sealed(grant(), PayloadType.GRANT, key).decode("ascii")
        assert desk().check(text, peer=AGENT_ADDRESS, now_unix_us=START_UNIX_US).content == grant()


def test_a_grant_that_holds_is_taken_apart() -> None:
    found = checked(envelope(), at=desk())
    assert found.content == grant()
    assert found.secret == SECRET
    assert found.addresses == {AGENT_ADDRESS}


def other_test_point(**changes: object) -> dict[str, object]:
    return {"test_point": TestPointRef(**{**dict(grant().test_point), **changes})}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", Code.GRANT_INVALID, id="nothing at all"),
        pytest.param("{}", Code.GRANT_INVALID, id="JSON, but no envelope"),
        pytest.param("x" * 2_000_000, Code.GRANT_INVALID, id="larger than any envelope"),
        pytest.param("\x00\xff", Code.GRANT_INVALID, id="no JSON"),
        pytest.param(envelope()[:-40], Code.GRANT_INVALID, id="cut short"),
        pytest.param(
            sealed(grant(), PayloadType.RECORD, SERVER_KEY).decode(),
            Code.GRANT_INVALID,
            id="signed as something else",
        ),
        pytest.param(
            sealed(grant(), PayloadType.GRANT, STRANGER_KEY).decode(),
            Code.GRANT_UNKNOWN_KEY,
            id="signed by a stranger",
        ),
        pytest.param(
            envelope(**other_test_point(id="tp-2")),
            Code.GRANT_OTHER_TEST_POINT,
            id="for another test point",
        ),
        pytest.param(
            envelope(**other_test_point(key=STRANGER_KEY.public.text)),
            Code.GRANT_OTHER_TEST_POINT,
            id="for one of our name with another key",
        ),
        pytest.param(
            envelope(addresses=("203.0.113.9",)),
            Code.GRANT_OTHER_ADDRESS,
            id="for another address",
        ),
        pytest.param(
            envelope(addresses=("999.1.1.1", AGENT_ADDRESS)),
            Code.GRANT_INVALID,
            id="with an address that is none",
        ),
        pytest.param(
            envelope(session_secret="A" * 42 + "B"),
            Code.GRANT_INVALID,
            id="with a secret in no proper form",
        ),
    ],
)
def test_refused(text: str, code: Code) -> None:
    assert refusal(text).code is code


def test_every_changed_character_of_the_envelope_is_refused_or_changes_nothing() -> None:
    text = envelope()
    for index in range(0, len(text), 7):
        changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
        assert refusal(changed).code in {Code.GRANT_INVALID, Code.GRANT_UNKNOWN_KEY}


def test_an_unknown_field_is_refused_though_the_signature_holds() -> None:
    content = {**content_of(grant()), "rates": 1}
    text = seal_content(content, PayloadType.GRANT, SERVER_KEY).decode()
    assert refusal(text).code is Code.GRANT_INVALID


@pytest.mark.parametrize(
    ("now_unix_us", "code"),
    [
        pytest.param(START_UNIX_US - EARLY_US, None, id="as early as clocks may differ"),
        pytest.param(START_UNIX_US - EARLY_US - 1, Code.GRANT_EARLY, id="a microsecond earlier"),
        pytest.param(ENDS_US + LATE_US, None, id="as late as clocks may differ"),
        pytest.param(ENDS_US + LATE_US + 1, Code.GRANT_EXPIRED, id="a microsecond later"),
    ],
)
def test_time(now_unix_us: int, code: Code | None) -> None:
    if code is None:
        assert checked(envelope(), now_unix_us=now_unix_us, at=desk()).content == grant()
    else:
        assert refusal(envelope(), now_unix_us=now_unix_us).code is code


@pytest.mark.parametrize(
    ("started_unix_us", "refused"),
    [
        pytest.param(START_UNIX_US + EARLY_US, False, id="issued just not too long before"),
        pytest.param(START_UNIX_US + EARLY_US + 1, True, id="a microsecond longer"),
    ],
)
def test_a_grant_older_than_the_test_point_may_have_been_used(
    started_unix_us: int, *, refused: bool
) -> None:
    at = desk(started_unix_us=started_unix_us)
    if refused:
        assert refusal(envelope(), at=at).code is Code.GRANT_SPENT
    else:
        checked(envelope(), at=at)


@pytest.mark.parametrize(
    ("granted", "peer"),
    [
        pytest.param("192.0.2.17", "::ffff:192.0.2.17", id="IPv4 through a dual-stack socket"),
        pytest.param("2001:DB8::0:1", "2001:db8::1", id="another spelling of IPv6"),
        pytest.param("fe80::1", "fe80::1%eth0", id="a zone, which is local"),
    ],
)
def test_one_address_in_two_forms(granted: str, peer: str) -> None:
    checked(envelope(addresses=(granted,)), peer=peer, at=desk())


def test_a_spent_grant_is_refused_and_an_unspent_one_is_not() -> None:
    at = desk()
    found = checked(envelope(), at=at)
    checked(envelope(), at=at)  # looking at it costs nothing: the test point may have been busy
    at.spend(found, now_unix_us=START_UNIX_US)
    assert refusal(envelope(), at=at).code is Code.GRANT_SPENT
    checked(envelope(grant_id="another"), at=at)


def test_a_grant_signed_twice_over_is_spent_with_the_first() -> None:
    """What is remembered is the content: another envelope around it is the same grant."""
    at = desk()
    at.spend(checked(envelope(), at=at), now_unix_us=START_UNIX_US)
    loose = envelope().replace(",", ", ")
    assert refusal(loose, at=at).code is Code.GRANT_SPENT


def test_spent_grants_are_bounded_and_forgotten_when_they_have_expired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SPENT_GRANTS_MAX", 2)
    at = desk()
    for number in range(2):
        found = checked(envelope(grant_id=f"g{number}"), at=at)
        at.spend(found, now_unix_us=START_UNIX_US)
    third = checked(envelope(grant_id="g3"), at=at)
    with pytest.raises(RefusalError) as caught:
        at.spend(third, now_unix_us=ENDS_US + LATE_US)
    assert caught.value.code is Code.BUSY
    assert caught.value.message.retry_after_s
    at.spend(third, now_unix_us=ENDS_US + LATE_US + 1)


def test_no_refusal_quotes_the_grant() -> None:
    for text in ("\x00<script>", '{"payload":"<script>"}'):
        assert "script" not in str(refusal(text))


def test_the_address_of_the_test_point_itself_is_no_matter() -> None:
    assert TEST_POINT_ADDRESS not in checked(envelope(), at=desk()).addresses
    assert model_bytes(grant())
