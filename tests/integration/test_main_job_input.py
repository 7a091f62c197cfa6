"""Wrong input to the main job: one clear line, the documented code, nothing lost, nothing halved.

Over loopback, with the installed programs; what needs a line stands in tests/lab.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from omega_core.canonical import digest_hex
from omega_core.control import Refusal
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.keys import SigningKey
from omega_core.limits import ENVELOPE_BYTES_MAX
from omega_core.models import parse_model
from support.disturbances import fill, small_disk
from support.main_job import Omega, Ran, Site, leave_waiting, site_on_loopback

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SEED = 20261121
FLIPS = 60


def check_refused(done: Ran, code: int, *words: str) -> None:
    """Check the exit code, and that the last word is one line which says what and who."""
    assert done.code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if line.startswith("omega: ")]
    assert said == [done.last_line], done.stderr
    for word in words:
        assert word in said[0]
    assert said[0].endswith(")"), "it says who can mend it"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("nonsense", id="no URL"),
        pytest.param("ftp://127.0.0.1", id="another scheme"),
        pytest.param("http://127.0.0.1:0", id="port 0"),
        pytest.param("http://user:secret@127.0.0.1", id="a password in it"),
    ],
)
def test_a_bad_url_is_refused_before_anything_is_tried(site: Site, url: str) -> None:
    stranger = site.device("nobody")
    done = stranger.run("measure", "--server", url, "--json")
    check_refused(done, 64, "is not the address of a server")
    assert not stranger.home.exists()


@contextmanager
def somebody_else(answer: bytes) -> Iterator[int]:
    """Listen on a port, and answer whatever comes with the same octets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with suppress(TimeoutError), listener.accept()[0] as connection, suppress(OSError):
                    connection.settimeout(1)
                    connection.recv(4_096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def check_no_session(done: Ran, *words: str) -> None:
    """Check that a measurement without a session is still one JSON object, and says why."""
    assert done.code == 69, done.stderr
    assert "Traceback" not in done.stderr
    assert done.last_line.startswith("No session could be had: ")
    for word in words:
        assert word in done.last_line
    metrics = done.json["metrics"]
    assert {metric["reason"] for metric in metrics.values() if metric["value"] is None} <= {
        "no_grant",
        "not_measured",
    }
    assert done.json["environment"]["kernel"]


def test_a_port_where_nobody_listens(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = site.device("nobody").run("measure", "--server", f"http://127.0.0.1:{port}", "--json")
    check_no_session(done, "every attempt to reach", str(port))


def test_a_name_that_does_not_resolve(site: Site) -> None:
    done = site.device("nobody").run("measure", "--server", "http://omega.invalid", "--json")
    check_no_session(done, "omega.invalid")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"220 mail.example ESMTP\r\n", id="a mail server"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", id="another web server"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\nContent-Length: 0\r\n\r\n",
            id="a portal",
            marks=pytest.mark.slow,
        ),
        pytest.param(bytes(range(256)) * 64, id="garbage", marks=pytest.mark.slow),
        pytest.param(b"", id="one that hangs up", marks=pytest.mark.slow),
    ],
)
def test_a_port_where_something_else_listens(site: Site, answer: bytes) -> None:
    with somebody_else(answer) as port:
        url = f"http://127.0.0.1:{port}"
        done = site.device("nobody").run("measure", "--server", url, "--json")
    check_no_session(done)
    assert done.json["session"]["server"] == url


def test_a_sheet_nobody_made(omega: Omega) -> None:
    done = omega.run("accept", "--sheet", "FI-2020-000001", "--json")
    check_refused(done, 64, "FI-2020-000001")
    assert omega.outbox() == []


@pytest.mark.slow
def test_a_ticket_nobody_opened(omega: Omega) -> None:
    check_refused(omega.run("diagnose", "--ticket", "TT-2020-000001"), 64, "TT-2020-000001")


@pytest.mark.slow
def test_a_plan_nobody_sells(omega: Omega, site: Site) -> None:
    done = omega.run("test", "--server", site.url, "--plan", "NO-SUCH-PLAN")
    check_refused(done, 64, "NO-SUCH-PLAN")


