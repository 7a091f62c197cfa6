"""The one way to parse a message: what it refuses, and what it never repeats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core.canonical import canonical_bytes
from omega_core.control import Grant, Refusal, ServerInfo, SessionRequest
from omega_core.evidence import Family
from omega_core.facts import INTEGER_MAX
from omega_core.models import ContentError, NotPlainJsonError, content_of, parse_model
from omega_core.record import Record
from support.builders import grant, record, session_request

INFO = {"schema_version": 1, "software": "x", "server_key": "A" * 43, "now_unix_us": 5}


def parsed(**changes: Any) -> ServerInfo:  # noqa: ANN401 - any JSON value
    return parse_model(ServerInfo, canonical_bytes({**INFO, **changes}))


def test_an_ordinary_message() -> None:
    assert parsed().now_unix_us == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"now_unix_us": "5"}, "int_type at now_unix_us", id="text for a number"),
        pytest.param({"now_unix_us": True}, "int_type at now_unix_us", id="true for one"),
        pytest.param({"now_unix_us": None}, "int_type at now_unix_us", id="null for a number"),
        pytest.param({"now_unix_us": -1}, "greater_than_equal at now_unix_us", id="before 1970"),
        pytest.param({"software": 5}, "string_type at software", id="a number for text"),
        pytest.param({"software": "x" * 65}, "string_too_long at software", id="too long"),
        pytest.param({"surprise": 1}, "extra_forbidden at (unknown)", id="a field we don't know"),
        pytest.param({"server_key": "A" * 42}, "string_pattern_mismatch", id="a short key"),
        pytest.param({"server_key": "A" * 43 + "\n"}, "string_pattern_mismatch", id="a line end"),
    ],
)
def test_message_that_breaks_its_promise(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContentError) as caught:
        parsed(**change)
    assert str(caught.value).startswith(f"1 faults, first {reason}")


@pytest.mark.parametrize("number", [INTEGER_MAX, INTEGER_MAX + 1])
def test_largest_integer(number: int) -> None:
    data = json.dumps({**INFO, "now_unix_us": number}).encode()
    if number <= INTEGER_MAX:
        assert parse_model(ServerInfo, data).now_unix_us == number
    else:
        with pytest.raises(NotPlainJsonError):
            parse_model(ServerInfo, data)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_other_versions_are_refused_by_number(version: int) -> None:
    with pytest.raises(ContentError, match=rf"^schema_version {version}; this program knows 1$"):
        parsed(schema_version=version, entirely="different")


@pytest.mark.parametrize("version", ["1", True, 1.5, None, [1]])
def test_a_version_is_a_whole_number(version: object) -> None:
    with pytest.raises(ContentError, match="schema_version is missing, or not a whole number"):
        parsed(schema_version=version)


@pytest.mark.parametrize("text", ["true", "1.0", "1e0"])
def test_what_only_equals_one_is_not_the_version_one(text: str) -> None:
    data = canonical_bytes(INFO).replace(b'"schema_version":1', f'"schema_version":{text}'.encode())
    with pytest.raises(ContentError, match="schema_version"):
        parse_model(ServerInfo, data)
    with pytest.raises(ValidationError):
        ServerInfo.model_validate_json(data)


@pytest.mark.parametrize("data", [b"4", b"6"])
def test_families(data: bytes) -> None:
    assert TypeAdapter(Family).validate_json(data) == int(data)


@pytest.mark.parametrize("data", [b"5", b"4.0", b"true", b'"4"', b"null"])
def test_no_families(data: bytes) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Family).validate_json(data)


@pytest.mark.parametrize("data", [b"5", b"[]", b"null", b'"text"'])
def test_what_is_no_object_has_no_version(data: bytes) -> None:
    with pytest.raises(ContentError, match="schema_version"):
        parse_model(ServerInfo, data)
    with pytest.raises(ContentError, match="model_type at the top"):
        parse_model(Refusal, data)


FORGED = "forged\nlog line"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({FORGED: 1}, id="a field's name"),
        pytest.param({"now_unix_us": FORGED}, id="a value"),
        pytest.param({"server_key": FORGED}, id="a value of the wrong form"),
        pytest.param({"schema_version": FORGED}, id="the version"),
    ],
)
def test_message_never_quotes_what_came_in(content: dict[str, Any]) -> None:
    with pytest.raises(ContentError) as caught:
        parsed(**content)
    assert "forged" not in str(caught.value)


def test_a_key_of_a_mapping_is_content_too() -> None:
    content = content_of(record())
    content["metrics"] = {FORGED: {"value": FORGED}}
    with pytest.raises(ContentError) as caught:
        parse_model(Record, canonical_bytes(content))
    assert str(caught.value).endswith("at metrics.(unknown).value")


def test_messages_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parsed().now_unix_us = 6  # type: ignore[misc] # that is what is tested


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"purpose": "install", "sheet_id": None}, id="an installation of no sheet"),
        pytest.param({"purpose": "ticket", "sheet_id": None}, id="a diagnosis of no ticket"),
        pytest.param({"purpose": "selftest"}, id="a self-test of a sheet"),
        pytest.param({"ticket_id": "TT-1"}, id="a sheet and a ticket at once"),
        pytest.param({"purpose": "curiosity"}, id="a purpose nobody knows"),
        pytest.param({"address_tokens": ()}, id="no proof of any address"),
        pytest.param({"address_tokens": ("t",) * 5}, id="more addresses than a line has"),
        pytest.param({"nonce": "short"}, id="a nonce that can be guessed"),
        pytest.param({"sheet_id": "../etc/passwd"}, id="a path for an id"),
        pytest.param({"sheet_id": "x" * 65}, id="an id longer than any"),
        pytest.param({"seq": -1}, id="a negative count of grants"),
    ],
)
def test_requests_that_make_no_sense(change: dict[str, Any]) -> None:
    content = {**content_of(session_request()), **change}
    with pytest.raises(ContentError):
        parse_model(SessionRequest, canonical_bytes(content))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"addresses": ()}, id="bound to no address"),
        pytest.param({"addresses": ("omega.example",)}, id="a name for an address"),
        pytest.param({"session_secret": "short"}, id="a secret that can be guessed"),
        pytest.param({"limits": {"bytes_down": 1, "bytes_up": 1, "duration_s": 0}}, id="no time"),
        pytest.param({"limits": {"bytes_down": 1, "bytes_up": 1, "duration_s": 601}}, id="601 s"),
    ],
)
def test_grants_that_make_no_sense(change: dict[str, Any]) -> None:
    content = {**content_of(grant()), **change}
    with pytest.raises(ContentError):
        parse_model(Grant, canonical_bytes(content))


@pytest.mark.parametrize("port", [0, 1, 65_535, 65_536])
def test_ports(port: int) -> None:
    content = content_of(grant())
    content["test_point"]["tcp_port"] = port
    if 1 <= port <= 65_535:
        assert parse_model(Grant, canonical_bytes(content)).test_point.tcp_port == port
    else:
        with pytest.raises(ContentError, match=r"at test_point\.tcp_port"):
            parse_model(Grant, canonical_bytes(content))


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("new cable", True),
        ("c\u00e2ble neuf, prise 2", True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("", False),
        ("new\ncable", False),
        ("\u001b[2Jnew cable", False),
        ("elbac \u202ewen", False),
    ],
)
def test_what_was_changed_is_one_line_that_steers_nothing(text: str, *, is_taken: bool) -> None:
    for message in (session_request(), grant(), record()):
        data = canonical_bytes(with_change(content_of(message), text))
        if is_taken:
            assert parse_model(type(message), data) != message
        else:
            with pytest.raises(ContentError):
                parse_model(type(message), data)


def with_change(content: dict[str, Any], changed: str, **others: object) -> dict[str, Any]:
    """Return a request, a grant or a record that states a change."""
    place = content.get("session", content)
    place |= {"changed": changed, **others}
    return content


def test_a_change_is_recorded_on_a_sheet_alone() -> None:
    elsewhere = {"purpose": "selftest", "sheet_id": None}
    for message in (session_request(), record()):
        data = canonical_bytes(with_change(content_of(message), "new cable", **elsewhere))
        with pytest.raises(ContentError, match="value_error"):
            parse_model(type(message), data)


def test_a_message_from_before_there_were_changes_has_none() -> None:
    for message in (session_request(), grant(), record()):
        older = content_of(message)
        del older.get("session", older)["changed"]
        assert parse_model(type(message), canonical_bytes(older)) == message
