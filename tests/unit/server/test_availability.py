"""Standing grants and availability records at the server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core import limits
from omega_core.availability import Attempts, SeenOutage, Watched
from omega_core.availability_record import AvailabilityRecord
from omega_core.control import Receipt
from omega_core.envelope import PayloadType, open_sealed, parse_envelope, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes, parse_model
from omega_core.record import AgentRef
from omega_core.standing import StandingGrant, StandingRequest
from omega_core.units import US_PER_S
from omega_server.refusals import RefusalError
from support.server_rig import Device, Rig

NONCE = "n" * 16
WATCHED = Watched(
    started_us=1_000,
    ended_us=90_000,
    outages=(
        SeenOutage(
            since_us=2_000,
            first_failed_us=3_000,
            last_failed_us=4_000,
            until_us=5_000,
            round_trip_us=10,
        ),
    ),
    gaps=(),
    attempts=Attempts(answered=80, failed=2),
)


def request_of(device: Device, **changes: Any) -> bytes:  # noqa: ANN401 - fields
    fields = {
        "agent_id": device.agent_id,
        "agent_key": device.key.public.text,
        "nonce": NONCE,
        "requested_unix_us": 0,
        **changes,
    }
    request = StandingRequest(**fields)
    return seal(model_bytes(request), PayloadType.STANDING_REQUEST, device.key)


def record_of(device: Device, watched: Watched = WATCHED, **changes: Any) -> bytes:  # noqa: ANN401
    fields = {
        "agent": AgentRef(id=device.agent_id, kid=device.key.public.kid, software="omega test"),
        "test_point": "tp-1",
        "seq": 0,
        "prev": None,
        "closed": "day",
        "period_us": limits.WATCH_PERIOD_US,
        "waiting_us": limits.WATCH_WAIT_US,
        "clock_step_us": 0,
        "watched": watched,
        **changes,
    }
    return seal(model_bytes(AvailabilityRecord(**fields)), PayloadType.AVAILABILITY, device.key)


def digest_of(envelope: bytes) -> str:
    return parse_envelope(envelope).payload_digest


def refused(error: pytest.ExceptionInfo[RefusalError]) -> str:
    return str(error.value.code)


def test_an_enrolled_device_may_watch_for_weeks_whatever_its_clock_says(rig: Rig) -> None:
    device = rig.enrolled()
    envelope = rig.services.availability.grant(request_of(device))
    server_key = rig.services.key.public
    payload = open_sealed(
        parse_envelope(envelope), PayloadType.STANDING_GRANT, {server_key.kid: server_key}
    )
    grant = parse_model(StandingGrant, payload)
    assert (grant.agent_key, grant.nonce) == (device.key.public.text, NONCE)
    life_us = grant.not_after_unix_us - rig.services.clock.unix_us()
    assert life_us == limits.STANDING_GRANT_LIFE_S * US_PER_S


def test_a_device_nobody_enrolled_and_one_that_names_another_get_no_leave(rig: Rig) -> None:
    device = rig.enrolled()
    stranger = Device(SigningKey.generate(), "cpe-none")
    with pytest.raises(RefusalError) as error:
        rig.services.availability.grant(request_of(stranger))
    assert refused(error) == "agent_unknown"
    with pytest.raises(RefusalError) as error:
        rig.services.availability.grant(request_of(device, agent_id="somebody-else"))
    assert refused(error) == "key_mismatch"


def test_a_record_is_logged_and_receipted_once(rig: Rig) -> None:
    data = record_of(rig.enrolled())
    posted = rig.services.availability.post(data, digest_of(data))
    again = rig.services.availability.post(data, digest_of(data))
    assert posted.is_new
    assert not again.is_new
    assert again.row == posted.row
    assert posted.row.envelope == data
    receipt = parse_model(Receipt, parse_envelope(posted.row.receipt).payload)
    assert receipt.record_digest == digest_of(data)
    assert receipt.log is not None
    assert rig.services.store.log.index_of(digest_of(data)) == receipt.log.index


def test_a_record_under_another_digest_or_name_is_refused(rig: Rig) -> None:
    device = rig.enrolled()
    data = record_of(device)
    with pytest.raises(RefusalError) as error:
        rig.services.availability.post(data, "0" * 64)
    assert refused(error) == "idempotency_mismatch"
    other = record_of(
        device, agent=AgentRef(id="cpe-9", kid=device.key.public.kid, software="omega")
    )
    with pytest.raises(RefusalError) as error:
        rig.services.availability.post(other, digest_of(other))
    assert refused(error) == "key_mismatch"


def test_a_measurement_record_is_not_taken_for_one_and_the_reverse(rig: Rig) -> None:
    data = record_of(rig.enrolled())
    with pytest.raises(RefusalError) as error:
        rig.services.collector.post(data, digest_of(data))
    assert refused(error) == "not_an_envelope"


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_us": 1_000},
        {"outages": (replace(WATCHED.outages[0], first_failed_us=4_500),)},
        {"outages": (replace(WATCHED.outages[0], until_us=3_500),)},
        {"outages": WATCHED.outages * 2},
    ],
    ids=[
        "a window without time",
        "attempts out of order",
        "over before its last failed attempt",
        "an outage counted twice",
    ],
)
def test_no_record_states_what_no_watch_can_have_seen(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"window|outage"):
        record_of(Device(SigningKey.generate(), "cpe-1"), replace(WATCHED, **changes))