@pytest.mark.slow
def test_a_sheet_whose_plan_is_not_activated_and_then_is(site: Site, omega: Omega) -> None:
    whose = site.subscriber(activated=False)
    sheet = site.sheet(whose)
    assert site.case("sheets", sheet)["state"] == "draft"
    done = omega.run("accept", "--sheet", sheet)
    check_refused(done, 64, "no activated plan", "back office")
    assert site.case("sheets", sheet)["counts"]["attempts"] == 0
    site.operate("subscriber", "activate", whose)
    assert site.case("sheets", sheet)["state"] == "dispatched"
    leave_waiting(omega, sheet)
    assert site.case("sheets", sheet)["counts"]["attempts"] == 1, "now it is granted"
    assert omega.run("outbox", "send").code == 0


def test_a_device_that_is_not_enrolled(site: Site) -> None:
    check_refused(site.device("nobody").run("accept", "--sheet", "FI-2026-000001"), 64, "enrol")


@pytest.fixture
def unposted(site: Site) -> tuple[bytes, str, Omega]:
    """A sealed record that nobody has posted, its sheet, and the device that has it."""
    sheet = site.sheet()
    omega = site.enrolled(f"laptop for {sheet}")
    leave_waiting(omega, sheet)
    (file,) = omega.waiting_files()
    record = json.loads(file.read_bytes())["bundle"]["record"].encode()
    return record, sheet, omega


def post(site: Site, envelope: bytes, *, digest: str | None = None) -> tuple[int, bytes]:
    """Post a record as a device does; its digest is that of its payload, if it has one."""
    if digest is None:
        digest = digest_hex(parse_envelope(envelope).payload)
    return site.ask("POST", "/v1/records", envelope, {"Idempotency-Key": digest})


@pytest.mark.slow
def test_a_record_posted_50_times_at_once_is_stored_once(
    site: Site, unposted: tuple[bytes, str, Omega]
) -> None:
    record, sheet, omega = unposted
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(site, record), range(50)))
    statuses = sorted(status for status, _ in answers)
    assert set(statuses) <= {200, 201, 409, 503}, statuses
    assert statuses.count(201) == 1
    receipts = {content for status, content in answers if status in {200, 201}}
    assert len(receipts) == 1, "the same receipt for everybody"
    assert post(site, record) == (200, receipts.pop()), "and for whoever comes later"
    assert len(site.posted(sheet)) == 1
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, len(sent.json["posted"])) == (0, 1), "the device learns of it too"
    assert len(site.posted(sheet)) == 1


@pytest.mark.slow
def test_a_record_with_a_flipped_bit_is_refused_and_the_true_one_taken(
    site: Site, unposted: tuple[bytes, str, Omega]
) -> None:
    record, sheet, omega = unposted
    seeded = random.Random(SEED)  # noqa: S311 - places to change, no secret
    digest = digest_hex(parse_envelope(record).payload)
    for _ in range(FLIPS):
        place, bit = seeded.randrange(len(record)), 1 << seeded.randrange(8)
        flipped = bytearray(record)
        flipped[place] ^= bit
        status, content = post(site, bytes(flipped), digest=digest)
        assert 400 <= status < 500, (place, bit)
        assert parse_model(Refusal, content).code
    assert site.posted(sheet) == []
    assert omega.run("outbox", "send").code == 0
    assert [each for each, _ in site.posted(sheet)] == [digest]


@pytest.mark.slow
def test_a_record_of_an_unknown_key_or_too_large_is_refused(
    site: Site, unposted: tuple[bytes, str, Omega]
) -> None:
    record, sheet, _ = unposted
    payload = parse_envelope(record).payload
    status, content = post(site, seal(payload, PayloadType.RECORD, SigningKey.generate()))
    assert 400 <= status < 500
    assert parse_model(Refusal, content).code in {"agent_unknown", "key_mismatch"}
    padded = record + b" " * (ENVELOPE_BYTES_MAX + 1 - len(record))
    status, content = post(site, padded, digest=digest_hex(payload))
    assert (status, parse_model(Refusal, content).code) == (413, "too_large")
    assert site.posted(sheet) == []


