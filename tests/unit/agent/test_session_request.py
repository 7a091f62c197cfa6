from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_agent.errors import NotTrustedError, WrongUseError
from omega_agent.session_request import (
    Wanted,
    change_text,
    named,
    open_grant,
    session_request,
)
from omega_core.control import AddressProof, Grant, GrantAnswer, SessionRequest
from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope
from omega_core.keys import PublicKey
from omega_core.models import parse_model
from omega_core.verdict import Mode
from support.agent_story import Story
from support.builders import (
    AGENT_ID,
    AGENT_KEY,
    SECRET,
    SERVER_KEY,
    STRANGER_KEY,
    grant,
    sealed,
)
from support.clock import START_UNIX_US

STORY = Story()
WANTED = STORY.wanted
NONCE = "n" * 32
PROOFS = [
    AddressProof(address=f"{prefix}17", server_address=f"{prefix}1", token=token)
    for prefix, token in (("192.0.2.", "four"), ("2001:db8::", "six"))
]


def test_a_request_says_who_asks_for_what_and_from_where() -> None:
    envelope = session_request(
        WANTED,
        agent_id=AGENT_ID,
        key=AGENT_KEY,
        seq=7,
        proofs=PROOFS,
        software="omega test",
        nonce=NONCE,
        now_unix_us=START_UNIX_US,
    )
    opened = open_sealed(
        parse_envelope(envelope), PayloadType.SESSION_REQUEST, keys_by_id([AGENT_KEY.public])
    )
    request = parse_model(SessionRequest, opened)
    assert (request.purpose, request.mode, request.sheet_id) == (
        "install",
        Mode.STANDARD,
        WANTED.sheet_id,
    )
    assert (request.agent_id, request.agent_key) == (AGENT_ID, AGENT_KEY.public.text)
    assert (request.seq, request.nonce) == (7, NONCE)
    assert request.address_tokens == ("four", "six")


def opened(answer: GrantAnswer, wanted: Wanted = WANTED, key: PublicKey = SERVER_KEY.public) -> Any:  # noqa: ANN401 - what was granted
    return open_grant(answer, wanted, kid=AGENT_KEY.public.kid, server_key=key)


def changed(**changes: Any) -> GrantAnswer:  # noqa: ANN401 - fields of the grant
    other = Grant(**{**dict(STORY.grant), **changes})
    envelope = sealed(other, PayloadType.GRANT, SERVER_KEY).decode()
    return GrantAnswer(grant=envelope, profile=STORY.answer.profile)


def test_what_was_asked_for_is_granted() -> None:
    granted = opened(STORY.answer)
    assert granted.grant == STORY.grant
    assert granted.secret == SECRET
    assert granted.profile == STORY.profile
    assert granted.digest == parse_envelope(STORY.answer.grant.encode()).payload_digest


def test_without_a_plan_there_is_no_profile() -> None:
    story = Story(has_profile=False)
    assert opened(story.answer).profile is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(GrantAnswer(grant="{}", profile=None), id="not sealed"),
        pytest.param(
            GrantAnswer(
                grant=sealed(STORY.grant, PayloadType.GRANT, STRANGER_KEY).decode(),
                profile=STORY.answer.profile,
            ),
            id="signed by another server",
        ),
        pytest.param(
            GrantAnswer(
                grant=sealed(STORY.grant, PayloadType.RECORD, SERVER_KEY).decode(),
                profile=STORY.answer.profile,
            ),
            id="sealed as something else",
        ),
        pytest.param(changed(agent_kid=STRANGER_KEY.public.kid), id="for another key"),
        pytest.param(changed(sheet_id="FI-2026-0002"), id="for another sheet"),
        pytest.param(changed(mode=Mode.QUICK), id="for another mode"),
        pytest.param(changed(changed="new cable"), id="for a line that was changed"),
        pytest.param(
            changed(purpose="ticket", sheet_id=None, ticket_id="TT-1"), id="for a ticket instead"
        ),
        pytest.param(changed(profile=None), id="a profile that no grant pins"),
        pytest.param(
            STORY.answer.model_copy(update={"profile": None}), id="a pinned profile left out"
        ),
        pytest.param(STORY.answer.model_copy(update={"profile": {}}), id="no profile at all"),
        pytest.param(
            STORY.answer.model_copy(
                update={"profile": {**(STORY.answer.profile or {}), "mtu_bytes": 1400}}
            ),
            id="a profile that was changed",
        ),
        pytest.param(changed(profile=grant().profile), id="another profile pinned"),
    ],
)
def test_anything_else_is_not_accepted(answer: GrantAnswer) -> None:
    with pytest.raises(NotTrustedError, match="the server's grant is not accepted"):
        opened(answer)


def test_the_pinned_key_decides() -> None:
    with pytest.raises(NotTrustedError, match="key_missing"):
        opened(STORY.answer, key=STRANGER_KEY.public)


@pytest.mark.parametrize("name", ["FI-2026-000001", "a", "a" * 64, "TT:1.2_3"])
def test_a_name_is_taken_as_typed(name: str) -> None:
    assert named(name) == name


@pytest.mark.parametrize("name", ["", "a" * 65, "-x", "../etc", "a b", "é", "a\n"])
def test_what_can_be_no_name_is_refused_here(name: str) -> None:
    with pytest.raises(WrongUseError, match="no number of a sheet"):
        named(name)


def test_what_was_changed_is_said_before_the_attempt_and_granted_as_said() -> None:
    changed = replace(WANTED, changed=change_text("  new cable to the socket "))
    assert changed.changed == "new cable to the socket"
    envelope = session_request(
        changed,
        agent_id=AGENT_ID,
        key=AGENT_KEY,
        seq=7,
        proofs=PROOFS,
        software="omega test",
        nonce=NONCE,
        now_unix_us=START_UNIX_US,
    )
    payload = parse_envelope(envelope).payload
    assert parse_model(SessionRequest, payload).changed == "new cable to the socket"


@pytest.mark.parametrize("text", ["", "   ", "two\nlines", "x" * 201])
def test_what_was_changed_is_one_line(text: str) -> None:
    with pytest.raises(WrongUseError):
        change_text(text)
