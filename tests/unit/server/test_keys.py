"""Keys after their issue: rotated by a device and by the server, revoked, judged as they stood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.control import KeyStatement
from omega_core.envelope import PayloadType, keys_by_id, open_sealed, parse_envelope, seal
from omega_core.errors import UsageError
from omega_core.key_events import (
    KeyRevocation,
    open_rotation,
    rotation_of,
    seal_rotation,
)
from omega_core.key_history import OVERLAP_US, KeyState
from omega_core.keys import SigningKey
from omega_core.limits import KEY_CHAIN_MAX, KEY_EARLY_S
from omega_core.models import model_bytes, parse_model
from omega_core.units import NS_PER_US, US_PER_S
from omega_server import enrolment, keys, records, sheets, tickets
from omega_server.identity import (
    RevokedTestPointError,
    register_test_point,
)
from omega_server.refusals import Code, RefusalError
from support.builders import SERVER_KEY, STRANGER_KEY
from support.key_lines import DAY_US
from support.server_rig import RIG_UNIX_US, Device, Rig, digest_of, refused


def rotation(rig: Rig, device: Device, new: SigningKey, **changes: Any) -> bytes:  # noqa: ANN401 - fields of the model
    """Return a device's rotation, sealed by both keys, with fields changed."""
    stated = rotation_of(
        "agent",
        str(device.agent_id),
        old=device.key.public,
        new=new.public,
        server_key=rig.services.key.public,
        at_unix_us=rig.clock.unix_us(),
    )
    return seal_rotation(stated.model_copy(update=changes), old=device.key, new=new)


def rotated(rig: Rig, device: Device) -> Device:
    """Return the device after it has got a new key."""
    new = rig.new_key()
    rig.services.key_desk.rotate(rotation(rig, device, new))
    return Device(new, device.agent_id)


def refused_rotation(rig: Rig, envelope: bytes) -> Code:
    with pytest.raises(RefusalError) as refusal:
        rig.services.key_desk.rotate(envelope)
    return refusal.value.code


def pass_us(rig: Rig, microseconds: int) -> None:
    rig.clock.pass_ns(microseconds * NS_PER_US)


def revoke(rig: Rig, device: Device, *, since: int | None = None) -> None:
    keys.revoke_key(
        rig.store,
        device.key.public.kid,
        "stolen from a van",
        invalid_since_unix_us=since,
        now_unix_us=rig.clock.unix_us(),
    )


