"""The escalation package: what is in it, what is not, and that nothing in it can be changed."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from omega_agent.verify import verify
from omega_agent.verify_report import Standing
from omega_core.canonical import canonical_bytes
from omega_core.control import Grant
from omega_core.envelope import EnvelopeError
from omega_core.keys import PublicKey
from omega_server import sheets, ticket_package
from omega_server.refusals import RefusalError
from omega_server.ticket_index import WORDS
from omega_server.ticket_life.entries import KINDS, ZoneCode
from omega_server.ticket_package import PackageError, check_package, package_of
from support.builders import STRANGER_KEY
from support.server_rig import Rig
from support.ticket_story import TESSA, TicketStory, bad_evidence, good_evidence

SECRETS = ("Mme Roux", "Ana", "12 rue des Lilas", "the neighbour's dog", "Tessa")


@pytest.fixture
def story(rig: Rig) -> TicketStory:
    """A ticket of an accepted line, diagnosed and raised, full of what is personal."""
    story = TicketStory(rig)
    subscriber = rig.store.cases.subscriber(story.subscriber_ref)
    sheet_id = sheets.create(rig.store, subscriber, story.now).sheet_id
    story.measured(good_evidence(), sheet_id=sheet_id)
    story.measured(bad_evidence())
    story.do("owned", owner="Ana")
    story.do("eta", eta_unix_us=story.now + 10**12, reason="Mme Roux is away", told_by="phone")
    story.do(
        "zone",
        zone="Z2",
        confidence_ppm=900_000,
        sentences=["zone.access"],
        evidence=[story.ticket.postings[0].digest],
        finding={"hops": [1, 2], "address": "12 rue des Lilas"},
    )
    story.do("note", text="the neighbour's dog <script>alert(1)</script>")
    story.do("escalated", level=3, reason="Ana can't", question="which firmware holds?")
    story.do("waiting", by=TESSA, status="held", party="12 rue des Lilas", reason="a key")
    return story


def packed(story: TicketStory, level: int | None = None) -> bytes:
    services = story.rig.services
    return package_of(story.rig.store, story.ticket_id, services.key, level=level)


def files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def key_of(story: TicketStory) -> PublicKey:
    return PublicKey.from_text(story.rig.services.server_key)


def rewritten(data: bytes, **changes: bytes | None) -> bytes:
    """Return the archive with files replaced, added, or left out where None."""
    content: dict[str, bytes | None] = {**files(data), **changes}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, octets in content.items():
            if octets is not None:
                archive.writestr(name, octets)
    return written.getvalue()


def test_everything_the_next_level_needs_is_there(story: TicketStory) -> None:
    data = packed(story)
    manifest = check_package(data, key_of(story))
    found = files(data)
    (record,) = story.ticket.postings
    baseline = next(name for name in found if name.startswith("baseline/"))
    assert found.keys() == {
        "manifest.json", "ticket.json", "log.json", "technical.json", "baseline.json", baseline,
        f"records/{record.digest}.json", "index.en.html", "index.fr.html",
    }  # fmt: skip
    assert (manifest.ticket_id, manifest.level) == (story.ticket_id, 3)
    assert not manifest.without_personal_data
    ticket = json.loads(found["ticket.json"])
    assert (ticket["zone"]["zone"], ticket["description"]) == ("Z2", "it is slow")
    log = json.loads(found["log.json"])
    assert [each["kind"] for each in log] == [each.kind for each in story.ticket.entries]
    compared = json.loads(found["baseline.json"])
    assert compared["compared_digest"] == record.digest
    technical = json.loads(found["technical.json"])
    assert (technical["plan_id"], len(technical["sheets"])) == ("FTTH-300-100", 1)


def test_its_records_verify_offline(story: TicketStory) -> None:
    found = files(packed(story))
    bundles = [name for name in found if name.startswith(("records/", "baseline/"))]
    assert len(bundles) == 2
    for name in bundles:
        report = verify(found[name], trusted=[key_of(story)])
        assert report.standing is Standing.TRUSTED, (name, report.failed)


def test_equal_content_gives_equal_octets(story: TicketStory) -> None:
    first = packed(story)
    story.pass_s(86_400)
    assert packed(story) == first
    story.do("note", text="one more")
    assert packed(story) != first


def test_the_vendor_gets_nothing_personal(story: TicketStory) -> None:
    data = packed(story, level=4)
    manifest = check_package(data, key_of(story))
    assert (manifest.level, manifest.without_personal_data) == (4, True)
    found = files(data)
    sheet_ids = [each.sheet_id for each in story.rig.store.cases.sheets()]
    addresses = [str(address) for address in _grant_addresses(story)]
    devices = [str(story.ticket.postings[0].agent_id)]
    for name, octets in found.items():
        for secret in (*SECRETS, story.subscriber_ref, *sheet_ids, *addresses, *devices):
            assert f'"{secret}' not in octets.decode(), (name, secret)
            assert f">{secret}" not in octets.decode(), (name, secret)
        for secret in ("rue des Lilas", "Mme Roux", "neighbour", "can't", "it is slow"):
            assert secret not in octets.decode(), (name, secret)
    assert "which firmware holds?" in found["index.en.html"].decode()
    (record,) = (name for name in found if name.startswith("records/"))
    figures = json.loads(found[record])
    assert figures["metrics"]["goodput_bps_down"]["value"] == 150_000_000
    assert figures["judgement"]["verdict"] == "fail"
    assert not any(name.startswith("baseline/") for name in found), "a bundle names its device"


def _grant_addresses(story: TicketStory) -> tuple[str, ...]:
    from omega_server.envelopes import stored  # noqa: PLC0415

    attempt = story.ticket.attempts[0]
    row = story.rig.store.sessions.grant(attempt.grant_digest)
    return tuple(stored(Grant, row.envelope).addresses)


def test_a_ticket_at_level_4_is_packed_for_the_vendor(story: TicketStory) -> None:
    story.do("escalated", level=4, reason="r", question="q")
    assert check_package(packed(story), key_of(story)).without_personal_data


def test_an_index_can_be_read_and_holds_no_markup_of_anybody_else(story: TicketStory) -> None:
    found = files(packed(story))
    english, french = found["index.en.html"].decode(), found["index.fr.html"].decode()
    assert "Zone of the fault" in english
    assert "on the access link" in english
    assert "Zone du défaut" in french
    assert '<html lang="fr">' in french
    for page in (english, french):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_there_are_words_for_everything() -> None:
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    zones = {"zone_none" if code is ZoneCode.NONE else code.value for code in ZoneCode}
    assert {*KINDS, *zones} - {"zone"} <= WORDS["en"].keys()


@pytest.mark.parametrize("level", [None, 4])
def test_a_ticket_with_nothing_in_it_is_packed(rig: Rig, level: int | None) -> None:
    story = TicketStory(rig)
    manifest = check_package(packed(story, level), key_of(story))
    assert "not recorded" in files(packed(story, level))["index.en.html"].decode()
    assert manifest.left_out == ()


def test_what_there_is_no_room_for_is_named(
    story: TicketStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = story.ticket.postings[0].digest
    newer = story.measured(bad_evidence())
    monkeypatch.setattr(ticket_package, "ESCALATION_RECORDS_MAX", 1)
    data = packed(story)
    assert check_package(data, key_of(story)).left_out == (older,)
    assert f"records/{newer}.json" in files(data)
    monkeypatch.setattr(ticket_package, "ESCALATION_BYTES_MAX", 1_000)
    left_out = packed(story)
    monkeypatch.undo()
    assert check_package(left_out, key_of(story)).left_out == (newer, older)


CHANGES: dict[str, Any] = {
    "a file was changed": {"ticket.json": b"{}"},
    "a file is larger": {"technical.json": b" " * 4_000},
    "a file is missing": {"log.json": None},
    "a file was added": {"more.txt": b"x"},
    "the manifest is missing": {"manifest.json": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_is_found(story: TicketStory, change: dict[str, bytes | None]) -> None:
    with pytest.raises(PackageError):
        check_package(rewritten(packed(story), **change), key_of(story))


def test_only_the_servers_word_counts(story: TicketStory) -> None:
    with pytest.raises(EnvelopeError):
        check_package(packed(story), STRANGER_KEY.public)
    manifest = rewritten(packed(story), **{"manifest.json": canonical_bytes({"files": []})})
    with pytest.raises(EnvelopeError):
        check_package(manifest, key_of(story))
    with pytest.raises(PackageError):
        check_package(b"no archive", key_of(story))


def test_an_unknown_ticket_has_no_package(rig: Rig) -> None:
    with pytest.raises(RefusalError):
        package_of(rig.store, "TT-1", rig.services.key)
