"""What is told of a record, and how a webhook is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.limits import CONNECTOR_REPLAY_S
from omega_server.connectors.diagnostic import (
    Diagnostic,
    File,
    Language,
    ZoneNote,
    mark_of,
    subject_of,
    text_of,
)
from omega_server.connectors.signing import delivery_id, is_genuine, signature

DIGEST = "abcdef0123456789" * 4
DIAGNOSTIC = Diagnostic(
    ticket_id="TT-2026-000001",
    record_digest=DIGEST,
    verdict="fail",
    mode="quick",
    agent_id="MA-000001",
    received_unix_us=1_795_000_000_000_000,
    not_kept=("rate-dn", "loss-dn"),
    zone=ZoneNote(code="Z2", sentences={"en": "The access link.", "fr": "La ligne d'accès."}),
    link="https://omega.example/v1/records/x",
    files=(File(name="omega-abcdef012345.json", media_type="application/json", content=b"{}"),),
)


def test_english_says_verdict_criteria_zone_file_link_and_ends_with_the_mark() -> None:
    assert text_of(DIAGNOSTIC, "en").split("\n") == [
        "Omega diagnosis: the line does not keep what the plan promises.",
        "Ticket TT-2026-000001, received 2026-11-18 11:06:40 UTC, mode quick, device MA-000001.",
        "Not kept: rate-dn, loss-dn.",
        "Zone of the fault: Z2. The access link.",
        "The signed record is attached as omega-abcdef012345.json;"
        " `omega verify omega-abcdef012345.json` checks it.",
        "The record: https://omega.example/v1/records/x",
        "omega:abcdef012345",
    ]


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "invalid", None, "later"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_verdict_has_words_and_the_mark(verdict: str | None, language: Language) -> None:
    bare = replace(DIAGNOSTIC, verdict=verdict, zone=None, link=None, files=(), not_kept=())
    text = text_of(bare, language)
    assert text.endswith("\nomega:abcdef012345")
    assert len(text.split("\n")) == 3
    assert bare.mark in subject_of(bare, language)


def test_a_zone_without_a_sentence_in_this_language_is_told_by_its_code() -> None:
    bare = replace(DIAGNOSTIC, zone=ZoneNote(code="ZX", sentences={}))
    assert "Zone du défaut : ZX." in text_of(bare, "fr").split("\n")


def test_a_device_nobody_knows_is_said_to_be_that() -> None:
    assert "device not enrolled" in text_of(replace(DIAGNOSTIC, agent_id=None), "en")


def test_the_mark_is_the_first_twelve_digits() -> None:
    assert mark_of(DIGEST) == "omega:abcdef012345"


SECRET = b"sixteen or more octets"
STAMP, DELIVERY, BODY = "1790000000", "d" * 32, b'{"event":"check"}'
SIGNED = signature(SECRET, STAMP, DELIVERY, BODY)


def test_a_signature_is_the_documented_hmac() -> None:
    # printf '1790000000.dddddddddddddddddddddddddddddddd.{"event":"check"}' |
    #   openssl dgst -sha256 -hmac 'sixteen or more octets'
    assert SIGNED == "v1=01169da7caeb7ccf79ac7faef9c7f49461dd00f31a8ecc3614bbf83fa061c6cd"


def genuine(**changes: Any) -> bool:  # noqa: ANN401 - fields by name
    fields: dict[str, Any] = {
        "timestamp": STAMP,
        "delivery": DELIVERY,
        "signed": SIGNED,
        "body": BODY,
        "now_unix_s": int(STAMP),
    }
    return is_genuine(SECRET, **{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="as it was signed"),
        pytest.param({"body": BODY + b" "}, False, id="one octet more"),
        pytest.param({"delivery": "e" * 32}, False, id="the name of another delivery"),
        pytest.param({"timestamp": "1790000001"}, False, id="another time"),
        pytest.param({"timestamp": ""}, False, id="no time"),
        pytest.param({"timestamp": "-1"}, False, id="a time before 1970"),
        pytest.param({"timestamp": "9" * 13}, False, id="a time too long to read"),
        pytest.param({"signed": ""}, False, id="no signature"),
        pytest.param({"signed": "v1=é"}, False, id="a signature of other letters"),
        pytest.param({"now_unix_s": int(STAMP) + CONNECTOR_REPLAY_S}, True, id="at the window"),
        pytest.param({"now_unix_s": int(STAMP) + CONNECTOR_REPLAY_S + 1}, False, id="replayed"),
        pytest.param({"now_unix_s": int(STAMP) - CONNECTOR_REPLAY_S - 1}, False, id="of later"),
    ],
)
def test_what_a_receiver_takes(changes: dict[str, Any], *, expected: bool) -> None:
    assert genuine(**changes) is expected


def test_a_delivery_has_one_name_for_all_its_tries_and_another_for_each_ticket() -> None:
    assert delivery_id("7", DIGEST) == delivery_id("7", DIGEST)
    assert len({delivery_id("7", DIGEST), delivery_id("8", DIGEST), delivery_id("7", "0")}) == 3