@pytest.mark.slow
def test_a_revoked_device_is_told_and_its_record_is_set_aside(
    site: Site, unposted: tuple[bytes, str, Omega]
) -> None:
    _, sheet, omega = unposted
    agent_id = json.loads((omega.home / "identity.json").read_text())["agent_id"]
    site.operate("agent", "revoke", agent_id, "--reason", "stolen")
    check_refused(omega.run("accept", "--sheet", sheet), 64, "revoked")
    sent = omega.run("outbox", "send", "--json")
    assert sent.code == 64
    assert list(sent.json["refused"].values()) == ["agent_revoked"]
    listed = omega.run("outbox", "--json").json
    assert listed["waiting"] == []
    assert [each["reason"] for each in listed["refused"]] == ["agent_revoked"], "kept, not lost"
    assert site.posted(sheet) == []


@pytest.mark.slow
def test_a_damaged_file_of_the_outbox_is_set_aside(unposted: tuple[bytes, str, Omega]) -> None:
    _, _, omega = unposted
    (file,) = omega.waiting_files()
    file.write_bytes(file.read_bytes()[:-100])
    sent = omega.run("outbox", "send", "--json")
    assert (sent.code, list(sent.json["refused"].values())) == (64, ["item_damaged"])
    assert len(list((omega.home / "outbox" / "refused").iterdir())) == 1


@pytest.fixture
def small_home(site: Site, tmp_path: Path) -> Iterator[Omega]:
    """An enrolled device whose home is a file system of its own, of one megabyte."""
    with small_disk(site.folder / tmp_path.name, 1 << 20):
        yield site.enrolled(tmp_path.name)


@pytest.mark.slow
def test_a_disk_that_is_full_from_the_start_stops_the_run_before_it_costs(
    site: Site, small_home: Omega
) -> None:
    sheet = site.sheet()
    ballast = fill(small_home.home)
    before = {path: path.read_bytes() for path in small_home.home.glob("*.json")}
    check_refused(small_home.run("accept", "--sheet", sheet, "--quick"), 74, "space")
    assert {path: path.read_bytes() for path in small_home.home.glob("*.json")} == before
    assert site.posted(sheet) == []
    ballast.unlink()
    leave_waiting(small_home, sheet)
    assert small_home.run("outbox", "send").code == 0


@pytest.mark.slow
def test_a_disk_that_fills_up_meanwhile_does_not_keep_a_record_from_the_sheet(
    site: Site, small_home: Omega
) -> None:
    sheet = site.sheet()
    run = small_home.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("idle")
    fill(small_home.home)
    done = run.finish()
    assert done.code == 11, done.stderr
    assert done.json["posted"]
    assert site.posted(sheet) == [(done.json["record_digest"], "inconclusive")]
    assert not list(small_home.home.rglob("*.draft")), "nothing half-written"
    assert small_home.outbox() == []


@pytest.mark.slow
def test_a_full_disk_and_a_server_that_is_gone_are_said_to_have_lost_the_record(
    site: Site, small_home: Omega
) -> None:
    sheet = site.sheet()
    run = small_home.start("accept", "--sheet", sheet, "--quick", "--json")
    run.await_phase("goodput_up")
    fill(small_home.home)
    site.kill()
    done = run.finish()
    site.start()
    assert done.code == 74, done.stderr
    assert "Traceback" not in done.stderr
    assert done.last_line.startswith("omega: ")
    assert not done.json["posted"]
    assert not done.json["waiting"]
    assert not list(small_home.home.rglob("*.draft"))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_full_disk_under_the_store_keeps_records_waiting(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 16 << 20) as disk,
        site_on_loopback(tmp_path, data=disk / "server") as site,
    ):
        omega, sheet = site.enrolled("laptop"), site.sheet()
        run = omega.start("accept", "--sheet", sheet, "--quick", "--json")
        run.await_phase("idle")
        ballast = fill(disk)
        done = run.finish()
        assert (done.code, done.json["verdict_by"]) == (11, "agent"), done.stderr
        assert (done.json["posted"], done.json["waiting"]) == (False, True)
        digest = done.json["record_digest"]
        assert omega.outbox() == [digest]
        check_refused(omega.run("accept", "--sheet", sheet, "--quick"), 69, "store")
        still = omega.run("outbox", "send", "--json")
        assert (still.code, still.json["waiting"]) == (69, 1)

        ballast.unlink()
        sent = omega.run("outbox", "send", "--json")
        assert (sent.code, sent.json["posted"]) == (0, [digest]), sent.stderr
        assert site.posted(sheet) == [(digest, "inconclusive")]
        assert site.is_well()
