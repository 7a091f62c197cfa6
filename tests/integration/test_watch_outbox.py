"""What a watch has sealed waits in an outbox of its own, and is posted with everything else."""

from __future__ import annotations

import pytest

from omega_agent.availability.keeping import WatchKeeper
from omega_agent.device import Device, enrolled_device
from omega_agent.home import Home
from omega_agent.outbox_directory import DirectoryOutbox
from omega_core import limits
from omega_core.availability import Attempts, Watched
from omega_core.availability_record import AvailabilityRecord
from omega_core.canonical import digest_hex
from omega_core.clock import SystemClock
from omega_core.envelope import PayloadType, seal
from omega_core.errors import ExitCode
from omega_core.models import model_bytes
from omega_core.record import AgentRef
from omega_core.units import US_PER_S
from support.main_job import Omega, Site, leave_waiting


@pytest.fixture
def home(omega: Omega) -> Home:
    return Home(omega.home)


@pytest.fixture
def device(home: Home) -> Device:
    return enrolled_device(home)


def kept(home: Home, device: Device, seq: int = 0) -> str:
    """Leave a record of a watch waiting; return its digest."""
    now_us = SystemClock().unix_us()
    kid = device.key.public.kid
    record = AvailabilityRecord(
        agent=AgentRef(id=str(device.agent_id), kid=kid, software="omega test"),
        test_point="tp-1",
        seq=seq,
        prev=None,
        closed="day",
        period_us=limits.WATCH_PERIOD_US,
        waiting_us=limits.WATCH_WAIT_US,
        clock_step_us=0,
        watched=Watched(
            started_us=now_us - 60 * US_PER_S,
            ended_us=now_us,
            outages=(),
            gaps=(),
            attempts=Attempts(answered=60),
        ),
    )
    payload = model_bytes(record)
    digest = digest_hex(payload)
    told: list[str] = []
    assert device.server_key is not None
    home.availability.mkdir(exist_ok=True)
    outbox = DirectoryOutbox(home.watch_outbox)
    keeper = WatchKeeper(outbox, device, device.server_key, tell=told.append)
    envelope = seal(payload, PayloadType.AVAILABILITY, device.key)
    keeper.put(digest, envelope)
    keeper.put(digest, envelope)
    assert told == [digest], "the same again changes nothing"
    return digest


def test_it_is_listed_and_sent_like_a_measurement(
    site: Site, omega: Omega, home: Home, device: Device
) -> None:
    digest = kept(home, device)
    (waiting,) = omega.run("outbox", "--json").json["waiting"]
    assert (waiting["digest"], waiting["purpose"]) == (digest, "availability")
    assert digest in omega.run("outbox").stdout
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"], sent.json["waiting"]) == (0, [digest], 0)
    verified = omega.run("verify", home.watch_records / f"{digest}.json", "--json")
    assert (verified.code, verified.json["standing"]) == (0, "valid_and_trusted")
    assert verified.json["log"] is not None
    assert site.call("GET", f"/v1/records/{digest}")["receipt"] is not None


@pytest.mark.slow
def test_both_outboxes_are_sent_and_a_server_that_is_away_keeps_both(
    site: Site, omega: Omega, home: Home, device: Device
) -> None:
    measured = leave_waiting(omega, site.sheet())
    watched = kept(home, device, seq=1)
    site.stop()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"], sent.json["waiting"]) == (ExitCode.UNAVAILABLE, [], 2)
    site.start()
    sent = omega.run("outbox", "send", "--wait", "20", "--json")
    assert (sent.code, set(sent.json["posted"])) == (0, {measured, watched})
