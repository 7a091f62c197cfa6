"""A ticket's record over an emulated line, and what anybody can check of it without a network."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.host import Namespace
from omega_agent.verify import verify
from omega_agent.verify_report import Standing
from omega_core.canonical import canonical_bytes
from omega_core.keys import PublicKey, SigningKey
from support.main_job import SCRIPTS, Json, Omega, Ran, Site

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(360)]

SEED = 20261121
CHANGES = 400


@dataclass(frozen=True)
class Diagnosed:
    """A ticket's record as it was saved, and by whom."""

    omega: Omega
    done: Ran
    ticket: str
    file: Path
    server_key: str

    @property
    def bundle(self) -> Json:
        content: Json = json.loads(self.file.read_bytes())
        return content


@pytest.fixture(scope="module")
def diagnosed(site: Site) -> Diagnosed:
    omega, ticket = site.enrolled("laptop"), site.ticket()
    file = site.folder / "record.json"
    done = omega.run_undisturbed("diagnose", "--ticket", ticket, "--save", file, "--json")
    return Diagnosed(omega, done, ticket, file, site.announced["server_key"])


def verified(omega: Omega, *arguments: str | Path) -> Ran:
    """Run `omega verify` where there is no network at all, not even a loopback that is up."""
    nowhere = Namespace()
    try:
        with nowhere.entered():
            done = subprocess.run(
                [SCRIPTS / "omega", "verify", *arguments],
                env=omega.env,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
    finally:
        nowhere.close()
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_diagnosis_stands_on_its_ticket(site: Site, diagnosed: Diagnosed) -> None:
    assert diagnosed.done.code == 11, "a quick look at a plan that asks for a reading nobody has"
    report = diagnosed.done.json
    assert report["posted"]
    assert site.posted(diagnosed.ticket) == [(report["record_digest"], "inconclusive")]
    session = report["measurement"]["session"]
    assert (session["purpose"], session["ticket_id"]) == ("ticket", diagnosed.ticket)


def test_the_zone_is_told_and_stands_on_the_ticket(site: Site, diagnosed: Diagnosed) -> None:
    """Nobody turns names into addresses in this lab, and of its line nothing else is wrong."""
    told = diagnosed.done.json["zone"]["finding"]
    assert (told["zone"], told["symptom"], told["reason"]) == ("Z1", "names", "server_says")
    zone = site.case("tickets", diagnosed.ticket)["zone"]
    assert (zone["zone"], zone["finding"]["finding"]) == ("Z1", told)


def test_the_device_trusts_its_record_without_a_network(diagnosed: Diagnosed) -> None:
    done = verified(diagnosed.omega, diagnosed.file, "--json")
    assert done.code == 0, done.stdout
    assert (done.json["standing"], done.json["failed"]) == ("valid_and_trusted", None)
    assert done.json["digest"] == diagnosed.done.json["record_digest"]
    assert done.json["verdict"] == "inconclusive", "judged again from the facts"
    assert done.json["unchecked"] == []


def test_anybody_who_has_the_servers_key_trusts_it(site: Site, diagnosed: Diagnosed) -> None:
    stranger = site.device("stranger")
    trust = site.folder / "trusted.keys"
    trust.write_text(f"# the server\n{diagnosed.server_key}\n")
    assert verified(stranger, diagnosed.file, "--trust", trust).code == 0
    trust.write_text(f"{SigningKey.generate().public.text}\n")
    another = verified(stranger, diagnosed.file, "--trust", trust, "--json")
    assert (another.code, another.json["standing"]) == (20, "valid_key_not_trusted")
    assert verified(stranger, diagnosed.file).code == 20, "nor does one who trusts nobody"


def of_envelope(part: str, edit: Callable[[Json], None]) -> Callable[[Json], None]:
    """Change one envelope of a bundle; `keys` means the first."""

    def change(bundle: Json) -> None:
        text = bundle[part][0] if part == "keys" else bundle[part]
        envelope = json.loads(text)
        edit(envelope)
        changed = canonical_bytes(envelope).decode()
        assert changed != text
        bundle[part] = [changed] if part == "keys" else changed

    return change


def in_payload(old: bytes, new: bytes) -> Callable[[Json], None]:
    """Replace octets of the signed bytes by others of the same number."""

    def edit(envelope: Json) -> None:
        payload = base64.b64decode(envelope["payload"])
        assert len(old) == len(new)
        assert old in payload
        envelope["payload"] = base64.b64encode(payload.replace(old, new, 1)).decode()

    return edit


def in_signature(envelope: Json) -> None:
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[10] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(signature)).decode()


def in_profile(bundle: Json) -> None:
    bundle["profile"]["contracted"]["down"]["min_bps"] += 1


def without(part: str) -> Callable[[Json], None]:
    def change(bundle: Json) -> None:
        bundle[part] = None

    return change


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        pytest.param(
            of_envelope("record", in_payload(b'"schema_version":1', b'"schema_version":2')),
            "signature[0]",
            id="the record",
        ),
        pytest.param(of_envelope("record", in_signature), "signature[0]", id="its signature"),
        pytest.param(
            of_envelope("grant", in_payload(b'"purpose":"ticket"', b'"purpose":"tickeT"')),
            "grant",
            id="the grant",
        ),
        pytest.param(
            of_envelope("observation", in_signature), "observation", id="the other observer"
        ),
        pytest.param(
            of_envelope("receipt", in_payload(b"inconclusive", b"inconclusivf")),
            "receipt",
            id="the receipt",
        ),
        pytest.param(
            of_envelope("keys", in_payload(b'"role":"agent"', b'"role":"agenT"')),
            "key_statement",
            id="the statement of the device's key",
        ),
        pytest.param(in_profile, "profile", id="the profile, by one bit per second"),
        pytest.param(without("grant"), "grant", id="the grant, taken out"),
        pytest.param(without("observation"), "observation", id="the other observer, taken out"),
    ],
)
def test_a_changed_byte_is_found_and_the_check_named(
    diagnosed: Diagnosed, tmp_path: Path, change: Callable[[Json], None], failed: str
) -> None:
    bundle = diagnosed.bundle
    change(bundle)
    forged = tmp_path / "forged.json"
    forged.write_bytes(canonical_bytes(bundle))
    done = verified(diagnosed.omega, forged, "--json")
    assert (done.code, done.json["standing"]) == (21, "invalid")
    assert done.json["failed"] == failed, done.json["detail"]


def test_people_read_which_check_failed(diagnosed: Diagnosed, tmp_path: Path) -> None:
    forged = tmp_path / "forged.json"
    forged.write_bytes(diagnosed.file.read_bytes().replace(b"lab-fast", b"lab-fasu"))
    done = verified(diagnosed.omega, forged)
    assert done.code == 21
    assert "INVALID" in done.stdout
    assert "Failed check: profile" in done.stdout
    assert done.stderr == ""


def test_no_byte_of_the_file_can_be_changed_unnoticed(diagnosed: Diagnosed) -> None:
    """Checked in this process, for hundreds of places drawn from a seed."""
    seeded = random.Random(SEED)  # noqa: S311 - places to change, no secret
    data = diagnosed.file.read_bytes()
    trusted = [PublicKey.from_text(diagnosed.server_key)]
    assert verify(data, trusted=trusted).standing is Standing.TRUSTED
    for _ in range(CHANGES):
        place, bit = seeded.randrange(len(data)), 1 << seeded.randrange(8)
        changed = bytearray(data)
        changed[place] ^= bit
        report: Any = verify(bytes(changed), trusted=trusted)
        assert report.standing is Standing.INVALID, (place, bit)
        assert report.failed, (place, bit)
