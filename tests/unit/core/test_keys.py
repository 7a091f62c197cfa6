"""Keys and their ids, against RFC 8032, RFC 8037, the project's golden values, and openssl."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.keys import NotAKeyError, PublicKey, SigningKey, from_base64url, to_base64url
from support.builders import AGENT_KEY, STRANGER_KEY

GOLDEN = SigningKey.from_octets(bytes(range(32)))
# RFC 8032 section 7.1, test 2: the key signs one octet.
RFC8032_SECRET = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
RFC8032_PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
RFC8032_SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_golden_public_key_and_key_id() -> None:
    assert GOLDEN.public.octets.hex() == (
        "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    )
    assert GOLDEN.public.kid == "1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y"


def test_key_id_of_the_key_of_rfc_8037() -> None:
    key = PublicKey.from_text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_signature_of_rfc_8032() -> None:
    key = SigningKey.from_octets(bytes.fromhex(RFC8032_SECRET))
    assert key.public.octets.hex() == RFC8032_PUBLIC
    assert key.sign(b"\x72").hex() == RFC8032_SIGNATURE
    assert key.public.verifies(b"\x72", bytes.fromhex(RFC8032_SIGNATURE))


def test_text_form_comes_back() -> None:
    assert PublicKey.from_text(GOLDEN.public.text) == GOLDEN.public
    assert len(GOLDEN.public.text) == 43


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        pytest.param(b"other", AGENT_KEY.sign(b"message"), id="another message"),
        pytest.param(b"message", STRANGER_KEY.sign(b"message"), id="another key"),
        pytest.param(b"message", b"", id="no signature"),
        pytest.param(b"message", AGENT_KEY.sign(b"message") + b"\0", id="one octet too many"),
        pytest.param(b"message", b"\xff" * 64, id="no number below the group's order"),
    ],
)
def test_what_the_key_did_not_sign(message: bytes, signature: bytes) -> None:
    assert AGENT_KEY.public.verifies(b"message", AGENT_KEY.sign(b"message"))
    assert not AGENT_KEY.public.verifies(message, signature)


def test_octets_that_are_no_point_of_the_curve_verify_nothing() -> None:
    no_point = PublicKey(b"\x02" + bytes(31))
    assert not no_point.verifies(b"message", AGENT_KEY.sign(b"message"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("A" * 42, id="31 octets"),
        pytest.param("A" * 44, id="33 octets"),
        pytest.param("A" * 43 + "=", id="padded"),
        pytest.param("A" * 42 + "B", id="bits that belong to no octet"),
        pytest.param("A" * 42 + "+", id="the other alphabet"),
        pytest.param("A" * 42 + "é", id="not ASCII"),
        pytest.param("A" * 42 + "\n", id="a line end"),
    ],
)
def test_text_that_is_no_key(text: str) -> None:
    with pytest.raises(NotAKeyError):
        PublicKey.from_text(text)


@pytest.mark.parametrize("size", [31, 33])
def test_octets_that_are_no_key(size: int) -> None:
    with pytest.raises(NotAKeyError):
        PublicKey(bytes(size))
    with pytest.raises(NotAKeyError):
        SigningKey.from_octets(bytes(size))


def test_new_keys_differ_and_come_back_from_their_file_form() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    assert key.public != other.public
    assert SigningKey.from_pem(key.to_pem()).public == key.public


def test_a_private_key_does_not_show_itself() -> None:
    assert bytes(range(32)).hex() not in repr(GOLDEN)
    assert "private" not in str(GOLDEN).lower()


VECTORS = Path(__file__).parents[2] / "vectors" / "keys"
PEM = (VECTORS / "ed25519" / "key.pem").read_bytes()


def test_a_key_file_of_openssl_is_understood() -> None:
    assert SigningKey.from_pem(PEM).public == GOLDEN.public


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(b"", id="empty"),
        pytest.param(PEM[:60], id="truncated"),
        pytest.param(PEM.replace(b"MC4C", b"MC4D"), id="one letter changed"),
        pytest.param(PEM.replace(b"PRIVATE", b"PUBLIC"), id="under a wrong name"),
        pytest.param(b"\xff\xfe\0", id="not text"),
    ],
)
def test_files_that_are_no_key(pem: bytes) -> None:
    with pytest.raises(NotAKeyError) as caught:
        SigningKey.from_pem(pem)
    assert "AAEC" not in str(caught.value), "a message never quotes a private key"


@pytest.mark.parametrize("case", sorted(VECTORS.glob("*_fail")), ids=lambda case: case.name)
def test_keys_that_openssl_made_of_other_kinds(case: Path) -> None:
    with pytest.raises(NotAKeyError):
        SigningKey.from_pem((case / "key.pem").read_bytes())


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"\xfb\xff", "-_8", id="the letters that differ"),
        pytest.param(b"f", "Zg", id="no padding"),
    ],
)
def test_base64url(octets: bytes, text: str) -> None:
    assert to_base64url(octets) == text
    assert from_base64url(text) == octets