class TestRotationOfADevice:
    def test_it_keeps_its_name_and_gets_the_servers_word_for_its_new_key(self, rig: Rig) -> None:
        device, new = rig.enrolled(), rig.new_key()
        answer = rig.services.key_desk.rotate(rotation(rig, device, new))
        payload = open_sealed(
            parse_envelope(answer.statement.encode()),
            PayloadType.KEY,
            keys_by_id([rig.services.key.public]),
        )
        statement = parse_model(KeyStatement, payload)
        assert answer.agent_id == device.agent_id == statement.id
        assert (statement.role, statement.key) == ("agent", new.public.text)
        kinds = [each.kind for each in rig.store.cases.events("agent", device.agent_id)]
        assert kinds == ["key_issued", "key_rotated"]

    def test_a_lost_answer_is_given_again_however_late(self, rig: Rig) -> None:
        device, new = rig.enrolled(), rig.new_key()
        first = rig.services.key_desk.rotate(rotation(rig, device, new))
        pass_us(rig, OVERLAP_US + 1)
        assert rig.services.key_desk.rotate(rotation(rig, device, new)) == first
        assert rig.services.key_desk.rotate(rotation(rig, device, new, rotated_unix_us=1)) == first

    def test_a_lost_answer_is_not_given_to_a_key_that_was_revoked_since(self, rig: Rig) -> None:
        device, new = rig.enrolled(), rig.new_key()
        rig.services.key_desk.rotate(rotation(rig, device, new))
        revoke(rig, Device(new, device.agent_id))
        assert refused_rotation(rig, rotation(rig, device, new)) is Code.AGENT_REVOKED

    def test_back_to_an_old_key_is_no_way(self, rig: Rig) -> None:
        device = rig.enrolled()
        second = rotated(rig, device)
        assert refused_rotation(rig, rotation(rig, second, device.key)) is Code.KEY_MISMATCH

    def test_another_key_does_not_follow_the_old_one_too(self, rig: Rig) -> None:
        device = rig.enrolled()
        rotated(rig, device)
        assert refused_rotation(rig, rotation(rig, device, rig.new_key())) is Code.KEY_SUPERSEDED

    @pytest.mark.parametrize("way", [-1, 1], ids=["behind", "ahead of"])
    @pytest.mark.parametrize(
        ("seconds", "code"),
        [
            pytest.param(KEY_EARLY_S, None, id="as far as it may be"),
            pytest.param(KEY_EARLY_S + 1, Code.NOT_FRESH, id="a second further"),
        ],
    )
    def test_its_moment_is_the_servers(
        self, rig: Rig, seconds: int, code: Code | None, way: int
    ) -> None:
        at = rig.clock.unix_us() + way * seconds * US_PER_S
        envelope = rotation(rig, rig.enrolled(), rig.new_key(), rotated_unix_us=at)
        if code is None:
            rig.services.key_desk.rotate(envelope)
        else:
            assert refused_rotation(rig, envelope) is code

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param({"id": "MA-000077"}, Code.KEY_MISMATCH, id="of another agent"),
            pytest.param(
                {"server_key": SERVER_KEY.public.text}, Code.SERVER_KEY_MISMATCH, id="elsewhere"
            ),
            pytest.param({"role": "server", "server_key": None}, Code.SCHEMA_INVALID, id="server"),
        ],
    )
    def test_what_it_must_not_say(self, rig: Rig, changes: dict[str, Any], code: Code) -> None:
        envelope = rotation(rig, rig.enrolled(), rig.new_key(), **changes)
        assert refused_rotation(rig, envelope) is code

    def test_who_is_not_enrolled_has_no_key_to_follow(self, rig: Rig) -> None:
        stranger = Device(rig.new_key(), "MA-000001")
        assert refused_rotation(rig, rotation(rig, stranger, rig.new_key())) is Code.AGENT_UNKNOWN

    def test_a_test_points_key_is_no_devices(self, rig: Rig) -> None:
        test_point = Device(rig.test_point_key, rig.place.id)
        assert refused_rotation(rig, rotation(rig, test_point, rig.new_key())) is Code.AGENT_UNKNOWN

    def test_nobodys_key_becomes_a_devices_that_has_one(self, rig: Rig) -> None:
        other = rig.enrolled()
        envelope = rotation(rig, rig.enrolled(), other.key)
        assert refused_rotation(rig, envelope) is Code.KEY_MISMATCH

    def test_a_revoked_key_is_not_followed(self, rig: Rig) -> None:
        device = rig.enrolled()
        revoke(rig, device)
        assert refused_rotation(rig, rotation(rig, device, rig.new_key())) is Code.AGENT_REVOKED

    def test_a_key_is_followed_so_many_times(self, rig: Rig) -> None:
        device = rig.enrolled()
        for _ in range(KEY_CHAIN_MAX):
            device = rotated(rig, device)
        assert refused_rotation(rig, rotation(rig, device, rig.new_key())) is Code.KEY_SUPERSEDED

    @pytest.mark.parametrize(
        ("envelope", "code"),
        [
            pytest.param(b"x", Code.NOT_AN_ENVELOPE, id="no envelope"),
            pytest.param(
                seal(b"{}", PayloadType.KEY_ROTATION, STRANGER_KEY), Code.SCHEMA_INVALID, id="empty"
            ),
        ],
    )
    def test_what_is_no_rotation(self, rig: Rig, envelope: bytes, code: Code) -> None:
        assert refused_rotation(rig, envelope) is code

    def test_one_signature_is_not_enough(self, rig: Rig) -> None:
        device = rig.enrolled()
        both = parse_envelope(rotation(rig, device, rig.new_key()))
        one = seal(both.payload, PayloadType.KEY_ROTATION, device.key)
        assert refused_rotation(rig, one) is Code.SIGNATURE_INVALID


