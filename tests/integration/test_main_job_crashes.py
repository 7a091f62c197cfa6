"""kill -9 in the middle of the main job: what has a receipt is stored, what has none is sent once.

Over loopback, with the installed programs. Records are real runs that Ctrl-C ended right after they
had begun: sealed, granted, waiting in the outbox.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.main_job import Omega, Site, leave_waiting, site_on_loopback, wait_until

pytestmark = pytest.mark.slow  # each of its steps is a process

DEVICES = 4
RECORDS_EACH = 5
POSTS = DEVICES * RECORDS_EACH
RECEIPTS_BEFORE_THE_KILL = 6


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_on_loopback(tmp_path) as started:
        yield started


def fill_outbox(omega: Omega, sheet: str) -> list[str]:
    return [leave_waiting(omega, sheet) for _ in range(RECORDS_EACH)]


def kept(omega: Omega) -> set[str]:
    """Return the digests of the records that got a receipt, as the device keeps them."""
    return {path.name.partition(".")[0] for path in (omega.home / "records").glob("[0-9a-f]*")}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_of_the_server_during_20_posts_loses_and_doubles_nothing(site: Site) -> None:
    sheet = site.sheet()
    devices = [site.enrolled(f"laptop {number}") for number in range(DEVICES)]
    with ThreadPoolExecutor(DEVICES) as pool:
        sealed = {
            each
            for got in pool.map(lambda omega: fill_outbox(omega, sheet), devices)
            for each in got
        }
    assert len(sealed) == POSTS
    assert site.posted(sheet) == []

    sending = [omega.start_plain("outbox", "send", "--json") for omega in devices]
    wait_until(lambda: sum(len(kept(omega)) for omega in devices) >= RECEIPTS_BEFORE_THE_KILL)
    site.kill()
    codes = [run.finish().code for run in sending]
    with_receipt = set().union(*(kept(omega) for omega in devices))
    waiting = set().union(*(set(omega.outbox()) for omega in devices))
    assert with_receipt | waiting == sealed, "every record is in one of two places"
    assert not with_receipt & waiting
    assert RECEIPTS_BEFORE_THE_KILL <= len(with_receipt) < POSTS, "it died in the middle"
    assert 69 in codes

    site.start()
    stored = {digest for digest, _ in site.posted(sheet)}
    assert with_receipt <= stored <= sealed
    for omega in devices:
        sent = omega.run("outbox", "send", "--json")
        assert sent.code == 0, sent.stderr
    times = Counter(digest for digest, _ in site.posted(sheet))
    assert times == Counter(sealed), "each of them once"
    assert set().union(*(kept(omega) for omega in devices)) == sealed
    counts = site.case("sheets", sheet)["counts"]
    assert (counts["attempts"], counts["missing"]) == (POSTS, 0)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_kill_9_of_the_agent_between_sealing_and_posting_delivers_exactly_one(site: Site) -> None:
    """The server is stopped, not dead: the record may be on its way when the agent dies."""
    sheet, omega = site.sheet(), site.enrolled("laptop")
    assert site.process is not None
    run = omega.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("goodput_up")
    site.process.send_signal(signal.SIGSTOP)
    wait_until(omega.waiting_files)
    run.signal(signal.SIGKILL)
    killed = run.finish()
    assert (killed.code, killed.stdout) == (-signal.SIGKILL, "")
    site.process.send_signal(signal.SIGCONT)

    (digest,) = omega.outbox()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"], sent.json["waiting"]) == (0, [digest], 0)
    assert site.posted(sheet) == [(digest, "inconclusive")]
    again = omega.run("outbox", "send", "--json")
    assert (again.code, again.json["posted"]) == (0, [])
    assert site.posted(sheet) == [(digest, "inconclusive")]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_kill_9_of_the_agent_while_it_measures_leaves_an_attempt_without_a_record(
    site: Site,
) -> None:
    """Nothing is half-written, the sheet tells that one is missing, and the next run is whole."""
    sheet, omega = site.sheet(), site.enrolled("laptop")
    run = omega.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("goodput_down")
    run.signal(signal.SIGKILL)
    run.finish()
    assert omega.outbox() == []
    assert site.case("sheets", sheet)["counts"]["missing"] == 1
    done = omega.run("accept", "--sheet", sheet, "--quick", "--json")
    assert done.code == 11, done.stderr
    assert site.posted(sheet) == [(done.json["record_digest"], "inconclusive")]
    counts = site.case("sheets", sheet)["counts"]
    assert (counts["attempts"], counts["missing"]) == (2, 1), "no attempt can hide"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_kill_9_of_the_server_while_a_device_measures_keeps_the_record(site: Site) -> None:
    """The test point dies with its server; what was measured until then waits."""
    sheet, omega = site.sheet(), site.enrolled("laptop")
    run = omega.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("idle")
    site.kill()
    done = run.finish()
    assert done.code in {11, 69}, done.stderr
    assert "Traceback" not in done.stderr
    (digest,) = omega.outbox()
    assert digest == done.json["record_digest"]
    site.start()
    assert site.posted(sheet) == []
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [digest])
    assert [each for each, _ in site.posted(sheet)] == [digest]
