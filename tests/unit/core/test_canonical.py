"""The written form against RFC 8785's own samples, the reader against what others let pass."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest

from omega_core.canonical import NotPlainJsonError, canonical_bytes, digest_hex, parse_plain
from omega_core.facts import INTEGER_MAX
from omega_core.limits import JSON_DEPTH_MAX

GOLDEN = '{"a":null,"n":"18446744073709551615","nom":"Zoé","v":1,"x":[1,2.5,1e+21]}'.encode()


def test_golden_payload_and_digest() -> None:
    content = {"x": [1, 2.5, 1e21], "nom": "Zoé", "v": 1, "n": str(2**64 - 1), "a": None}
    assert canonical_bytes(content) == GOLDEN
    assert len(GOLDEN) == 74
    assert digest_hex(GOLDEN) == "7d18fa253205b30886114ab4008dbc1be754ac658707f3b0a8557e3551a54164"
    assert parse_plain(GOLDEN) == content


def test_the_sample_of_rfc_8785_section_3_2_2() -> None:
    sample = rb"""{
       "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
       "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
       "literals": [null, true, false]
    }"""
    expected = (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )
    assert canonical_bytes(parse_plain(sample)) == expected.encode()


def test_the_order_of_rfc_8785_section_3_2_3() -> None:
    sample = rb"""{
       "\u20ac": "Euro Sign",
       "\r": "Carriage Return",
       "\ufb33": "Hebrew Letter Dalet With Dagesh",
       "1": "One",
       "\ud83d\ude00": "Emoji: Grinning Face",
       "\u0080": "Control",
       "\u00f6": "Latin Small Letter O With Diaeresis"
    }"""
    assert list(json.loads(canonical_bytes(parse_plain(sample))).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("ieee754", "expected"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_of_rfc_8785_appendix_b(ieee754: str, expected: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(ieee754))
    assert canonical_bytes(number) == expected.encode()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(INTEGER_MAX + 1, id="2^53"),
        pytest.param(-INTEGER_MAX - 1, id="minus 2^53"),
        pytest.param(math.nan, id="not a number"),
        pytest.param(math.inf, id="infinity"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param({1: 2}, id="a key that is no text"),
        pytest.param(b"octets", id="octets"),
    ],
)
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:  # noqa: ANN401 - anything
    with pytest.raises(ValueError, match=r"."):
        canonical_bytes(value)


@pytest.mark.parametrize("number", [INTEGER_MAX, -INTEGER_MAX])
def test_the_largest_integers_go_through(number: int) -> None:
    assert parse_plain(canonical_bytes(number)) == number


@pytest.mark.parametrize(
    ("data", "value"),
    [
        pytest.param(b' { "a" : [ ] } ', {"a": []}, id="spaces are free"),
        pytest.param(rb'"\ud83d\ude00"', "\N{GRINNING FACE}", id="a whole surrogate pair"),
        pytest.param(b"1.5", 1.5, id="a fraction"),
        pytest.param(b"1e308", 1e308, id="just finite"),
        pytest.param(b"[" * 32 + b"]" * 32, None, id="as deep as may be"),
        pytest.param(b'{"a":' * 32 + b"1" + b"}" * 32, None, id="objects as deep as may be"),
        pytest.param(b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}], id="one key in two objects"),
        pytest.param(b'["9007199254740992",1]', ["9007199254740992", 1], id="2^53 in a text"),
        pytest.param(b"[9007199254740991]", [INTEGER_MAX], id="the largest integer of all"),
        pytest.param(b"0.12345678901234567", 0.12345678901234567, id="a fraction of many digits"),
    ],
)
def test_plain_json_is_read(data: bytes, value: object) -> None:
    parsed = parse_plain(data)
    assert value is None or parsed == value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b" ", id="only space"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(b"{} {}", id="two values"),
        pytest.param(b'{"a":1,"a":1}', id="a key twice, even with one value"),
        pytest.param(rb'{"a":1,"\u0061":2}', id="a key twice, once escaped"),
        pytest.param(b'{"b":{"a":1,"a":2}}', id="a key twice further down"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"-Infinity", id="infinity"),
        pytest.param(b"1e400", id="a number that becomes infinite"),
        pytest.param(b"-1e400", id="and a negative one"),
        pytest.param(b"9007199254740992", id="2^53"),
        pytest.param(b"-9007199254740992", id="minus 2^53"),
        pytest.param(b"[1758000000000000,9007199254740992]", id="2^53 behind a time of today"),
        pytest.param(b"10000000000000000", id="a digit more, though the first ones are small"),
        pytest.param(b'{"a":["9",99999999999999999]}', id="seventeen digits further down"),
        pytest.param(b"1" * 5_000, id="more digits than Python converts"),
        pytest.param(b"01", id="a leading zero"),
        pytest.param("\N{ARABIC-INDIC DIGIT ONE}".encode(), id="a digit of another script"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="half a surrogate pair in UTF-8"),
        pytest.param(rb'"\ud800"', id="half a surrogate pair"),
        pytest.param(rb'{"\udc00":1}', id="half a surrogate pair as a key"),
        pytest.param(b'"\x00"', id="a raw control character"),
        pytest.param(b"[" * 33 + b"]" * 33, id="one level too deep"),
        pytest.param(b'{"a":' * 33 + b"1" + b"}" * 33, id="objects one level too deep"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deeper than the parser's stack"),
        pytest.param(rb'"\u0041"' + b"[" * 100_000, id="the same behind an escape"),
        pytest.param(b"// a comment\n1", id="a comment"),
        pytest.param(b"[1,]", id="a comma too many"),
    ],
)
def test_what_two_programs_could_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(NotPlainJsonError):
        parse_plain(data)


def test_depth_is_the_limit_stated() -> None:
    assert JSON_DEPTH_MAX == 32


def test_message_never_quotes_the_bytes() -> None:
    for data in (b'{"secret":1,"secret":2}', b'"secret', b"[secret]", b'"secret\xff"'):
        with pytest.raises(NotPlainJsonError) as caught:
            parse_plain(data)
        assert "secret" not in str(caught.value)
