"""What happens to the line, the test point or the ports while a device measures.

Each ends with a record that says what was measured and why the rest was not; it is posted when the
server can be reached, and nothing breaks.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from lab.host import Host
from lab.topology import Lab
from support.main_job import Json, Omega, Ran, Site, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(360)]

SEED = 20261121
TCP_GARBAGE = (
    b"",
    b"\0" * 64,
    b"\xff" * 64,
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
    b"\0\0\0\x05hello",
    b"\0\0\0\x02{}",
)


def ends(done: Ran) -> dict[str, str]:
    """Return how each task that has metrics of its own ended, by what its metrics say."""
    metrics: Json = done.json["measurement"]["metrics"]
    names = {"idle": "idle_rtt_us_p50", "down": "goodput_bps_down", "up": "goodput_bps_up"}
    return {
        task: "measured" if metrics[name]["value"] is not None else metrics[name]["reason"]
        for task, name in names.items()
    }


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("idle", {"idle": "measured", "down": "link_lost", "up": "link_lost"}),
        ("goodput_down", {"idle": "measured", "up": "link_lost"}),
        ("goodput_up", {"idle": "measured", "down": "measured"}),
    ],
)
def test_a_line_that_is_cut_leaves_a_record_that_arrives_later(
    site: Site, omega: Omega, line: Lab, task: str, told: dict[str, str]
) -> None:
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase(task)
    run.await_event("phase_progress", task=task)
    line.link.cut()
    done = run.finish()
    assert done.code == 11, done.stderr
    assert "Traceback" not in done.stderr
    assert told.items() <= ends(done).items(), done.json["measurement"]["metrics"]
    assert (done.json["posted"], done.json["waiting"]) == (False, True)
    assert done.json["not_posted_reason"]
    assert site.posted(sheet) == []

    line.link.mend()
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [done.json["record_digest"]]), sent.stderr
    assert site.posted(sheet) == [(done.json["record_digest"], "inconclusive")]


def test_a_short_outage_is_measured_as_loss(site: Site, omega: Omega, line: Lab) -> None:
    """Half a second without a line in the idle phase: lost packets, a verdict, no accident."""
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase("idle")
    run.await_event("phase_progress", task="idle")
    line.link.cut()
    run.await_event("phase_progress", task="idle")
    run.await_event("phase_progress", task="idle")
    line.link.mend()
    done = run.finish()
    assert done.code in {10, 11}, "lost by the plan's measure, or too few to say so"
    assert done.json["posted"], done.stderr
    assert ends(done) == {"idle": "measured", "down": "measured", "up": "measured"}
    metrics = done.json["measurement"]["metrics"]
    assert metrics["loss_ppm_up"]["value"] + metrics["loss_ppm_down"]["value"] > 10_000


@pytest.mark.parametrize("task", ["idle", "goodput_down"])
def test_a_test_point_that_dies_leaves_a_record_on_the_sheet(
    site: Site, omega: Omega, task: str
) -> None:
    """The server is still there, so the record is posted at once; the test point comes back."""
    sheet = site.sheet()
    run = omega.start("accept", "--sheet", sheet, "--json")
    run.await_phase(task)
    victims = site.test_point_processes()
    assert len(victims) >= 2, "a host and its children"
    for pid in victims:
        with suppress(ProcessLookupError):  # it has ended with its parent
            os.kill(pid, signal.SIGKILL)
    done = run.finish()
    assert done.code == 11, done.stderr
    assert "Traceback" not in done.stderr
    assert ends(done)["up"] == "test_point_lost"
    assert done.json["posted"]
    assert site.posted(sheet) == [(done.json["record_digest"], "inconclusive")]

    assert site.is_well()
    wait_until(lambda: len(site.test_point_processes()) >= 2, 60)
    again = omega.run_undisturbed("accept", "--sheet", sheet, "--quick", "--json")
    assert again.json["measurement"]["validity"] == [], again.json["measurement"]["environment"]
    assert again.code == 11, again.stderr
    assert ends(again) == {"idle": "measured", "down": "measured", "up": "measured"}


@contextmanager
def garbage(sender: Host, site: Site) -> Iterator[list[int]]:
    """Send rubbish to every port of the server, until the block ends; give how much was sent."""
    place = site.announced["test_point"]
    tcp_ports, udp_port = (site.port, place["tcp_port"]), place["udp_port"]
    seeded = random.Random(SEED)  # noqa: S311 - rubbish, no secret
    ended, sent = threading.Event(), [0, 0]

    def send() -> None:
        with sender.entered():
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with datagrams:
                datagrams.connect((site.host, udp_port))
                while not ended.wait(0.05):
                    with suppress(OSError):
                        datagrams.send(
                            seeded.randbytes(seeded.choice((0, 1, 13, 43, 44, 112, 200)))
                        )
                        sent[0] += 1
                    if sent[0] % 4 == 0:
                        address = (site.host, seeded.choice(tcp_ports))
                        with suppress(OSError), socket.create_connection(address, 1) as stream:
                            stream.sendall(seeded.choice(TCP_GARBAGE))
                            sent[1] += 1

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("sender", ["server", "customer"])
def test_garbage_on_every_port_disturbs_no_measurement(
    site: Site, omega: Omega, line: Lab, sender: str
) -> None:
    """From a stranger near the server, and from the very host that measures.

    So little that it is no traffic worth speaking of; most of it is cut short.
    """
    sheet = site.sheet()
    with garbage(line.server if sender == "server" else line.customer, site) as sent:
        done = omega.run("accept", "--sheet", sheet, "--json")
    assert done.code == 0, done.stdout + done.stderr
    assert site.posted(sheet) == [(done.json["record_digest"], "pass")]
    assert site.is_well()
    assert sent[0] > 50
    assert sent[1] > 10
