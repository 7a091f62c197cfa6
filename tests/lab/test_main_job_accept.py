"""`omega accept` over an emulated line: every verdict, on the sheet and as an exit code.

One server and one enrolled device serve all tests; each has its own sheet and gets the line as the
plan provisions it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.topology import Lab
from support import disturbances
from support.main_job import (
    LINK,
    MIN_BPS_DOWN,
    Omega,
    Ran,
    Site,
    restore,
)

WHOLE_TEST_S = 260  # what a standard test of a shipped plan may take, and some to spare

pytestmark = [pytest.mark.lab, pytest.mark.timeout(360)]


@pytest.fixture(scope="module")
def line() -> Iterator[Lab]:
    with Lab(LINK) as made:
        disturbances.give_second_address(made)
        yield made


def check_posted(site: Site, done: Ran, sheet: str, verdict: str, *, state: str) -> None:
    """Check that report, sheet and receipt say the same, and that nothing waits."""
    report = done.json
    assert (report["verdict"], report["verdict_by"]) == (verdict, "server"), done.stderr
    assert (report["posted"], report["waiting"], report["refused"]) == (True, False, None)
    assert report["receipt"]["record_digest"] == report["record_digest"]
    assert site.posted(sheet)[-1] == (report["record_digest"], verdict)
    assert site.case("sheets", sheet)["state"] == state


def test_a_line_that_keeps_the_plan_is_accepted(site: Site, omega: Omega) -> None:
    sheet = site.sheet()
    assert site.case("sheets", sheet)["state"] == "dispatched"
    file = site.folder / "record.json"
    done = omega.run_undisturbed("accept", "--sheet", sheet, "--json", "--save", file)
    assert done.code == 0, done.stderr
    check_posted(site, done, sheet, "pass", state="measured")
    assert omega.run("verify", file).code == 0
    measured = done.json["measurement"]
    assert measured["validity"] == []
    assert measured["metrics"]["goodput_bps_down"]["value"] > 3_500_000
    assert omega.outbox() == []


@pytest.mark.slow
def test_a_quick_look_is_inconclusive_and_leaves_the_sheet(site: Site, omega: Omega) -> None:
    sheet = site.sheet()
    done = omega.run_undisturbed("accept", "--sheet", sheet, "--quick", "--json")
    assert done.code == 11, done.stderr
    check_posted(site, done, sheet, "inconclusive", state="dispatched")


@pytest.mark.slow
def test_what_was_changed_on_the_line_opens_another_epoch_of_its_sheet(
    site: Site, omega: Omega
) -> None:
    sheet, file = site.sheet(), site.folder / "changed.json"
    what = "antenna turned to the south"
    first = omega.run_undisturbed("accept", "--sheet", sheet, "--json")
    accept = ("accept", "--sheet", sheet, "--changed", what, "--save", file, "--json")
    second = omega.run_undisturbed(*accept)
    assert (first.code, second.code) == (0, 0), second.stderr
    before, *repeated, after = site.case("sheets", sheet)["epochs"]
    assert before["changes"] == []
    assert all(each["changes"] == [what] for each in (*repeated, after))
    assert [(each["valid"], each["verdict"]) for each in (before, after)] == [(1, "pass")] * 2
    assert after["false_pass_bound_ppm"] > before["false_pass_bound_ppm"], "two chances"
    verified = omega.run("verify", file, "--json").json
    assert verified["standing"] == "valid_and_trusted"
    assert verified["record"]["session"]["changed"] == what


@pytest.mark.slow
def test_too_few_samples_are_inconclusive_and_the_sheet_is_measured(
    site: Site, omega: Omega, line: Lab
) -> None:
    """The line is lost in the last run, for so long that the run does not count."""
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase("goodput_up")
    line.link.cut()
    run.await_event("phase_ended", task="goodput_up", ended="link_lost")
    line.link.mend()
    done = run.finish()
    assert done.code == 11, done.stderr
    check_posted(site, done, sheet, "inconclusive", state="measured")


@pytest.mark.slow
def test_a_line_at_60_percent_of_the_minimum_is_rejected(
    site: Site, omega: Omega, line: Lab
) -> None:
    line.link.down.set(rate_bps=MIN_BPS_DOWN * 60 // 100)
    sheet = site.sheet()
    done = omega.run_undisturbed("accept", "--sheet", sheet, "--json")
    assert done.code == 10, done.stderr
    check_posted(site, done, sheet, "fail", state="measured")
    metrics = done.json["measurement"]["metrics"]
    assert metrics["goodput_bps_down"]["value"] < MIN_BPS_DOWN


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kernel", "user space"])
def test_a_tunnel_on_the_way_makes_the_run_invalid(site: Site, line: Lab, kind: str) -> None:
    site.host = disturbances.BEHIND_VPN
    try:
        omega = site.enrolled(f"laptop with vpn in {kind}")
    finally:
        site.host = line.server.v4
    restore(line)
    sheet = site.sheet()
    vpn = disturbances.kernel_tunnel if kind == "kernel" else disturbances.user_space_vpn
    with vpn(line) as made:
        if kind == "kernel" and made is None:
            pytest.skip("this kernel has no gre, ipip or vxlan")
        done = omega.run("accept", "--sheet", sheet, "--json")
    assert done.code == 12, done.stderr
    check_posted(site, done, sheet, "invalid", state="dispatched")
    assert done.own_faults == ["tunnel"]
    assert done.json["measurement"]["cost"]["bytes_down"] == 0, "it stops before data is spent"

    without = omega.run_undisturbed("accept", "--sheet", sheet, "--json")
    assert without.code == 0, "the same device with the VPN switched off"
    check_posted(site, without, sheet, "pass", state="measured")


@pytest.mark.slow
@pytest.mark.parametrize(
    "udp_bps",
    [pytest.param(None, id="a TCP download"), pytest.param(400_000, id="a tenth of it by UDP")],
)
def test_other_traffic_from_the_start_makes_the_run_invalid(
    site: Site, omega: Omega, line: Lab, udp_bps: int | None
) -> None:
    sheet = site.sheet()
    with disturbances.other_flow(line.server, line.customer, udp_bps=udp_bps):
        done = omega.run("accept", "--sheet", sheet, "--json")
    assert done.code == 12, done.stderr
    check_posted(site, done, sheet, "invalid", state="dispatched")
    assert done.own_faults == ["cross_traffic"]
    assert done.json["measurement"]["cost"]["bytes_down"] == 0, "it stops before data is spent"


@pytest.mark.slow
@pytest.mark.parametrize("task", ["idle", "goodput_down", "goodput_up"])
def test_other_traffic_that_begins_later_makes_the_run_invalid(
    site: Site, omega: Omega, line: Lab, task: str
) -> None:
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase(task)
    with disturbances.other_flow(line.server, line.customer, udp_bps=800_000):
        done = run.finish()
    assert done.code == 12, done.stderr
    check_posted(site, done, sheet, "invalid", state="dispatched")
    assert done.own_faults == ["cross_traffic"]
    counts = site.case("sheets", sheet)["counts"]
    assert counts == {"attempts": 1, "missing": 0, "valid": 0, "invalid": 1}


@pytest.mark.slow
def test_a_dead_line_is_told_later_and_stands_on_the_sheet(
    site: Site, omega: Omega, line: Lab
) -> None:
    sheet = site.sheet()
    line.link.cut()
    done = omega.run("accept", "--sheet", sheet, "--json")
    assert done.code == 69, done.stderr
    report = done.json
    assert (report["posted"], report["waiting"], report["verdict"]) == (False, True, None)
    assert report["no_grant_reason"]
    assert site.posted(sheet) == []
    assert omega.outbox() == [report["record_digest"]]
    still = omega.run("outbox", "send", "--json")
    assert (still.code, still.json["waiting"]) == (69, 1)

    line.link.mend()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [report["record_digest"]]), sent.stderr
    assert site.posted(sheet) == [(report["record_digest"], None)]
    case = site.case("sheets", sheet)
    assert case["state"] == "dispatched", "a record without a grant moves no sheet"
    assert not case["records"][0]["granted"]
    assert omega.outbox() == []


@pytest.mark.slow
def test_the_next_run_takes_along_what_waits(site: Site, omega: Omega, line: Lab) -> None:
    sheet = site.sheet()
    line.link.cut()
    dead = omega.run("accept", "--sheet", sheet, "--json")
    line.link.mend()
    done = omega.run("accept", "--sheet", sheet, "--json")
    assert (dead.code, done.code) == (69, 0), done.stderr
    assert done.last_line == "Earlier records posted too: 1."
    assert [digest for digest, _ in site.posted(sheet)] == [
        done.json["record_digest"],
        dead.json["record_digest"],
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_plan_of_the_demo_is_kept_by_the_line_it_was_made_for(
    site: Site, omega: Omega, line: Lab
) -> None:
    """WMX-HOME-2M as it is shipped, in mode standard, and 60 % of its minimum."""
    whose = site.subscriber(plan="WMX-HOME-2M")
    sheet = site.sheet(whose)
    line.link.down.set(rate_bps=2_048_000)
    line.link.up.set(rate_bps=524_000)
    done = omega.run_undisturbed("accept", "--sheet", sheet, "--json", timeout_s=WHOLE_TEST_S)
    assert done.code == 0, done.stderr
    check_posted(site, done, sheet, "pass", state="measured")
    line.link.down.set(rate_bps=800_000 * 60 // 100)
    slow = omega.run_undisturbed("accept", "--sheet", sheet, "--json", timeout_s=WHOLE_TEST_S)
    assert slow.code == 10, slow.stderr
    check_posted(site, slow, sheet, "fail", state="measured")
