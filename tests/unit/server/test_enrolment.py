"""Enrolment: one token, one device, and a statement that the server signed."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.control import KeyStatement
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.keys import PublicKey
from omega_core.limits import ENROLMENT_TOKEN_LIFE_S
from omega_core.models import parse_model
from omega_core.units import NS_PER_S
from omega_server import enrolment
from omega_server.refusals import Code, RefusalError
from support.builders import STRANGER_KEY
from support.server_rig import Rig


def refused(rig: Rig, data: bytes) -> Code:
    with pytest.raises(RefusalError) as refusal:
        rig.services.enrolment.enrol(data)
    return refusal.value.code


def test_a_device_gets_a_name_and_the_servers_word_for_its_key(rig: Rig) -> None:
    key = rig.new_key()
    answer = rig.services.enrolment.enrol(rig.enrolment(key, rig.token()))
    server = PublicKey.from_text(rig.services.server_key)
    payload = open_sealed(
        parse_envelope(answer.statement.encode()), PayloadType.KEY, {server.kid: server}
    )
    statement = parse_model(KeyStatement, payload)
    assert answer.agent_id == "MA-000001"
    assert (statement.role, statement.id) == ("agent", "MA-000001")
    assert (statement.kid, statement.key) == (key.public.kid, key.public.text)


def test_a_lost_answer_is_given_again(rig: Rig) -> None:
    request = rig.enrolment(rig.new_key(), rig.token())
    first = rig.services.enrolment.enrol(request)
    rig.clock.pass_ns(ENROLMENT_TOKEN_LIFE_S * NS_PER_S * 2)
    assert rig.services.enrolment.enrol(request) == first


def test_a_token_enrols_one_device(rig: Rig) -> None:
    token = rig.token()
    rig.services.enrolment.enrol(rig.enrolment(rig.new_key(), token))
    assert refused(rig, rig.enrolment(rig.new_key(), token)) is Code.TOKEN_USED


@pytest.mark.parametrize(
    ("seconds", "is_good"),
    [
        pytest.param(ENROLMENT_TOKEN_LIFE_S, True, id="good to its last second"),
        pytest.param(ENROLMENT_TOKEN_LIFE_S + 1, False, id="and not a second longer"),
    ],
)
def test_life_of_a_token(rig: Rig, seconds: int, *, is_good: bool) -> None:
    request = rig.enrolment(rig.new_key(), rig.token())
    rig.clock.pass_ns(seconds * NS_PER_S)
    if is_good:
        rig.services.enrolment.enrol(request)
    else:
        assert refused(rig, request) is Code.TOKEN_EXPIRED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"token": "x" * 32}, Code.TOKEN_UNKNOWN, id="a token nobody made"),
        pytest.param({"token": "\ud7ff\u0000" * 20}, Code.TOKEN_UNKNOWN, id="a token of odd text"),
        pytest.param(
            {"server_key": STRANGER_KEY.public.text}, Code.SERVER_KEY_MISMATCH, id="another server"
        ),
        pytest.param(
            {"agent_key": STRANGER_KEY.public.text}, Code.SIGNATURE_INVALID, id="a key not held"
        ),
    ],
)
def test_refused(rig: Rig, changes: dict[str, Any], code: Code) -> None:
    request = rig.enrolment(rig.new_key(), **{"token": rig.token(), **changes})
    assert refused(rig, request) is code


def test_a_revoked_key_is_not_enrolled_again(rig: Rig) -> None:
    device = rig.enrolled()
    enrolment.revoke(rig.store, str(device.agent_id), "stolen", rig.clock.unix_us())
    assert refused(rig, rig.enrolment(device.key, rig.token())) is Code.AGENT_REVOKED


def test_revoking_nobody_is_refused(rig: Rig) -> None:
    with pytest.raises(RefusalError) as refusal:
        enrolment.revoke(rig.store, "MA-999999", "x", rig.clock.unix_us())
    assert refusal.value.code is Code.AGENT_UNKNOWN


def test_a_token_is_kept_by_its_digest_only(rig: Rig) -> None:
    token = rig.token()
    (row,) = rig.store.enrolment.tokens()
    assert token not in repr(row)
    assert len(token) == 32


def test_a_message_of_another_kind_is_refused(rig: Rig) -> None:
    key = rig.new_key()
    payload = parse_envelope(rig.enrolment(key, rig.token())).payload
    assert refused(rig, seal(payload, PayloadType.RECORD, key)) is Code.NOT_AN_ENVELOPE