class TestRotationInAMiddle:
    """Of a campaign, of a series of records, of an outbox: nothing is lost."""

    def test_records_of_the_old_key_are_taken_for_seven_days_and_no_longer(self, rig: Rig) -> None:
        device = rig.enrolled()
        waiting = [rig.record(rig.installed(device)) for _ in range(3)]
        rotated(rig, device)
        assert rig.post(waiting[0]).is_new
        pass_us(rig, OVERLAP_US)
        assert rig.post(waiting[1]).is_new
        pass_us(rig, 1)
        assert refused(rig, waiting[2]).code is Code.KEY_SUPERSEDED
        assert not rig.post(waiting[1]).is_new, "what is stored keeps its receipt"

    def test_one_sheet_has_records_of_both_keys(self, rig: Rig) -> None:
        device, sheet_id = rig.enrolled(), rig.sheet()
        first = rig.record(rig.installed(device, sheet_id=sheet_id))
        second_device = rotated(rig, device)
        second = rig.record(rig.installed(second_device, sheet_id=sheet_id, seq=2))
        rig.post(second)
        rig.post(first)
        sheet = sheets.load(rig.store, sheet_id)
        assert {posting.agent_id for posting in sheet.postings} == {device.agent_id}
        assert set(sheet.key_states.values()) == {KeyState.ACTIVE}

    def test_a_session_is_granted_to_the_old_key_until_the_overlap_ends(self, rig: Rig) -> None:
        device = rig.enrolled()
        rotated(rig, device)
        rig.granted(device)
        pass_us(rig, OVERLAP_US + 1)
        with pytest.raises(RefusalError) as refusal:
            rig.granted(device)
        assert refusal.value.code is Code.KEY_SUPERSEDED

    def test_a_grant_of_the_old_key_is_not_used_by_the_new_one(self, rig: Rig) -> None:
        device = rig.enrolled()
        granted = rig.installed(device)
        new = rotated(rig, device)
        envelope = rig.record(replace(granted, device=new))
        assert refused(rig, envelope).code is Code.GRANT_OF_ANOTHER_AGENT

    def test_the_device_reads_what_it_made_with_its_old_key(self, rig: Rig) -> None:
        device = rig.enrolled()
        envelope = rig.record(rig.installed(device))
        rig.post(envelope)
        new, digest = rotated(rig, device), digest_of(envelope)
        records.check_reader(rig.store, rig.read_request(new, digest), digest, rig.clock)

    def test_a_device_a_year_off_rotates_and_posts_by_the_servers_clock(self, rig: Rig) -> None:
        device = rig.enrolled()
        off = 365 * DAY_US
        granted = rig.granted(device, requested_unix_us=rig.clock.unix_us() + off)
        rotated(rig, device)
        posted = rig.post(rig.record(granted))
        assert posted.row.received_unix_us == rig.clock.unix_us()


