"""The daemon's availability watch over an emulated line that is cut."""

from __future__ import annotations

import pytest

from lab.topology import Lab
from omega_core.availability import Unwatched
from omega_core.units import US_PER_S
from support.daemons import Daemon, resident
from support.main_job import Omega, Site
from support.watched_line import Planned, chain_to, cut, reported, watched

_DOWN_S = 5.0

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(300)]


def test_each_outage_is_found_and_its_true_duration_is_inside_its_bounds(
    site: Site, line: Lab
) -> None:
    plan = [Planned(6.0, 2.0), Planned(6.5, 7.3), Planned(4.2, 3.6), Planned(7.1, 21.0)]
    found = watched(line, site, plan)
    assert found.faults() == []
    assert {gap.cause for gap in found.watched.gaps} <= {Unwatched.STOPPED}, "before it began"
    assert found.records >= 2, "the first outage was posted when it was over"


@pytest.fixture
def device(site: Site) -> Omega:
    return resident(site, "box")


def test_what_was_seen_is_told_on_request_and_after_an_outage(
    site: Site, line: Lab, device: Omega
) -> None:
    with Daemon(device) as daemon:
        agent_id = daemon.await_said("daemon_starts")["agent"]
        daemon.await_said("daemon_watches")
        first = reported(site, agent_id)
        truth = cut(line, _DOWN_S)
        down = daemon.await_said("daemon_was_down")
        last = reported(site, agent_id)
        page = site.call("GET", f"/v1/lines/{site.someone}")
        told = site.call("GET", f"/v1/lines/{site.someone}/availability")
    assert float(down["least_s"]) * US_PER_S <= truth.most_us
    assert truth.least_us <= float(down["most_s"]) * US_PER_S
    records = chain_to(site, last)
    assert [record.closed for record in records] == ["requested", "outage", "requested"]
    assert records[1].prev == first
    assert [outage.is_sure for outage in records[1].watched.outages] == [True]
    assert device.outbox() == []
    (outage,) = records[1].watched.outages
    assert page["known_now"] == "connected"
    assert page["last_outage"]["outage"]["since_unix_us"] == outage.since_us
    assert outage.since_us in {each["since_unix_us"] for each in told["outages"]}
