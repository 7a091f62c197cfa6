"""Session requests: what is granted, what is refused, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.demand import demand
from omega_acceptance.schema import profile_from_content
from omega_core import limits
from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.keys import PublicKey, from_base64url
from omega_core.models import model_bytes
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.verdict import Mode
from omega_server import enrolment
from omega_server.controller import Controller
from omega_server.ids import day_of
from omega_server.places import FixedTestPoint, TestPointPlace
from omega_server.refusals import Code, RefusalError
from support.builders import STRANGER_KEY, session_request
from support.server_rig import (
    AGENT_ADDRESS,
    PLAN_ID,
    RIG_UNIX_US,
    SERVER_ADDRESS,
    Device,
    Rig,
    make_rig,
)


def refused(rig: Rig, device: Device, **changes: Any) -> RefusalError:  # noqa: ANN401 - fields of the request
    return refused_bytes(rig, rig.request(device, **changes))


def refused_bytes(rig: Rig, data: bytes) -> RefusalError:
    with pytest.raises(RefusalError) as refusal:
        rig.services.controller.grant(data)
    return refusal.value


class NoTestPoint:
    def ready(self) -> TestPointPlace | None:
        return None


def test_a_grant_for_an_installation_pins_everything_that_counts(rig: Rig) -> None:
    device, sheet_id = rig.enrolled(), rig.sheet()
    granted = rig.granted(device, purpose="install", mode=Mode.STANDARD, sheet_id=sheet_id)
    profile = Catalogue.builtin().for_plan(PLAN_ID, day_of(RIG_UNIX_US))
    grant, wanted = granted.grant, demand(profile, Mode.STANDARD)
    assert (grant.purpose, grant.mode, grant.sheet_id) == ("install", Mode.STANDARD, sheet_id)
    assert (grant.plan_id, grant.profile) == (PLAN_ID, profile.ref)
    assert granted.profile is not None
    assert digest_hex(canonical_bytes(granted.profile)) == profile.digest
    assert grant.agent_kid == device.key.public.kid
    assert grant.addresses == (AGENT_ADDRESS,)
    assert (grant.test_point.id, grant.test_point.key) == (rig.place.id, rig.place.key)
    assert grant.test_point.addresses == (SERVER_ADDRESS,)
    assert grant.limits.bytes_down == wanted.bytes_down
    assert grant.limits.rate_bps_down == wanted.expected_bps_down is not None
    assert grant.limits.rate_bps_up == wanted.expected_bps_up is not None
    assert grant.limits.bytes_up == wanted.bytes_up
    assert grant.limits.duration_s == wanted.seconds
    assert grant.issued_unix_us == grant.not_before_unix_us == RIG_UNIX_US
    assert grant.not_after_unix_us == RIG_UNIX_US + limits.GRANT_LIFE_S * US_PER_S
    assert len(from_base64url(grant.session_secret)) == 32


def test_a_grant_is_signed_by_the_server(rig: Rig) -> None:
    granted = rig.granted(rig.enrolled())
    key = PublicKey.from_text(rig.services.server_key)
    open_sealed(parse_envelope(granted.envelope), PayloadType.GRANT, {key.kid: key})


def test_no_two_grants_share_an_id_or_a_secret(rig: Rig) -> None:
    device = rig.enrolled()
    grants = [rig.granted(device).grant for _ in range(20)]
    for name in ("grant_id", "session_id", "session_secret"):
        assert len({getattr(grant, name) for grant in grants}) == 20


def test_a_grant_is_kept_before_it_is_handed_out(rig: Rig) -> None:
    device, sheet_id = rig.enrolled(), rig.sheet()
    granted = rig.granted(device, purpose="install", mode=Mode.QUICK, sheet_id=sheet_id, seq=7)
    (attempt,) = rig.store.sessions.attempts(sheet_id=sheet_id)
    assert (attempt.grant_id, attempt.agent_id, attempt.seq, attempt.record_digest) == (
        granted.grant.grant_id,
        device.agent_id,
        7,
        None,
    )
    assert rig.store.sessions.grant(granted.digest).envelope == granted.envelope
    assert granted.grant.profile is not None
    assert rig.store.sessions.profile(granted.grant.profile.digest) is not None


def test_both_families_are_granted_where_both_are_proved(rig: Rig) -> None:
    tokens = (rig.proof(), rig.proof("2001:db8::17", "2001:db8::1"), rig.proof())
    grant = rig.granted(rig.enrolled(), address_tokens=tokens).grant
    assert grant.addresses == (AGENT_ADDRESS, "2001:db8::17")
    assert grant.test_point.addresses == (SERVER_ADDRESS, "2001:db8::1")


def test_a_test_point_with_addresses_of_its_own_is_named_by_them(rig: Rig) -> None:
    elsewhere = TestPointPlace(
        id="tp-9", key=rig.place.key, tcp_port=1, udp_port=2, addresses=("203.0.113.9",)
    )
    controller = Controller(
        store=rig.store,
        key=rig.installation.key,
        catalogue=Catalogue.builtin(),
        proofs=rig.services.proofs,
        test_points=FixedTestPoint(elsewhere),
        clock=rig.clock,
    )
    device = rig.enrolled()
    grant = rig.opened(device, controller.grant(rig.request(device))).grant
    assert grant.test_point.addresses == ("203.0.113.9",)
    assert (grant.test_point.tcp_port, grant.test_point.udp_port) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        pytest.param({"mode": Mode.MEASURE}, None, id="a self-test without a plan is not judged"),
        pytest.param({"mode": Mode.QUICK, "plan_id": PLAN_ID}, PLAN_ID, id="with one it is"),
        pytest.param(
            {"purpose": "sweep", "mode": Mode.MEASURE}, None, id="a sweep may be for facts only"
        ),
    ],
)
def test_self_tests_and_sweeps(rig: Rig, changes: dict[str, Any], plan: str | None) -> None:
    granted = rig.granted(rig.enrolled(), **changes)
    assert granted.grant.plan_id == plan
    assert (granted.profile is None) == (plan is None)


@pytest.mark.parametrize(
    ("activated", "plan"),
    [
        pytest.param(True, PLAN_ID, id="judged by the subscriber's plan"),
        pytest.param(False, None, id="not judged while no plan is activated"),
    ],
)
def test_a_diagnosis(rig: Rig, *, activated: bool, plan: str | None) -> None:
    ticket_id = rig.ticket(activated=activated)
    granted = rig.granted(rig.enrolled(), purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id)
    assert (granted.grant.ticket_id, granted.grant.plan_id) == (ticket_id, plan)


def test_a_device_nobody_knows_gets_a_self_test(rig: Rig) -> None:
    device = rig.stranger()
    grant = rig.granted(device).grant
    assert grant.agent_kid == device.key.public.kid
    signer = rig.store.enrolment.signer(device.key.public.kid)
    assert (signer.key, signer.agent_id) == (device.key.public.text, None)


@pytest.mark.parametrize("purpose", ["install", "ticket", "sweep"])
def test_a_device_nobody_knows_gets_nothing_else(rig: Rig, purpose: str) -> None:
    names = {
        "install": {"sheet_id": rig.sheet()},
        "ticket": {"ticket_id": rig.ticket()},
        "sweep": {},
    }
    refusal = refused(rig, rig.stranger(), purpose=purpose, **names[purpose])
    assert refusal.code is Code.AGENT_UNKNOWN


def test_a_sheet_without_an_activated_plan_is_refused_with_who_can_mend_it(rig: Rig) -> None:
    sheet_id = rig.sheet(activated=False)
    refusal = refused(rig, rig.enrolled(), purpose="install", mode=Mode.STANDARD, sheet_id=sheet_id)
    assert refusal.code is Code.PLAN_NOT_ACTIVATED
    assert sheet_id in str(refusal)
    assert "back office" in refusal.who_acts
    assert rig.store.sessions.attempts(sheet_id=sheet_id) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param(
            {"purpose": "install", "sheet_id": "FI-2026-999999"}, Code.SHEET_UNKNOWN, id="sheet"
        ),
        pytest.param(
            {"purpose": "ticket", "ticket_id": "TT-2026-999999"}, Code.TICKET_UNKNOWN, id="ticket"
        ),
        pytest.param({"plan_id": "NO-SUCH-PLAN"}, Code.PLAN_UNKNOWN, id="plan"),
        pytest.param({"mode": Mode.STANDARD}, Code.MODE_UNKNOWN, id="a mode that needs a plan"),
        pytest.param({"agent_id": "MA-999999"}, Code.KEY_MISMATCH, id="somebody else's name"),
        pytest.param(
            {"address_tokens": ("no.token",)}, Code.ADDRESS_NOT_PROVED, id="an address not proved"
        ),
        pytest.param(
            {"agent_key": STRANGER_KEY.public.text}, Code.SIGNATURE_INVALID, id="another's key"
        ),
        pytest.param({"agent_key": "A" * 42 + "B"}, Code.SCHEMA_INVALID, id="not a key"),
    ],
)
def test_refused(rig: Rig, changes: dict[str, Any], code: Code) -> None:
    assert refused(rig, rig.enrolled(), **changes).code is code


def test_a_plan_that_is_not_the_subscribers_is_refused(rig: Rig) -> None:
    changes = {"purpose": "install", "mode": Mode.QUICK, "sheet_id": rig.sheet()}
    refusal = refused(rig, rig.enrolled(), **changes, plan_id="ADSL-HOME-20M")
    assert refusal.code is Code.PLAN_MISMATCH
    rig.granted(rig.enrolled(), **changes, plan_id=PLAN_ID)


OTHER_PLAN = "ADSL-HOME-20M"


def test_a_device_that_was_enrolled_for_a_sheet_names_no_other_plan_than_its_subscribers(
    rig: Rig,
) -> None:
    own = rig.enrolled(for_sheet=rig.sheet(activated=False))
    for purpose in ("selftest", "sweep"):
        refusal = refused(rig, own, purpose=purpose, mode=Mode.QUICK, plan_id=OTHER_PLAN)
        assert (refusal.code, OTHER_PLAN in str(refusal)) == (Code.PLAN_MISMATCH, True)
        granted = rig.granted(own, purpose=purpose, mode=Mode.QUICK, plan_id=PLAN_ID)
        assert granted.grant.plan_id == PLAN_ID
    assert rig.granted(own).grant.plan_id is None, "it may name none, and is judged by none"


@pytest.mark.parametrize("is_enrolled", [True, False])
def test_a_device_of_no_subscriber_may_name_any_plan(rig: Rig, *, is_enrolled: bool) -> None:
    device = rig.enrolled() if is_enrolled else rig.stranger()
    granted = rig.granted(device, mode=Mode.QUICK, plan_id=OTHER_PLAN)
    assert granted.grant.plan_id == OTHER_PLAN


def test_a_ticket_without_an_activated_plan_is_compared_with_none(rig: Rig) -> None:
    ticket_id = rig.ticket(activated=False)
    refusal = refused(
        rig, rig.enrolled(), purpose="ticket", mode=Mode.QUICK, ticket_id=ticket_id, plan_id=PLAN_ID
    )
    assert refusal.code is Code.PLAN_MISMATCH


def test_a_name_without_an_enrolled_key_is_refused(rig: Rig) -> None:
    device = Device(rig.new_key(), "MA-000001")
    assert refused(rig, device).code is Code.AGENT_UNKNOWN


@pytest.mark.parametrize("named", [True, False])
def test_a_revoked_key_gets_nothing_named_or_not(rig: Rig, *, named: bool) -> None:
    device = rig.enrolled()
    assert device.agent_id is not None
    enrolment.revoke(rig.store, device.agent_id, "stolen", rig.clock.unix_us())
    seen = device if named else Device(device.key, None)
    assert refused(rig, seen).code is Code.AGENT_REVOKED


def test_a_request_sent_twice_is_granted_once(rig: Rig) -> None:
    data = rig.request(rig.enrolled())
    rig.services.controller.grant(data)
    assert refused_bytes(rig, data).code is Code.REQUEST_REPLAYED


def test_a_request_is_as_old_as_its_address_tokens(rig: Rig) -> None:
    device = rig.enrolled()
    data = rig.request(device)
    rig.clock.pass_ns((limits.ADDRESS_PROOF_LIFE_S + 1) * NS_PER_S)
    assert refused_bytes(rig, data).code is Code.ADDRESS_NOT_PROVED


def test_a_device_whose_clock_is_years_off_is_served(rig: Rig) -> None:
    rig.granted(rig.enrolled(), requested_unix_us=0)


def test_no_test_point_up_is_busy_and_keeps_nothing(tmp_path: Path) -> None:
    with make_rig(tmp_path / "other", test_points=NoTestPoint()) as without:
        device, sheet_id = without.enrolled(), without.sheet()
        refusal = refused(without, device, purpose="install", mode=Mode.QUICK, sheet_id=sheet_id)
        assert refusal.code is Code.BUSY
        assert refusal.retry_after_s is not None
        assert without.store.sessions.attempts(sheet_id=sheet_id) == []


def test_strangers_at_one_address_have_a_quota(rig: Rig) -> None:
    for _ in range(limits.SESSIONS_OF_AN_ADDRESS_MAX):
        rig.granted(rig.stranger())
        rig.clock.pass_ns(NS_PER_S)
    refusal = refused(rig, rig.stranger())
    assert refusal.code is Code.QUOTA_EXCEEDED
    waited_s = limits.SESSIONS_OF_AN_ADDRESS_MAX
    assert refusal.retry_after_s == limits.SESSIONS_OF_AN_ADDRESS_WINDOW_S - waited_s
    rig.granted(rig.stranger(), address_tokens=(rig.proof("192.0.2.18"),))
    rig.granted(rig.enrolled())


def test_a_quota_is_free_again_when_it_said_so(rig: Rig) -> None:
    for _ in range(limits.SESSIONS_OF_AN_ADDRESS_MAX):
        rig.granted(rig.stranger())
    wait_s = refused(rig, rig.stranger()).retry_after_s
    assert wait_s == limits.SESSIONS_OF_AN_ADDRESS_WINDOW_S
    rig.clock.pass_ns(wait_s * NS_PER_S)
    assert refused(rig, rig.stranger()).code is Code.QUOTA_EXCEEDED
    rig.clock.pass_ns(1_000)
    rig.granted(rig.stranger())


def test_an_operator_may_set_the_quota(tmp_path: Path) -> None:
    with make_rig(tmp_path / "other", selftests_max=0) as closed:
        assert refused(closed, closed.stranger()).code is Code.QUOTA_EXCEEDED


def test_a_profile_changed_under_its_number_is_refused(rig: Rig) -> None:
    granted = rig.installed(rig.enrolled())
    shipped = Catalogue.builtin().for_plan(PLAN_ID, day_of(RIG_UNIX_US))
    content = {**shipped.content(), "mtu_bytes": 1_492}
    assert granted.grant.profile == shipped.ref

    class Changed(Catalogue):
        def for_plan(self, plan_id: str, on: Any) -> Any:  # noqa: ANN401, ARG002 - as the base
            return profile_from_content(content)

    controller = Controller(
        store=rig.store,
        key=rig.installation.key,
        catalogue=Changed(),
        proofs=rig.services.proofs,
        test_points=FixedTestPoint(rig.place),
        clock=rig.clock,
    )
    request = rig.request(
        rig.enrolled(), purpose="install", mode=Mode.STANDARD, sheet_id=rig.sheet()
    )
    with pytest.raises(RefusalError) as refusal:
        controller.grant(request)
    assert refusal.value.code is Code.PROFILE_CHANGED


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"schema_version":1}', id="nothing but a version"),
        pytest.param(b'{"schema_version":2}', id="a version of the future"),
        pytest.param(b'{"a":1,"a":2}', id="a key twice"),
        pytest.param(b'{"a":NaN}', id="not a number"),
        pytest.param(b"[" * 3_000 + b"]" * 3_000, id="a well of brackets"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_a_payload_that_is_no_request_is_refused(rig: Rig, payload: bytes) -> None:
    data = seal(payload, PayloadType.SESSION_REQUEST, STRANGER_KEY)
    assert refused_bytes(rig, data).code is Code.SCHEMA_INVALID


def test_a_request_sealed_as_something_else_is_refused(rig: Rig) -> None:
    device = rig.stranger()
    request = session_request(
        purpose="selftest",
        sheet_id=None,
        agent_id=None,
        agent_key=device.key.public.text,
        address_tokens=(rig.proof(),),
    )
    data = seal(model_bytes(request), PayloadType.RECORD, device.key)
    assert refused_bytes(rig, data).code is Code.NOT_AN_ENVELOPE


def test_two_signatures_are_one_too_many(rig: Rig) -> None:
    device = rig.stranger()
    payload = parse_envelope(rig.request(device)).payload
    data = seal(payload, PayloadType.SESSION_REQUEST, device.key, STRANGER_KEY)
    assert refused_bytes(rig, data).code is Code.NOT_AN_ENVELOPE