class TestRevocation:
    def test_a_revoked_key_is_refused_and_what_was_stored_stays(self, rig: Rig) -> None:
        device, sheet_id = rig.enrolled(), rig.sheet()
        before = rig.record(rig.installed(device, sheet_id=sheet_id))
        after = rig.record(rig.installed(device, sheet_id=sheet_id, seq=2))
        rig.post(before)
        pass_us(rig, 1)
        revoke(rig, device)
        assert refused(rig, after).code is Code.AGENT_REVOKED
        sheet = sheets.load(rig.store, sheet_id)
        assert sheet.key_states == {digest_of(before): KeyState.ACTIVE}

    def test_since_it_was_unsafe_records_say_so_and_none_is_judged_again(self, rig: Rig) -> None:
        device, sheet_id = rig.enrolled(), rig.sheet()
        early, late = (
            rig.record(rig.installed(device, sheet_id=sheet_id, seq=seq)) for seq in (1, 2)
        )
        rig.post(early)
        pass_us(rig, DAY_US)
        stolen = rig.clock.unix_us()
        kept = rig.post(late).row
        pass_us(rig, DAY_US)
        revoke(rig, device, since=stolen)
        sheet = sheets.load(rig.store, sheet_id)
        assert sheet.key_states == {
            digest_of(early): KeyState.ACTIVE,
            digest_of(late): KeyState.COMPROMISED,
        }
        assert rig.store.sessions.record(digest_of(late)) == kept
        assert sheet.state == "measured"

    def test_a_ticket_says_so_too(self, rig: Rig) -> None:
        device, ticket_id = rig.enrolled(), rig.ticket()
        envelope = rig.record(rig.granted(device, purpose="ticket", ticket_id=ticket_id))
        rig.post(envelope)
        revoke(rig, device, since=rig.clock.unix_us())
        found = tickets.load(rig.store, ticket_id).key_states
        assert found == {digest_of(envelope): KeyState.COMPROMISED}

    def test_an_old_key_is_revoked_and_the_device_goes_on_with_its_new_one(self, rig: Rig) -> None:
        device = rig.enrolled()
        waiting = rig.record(rig.installed(device))
        new = rotated(rig, device)
        revoke(rig, device)
        assert refused(rig, waiting).code is Code.AGENT_REVOKED
        assert rig.post(rig.record(rig.installed(new))).is_new

    def test_revoking_a_device_revokes_its_keys(self, rig: Rig) -> None:
        device = rig.enrolled()
        new = rotated(rig, device)
        enrolment.revoke(rig.store, str(device.agent_id), "lost", rig.clock.unix_us())
        for key in (device.key, new.key):
            (said,) = rig.store.keys.revocations(key.public.kid)
            assert (said.reason, said.invalid_since_unix_us) == ("lost", None)
        kinds = [each.kind for each in rig.store.cases.events("agent", str(device.agent_id))]
        assert kinds == ["key_issued", "key_rotated", "revoked", "key_revoked", "key_revoked"]

    def test_a_key_of_one_run_is_nobodys_and_is_active(self, rig: Rig) -> None:
        envelope = rig.record(rig.granted(rig.stranger()))
        posting = rig.post(envelope).row
        assert rig.store.keys.key(posting.agent_kid) is None

    def test_observations_of_a_revoked_test_point_are_refused(self, rig: Rig) -> None:
        granted = rig.installed(rig.enrolled())
        revoke(rig, Device(rig.test_point_key, None))
        with pytest.raises(RefusalError) as refusal:
            rig.services.collector.observe(rig.observation(granted))
        assert refusal.value.code is Code.TEST_POINT_REVOKED
        with pytest.raises(RevokedTestPointError):
            register_test_point(rig.store, rig.services.key, rig.test_point_key.public, 0)

    def test_nobodys_key_is_not_revoked(self, rig: Rig) -> None:
        with pytest.raises(RefusalError) as refusal:
            revoke(rig, rig.stranger())
        assert refusal.value.code is Code.KEY_UNKNOWN

    def test_the_servers_present_key_is_rotated_first(self, rig: Rig) -> None:
        with pytest.raises(UsageError, match="key rotate"):
            revoke(rig, Device(rig.services.key, None))

    def test_a_moment_to_come_is_refused(self, rig: Rig) -> None:
        with pytest.raises(UsageError, match="has passed"):
            revoke(rig, rig.enrolled(), since=rig.clock.unix_us() + 1)

    @pytest.mark.parametrize("reason", ["", "x" * 201, "a\0b"])
    def test_a_reason_that_is_none(self, rig: Rig, reason: str) -> None:
        with pytest.raises(UsageError, match="--reason"):
            enrolment.revoke(rig.store, str(rig.enrolled().agent_id), reason, RIG_UNIX_US)


class TestBundle:
    def test_it_brings_what_leads_from_key_to_key_and_what_was_said_against_them(
        self, rig: Rig
    ) -> None:
        device = rig.enrolled()
        new = rotated(rig, device)
        envelope = rig.record(rig.installed(new))
        row = rig.post(envelope).row
        revoke(rig, new, since=rig.clock.unix_us())
        bundle = records.bundle_of(rig.store, row, rig.services.key)
        (statement,) = bundle.keys
        assert parse_model(KeyStatement, parse_envelope(statement.encode()).payload).kid == (
            new.key.public.kid
        )
        first, last = bundle.key_events
        assert open_rotation(first.encode()).kid == new.key.public.kid
        payload = open_sealed(
            parse_envelope(last.encode()),
            PayloadType.KEY_REVOCATION,
            keys_by_id([rig.services.key.public]),
        )
        revocation = parse_model(KeyRevocation, payload)
        assert (revocation.kid, revocation.reason) == (new.key.public.kid, "stolen from a van")


def test_a_statement_that_anybody_may_check_names_both_keys(rig: Rig) -> None:
    device, new = rig.enrolled(), rig.new_key()
    stated = open_rotation(rotation(rig, device, new))
    assert (stated.old_key, stated.key) == (device.key.public.text, new.public.text)
    assert model_bytes(stated)
