"""The `omega` command as a process: what is typed wrong, what is not there, what it says then."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omega_agent.home import Home
from omega_agent.identity import load_identity
from support.main_job import Here, Omega, Site
from support.unread import unread

pytestmark = pytest.mark.slow  # each of its steps is a process

COMMANDS = ("measure", "test", "enrol", "key", "accept", "diagnose", "campaign", "outbox", "verify")


@pytest.fixture
def nobody(tmp_path: Path) -> Omega:
    """A device that is enrolled with no server."""
    return Omega(Here(), tmp_path / "home")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_explains_itself(self, nobody: Omega, command: str) -> None:
        done = nobody.run(command, "--help")
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: omega {command} ")

    def test_help_loads_nothing_that_measuring_needs(self) -> None:
        program = (
            "import sys, omega_agent.cli as cli\n"
            "sys.argv = ['omega', 'measure', '--help']\n"
            "try: cli.main()\n"
            "except SystemExit: pass\n"
            "names = {'omega_core.models', 'httpx', 'rich', 'cryptography', 'omega_probe'}\n"
            "print(sorted(names & sys.modules.keys()), file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.stderr.strip() == "[]"

    def test_says_its_version(self, nobody: Omega) -> None:
        done = nobody.run("--version")
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout.startswith("omega-acceptance ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["measure", "--server", "omega"], "is not the address", id="URL: no scheme"),
        pytest.param(
            ["measure", "--server", "http://h:99999"], "is not the address", id="URL: port"
        ),
        pytest.param(["measure"], "which server", id="no server"),
        pytest.param(["accept", "--sheet", "FI-1"], "not enrolled", id="accept: not enrolled"),
        pytest.param(["diagnose", "--ticket", "T-1"], "not enrolled", id="diagnose: not enrolled"),
        pytest.param(
            ["measure", "--server", "http://8.8.8.8"], "plain http on a public", id="plain http"
        ),
        pytest.param(
            ["--lang", "de", "outbox"], "--lang is one of: en, fr", id="a language we don't have"
        ),
        pytest.param(
            ["measure", "--server", "http://127.0.0.1:9", "--progress", "loud"],
            "--progress is one of",
            id="a style we don't have",
        ),
        pytest.param(
            ["measure", "--server", "http://127.0.0.1:9", "--save", "/nowhere/at/all.json"],
            "--save /nowhere/at/all.json: No such file",
            id="no place for the record",
        ),
        pytest.param(
            ["measure", "--server", "http://127.0.0.1:9", "--plot", "/nowhere/at/all.svg"],
            "--plot /nowhere/at/all.svg: No such file",
            id="a place that is not there",
        ),
        pytest.param(["verify", "/nowhere"], "/nowhere: No such file", id="no file"),
        pytest.param(
            ["verify", "/proc/self/fdinfo"], "ends with .json", id="no record in a folder"
        ),
        pytest.param(
            ["enrol", "--server", "http://127.0.0.1:9", "--token", "short"],
            "--token is not",
            id="no token",
        ),
        pytest.param(
            [
                *("enrol", "--server", "http://127.0.0.1:9", "--token", "x" * 32),
                *("--server-key", "short"),
            ],
            "--server-key is not",
            id="no key",
        ),
    ],
)
def test_what_can_not_be_done_is_one_line_and_64(
    nobody: Omega, arguments: list[str], words: str
) -> None:
    done = nobody.run(*arguments)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (64, "", 1)
    assert done.stderr.startswith("omega: ")
    assert words in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["mesure"], id="no such command"),
        pytest.param(["measure", "--sevrer", "http://h"], id="no such option"),
        pytest.param(["accept"], id="an option left out"),
        pytest.param(["accept", "--sheet"], id="a value left out"),
        pytest.param(["outbox", "send", "--wait", "-1"], id="a number out of range"),
        pytest.param(["outbox", "send", "--wait", "long"], id="a word for a number"),
        pytest.param(["verify"], id="an argument left out"),
    ],
)
def test_what_typer_refuses_is_64_too(nobody: Omega, arguments: list[str]) -> None:
    done = nobody.run(*arguments)
    assert (done.code, done.stdout) == (64, "")
    assert "Traceback" not in done.stderr


def test_an_error_in_french(nobody: Omega) -> None:
    done = nobody.run("--lang", "fr", "accept", "--sheet", "FI-1")
    assert done.stderr.startswith("omega: cet appareil n'est pas enrôlé (")
    assert nobody.run("accept", "--sheet", "FI-1", "--lang", "fr").stderr == done.stderr


def test_other_systems_are_refused_in_one_line() -> None:
    program = "import sys; sys.platform = 'darwin'; from omega_agent.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (64, "", 1)
    assert "on Linux only" in done.stderr


class TestUnreachable:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            pytest.param("http://127.0.0.1:{port}", "connection refused", id="wrong port"),
            pytest.param("http://nowhere.invalid:8600", "name", id="a name nobody has"),
        ],
    )
    def test_says_what_was_tried_and_leaves_with_69(
        self, nobody: Omega, url: str, reason: str
    ) -> None:
        done = nobody.run("measure", "--server", url.format(port=free_port()))
        assert done.code == 69
        assert done.stdout.startswith("✗ No session could be had: every attempt")
        assert reason in done.stdout.splitlines()[1]

    def test_json_is_whole_with_reasons_for_values(self, nobody: Omega) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        done = nobody.run("measure", "--server", url, "--json")
        assert done.code == 69
        found = done.json
        assert found["session"]["id"] is None
        assert all(each["value"] is None for each in found["metrics"].values())
        assert found["metrics"]["idle_rtt_us_p50"]["reason"] == "no_grant"

    def test_a_portal_in_between_is_told_from_silence(self, nobody: Omega) -> None:
        with portal() as url:
            done = nobody.run("measure", "--server", url)
            enrolling = nobody.run("enrol", "--server", url, "--token", "x" * 32)
        assert done.code == 69
        assert "the server's answer can't be read" in done.stdout
        assert (enrolling.code, enrolling.stderr.count("\n")) == (69, 1)


@contextmanager
def portal() -> Iterator[str]:
    """Answer everything with a friendly page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome! Please log in.</html>")

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestEnrol:
    def test_pins_the_server_and_is_done_once(self, site: Site) -> None:
        omega = site.enrolled("enrolled once")
        identity = load_identity(Home(omega.home))
        assert identity is not None
        assert identity.server_key.text == site.announced["server_key"]
        token = site.operate("token", "new")["token"]
        again = omega.run("enrol", "--server", site.url, "--token", token)
        assert again.code == 64
        assert "this device is enrolled as" in again.stderr

    def test_may_be_replaced_on_purpose(self, site: Site) -> None:
        omega = site.enrolled("replaced")
        before = load_identity(Home(omega.home))
        token = site.operate("token", "new")["token"]
        done = omega.run("enrol", "--server", site.url, "--token", token, "--replace")
        after = load_identity(Home(omega.home))
        assert done.code == 0
        assert before is not None
        assert after is not None
        assert before.key.public != after.key.public

    def test_a_token_for_one_device_asks_for_its_serial_number(self, site: Site) -> None:
        omega, token = site.device("bound"), site.operate("token", "new", "--serial", "SN-1")
        options = ("enrol", "--server", site.url, "--token", token["token"])
        done = omega.run(*options, "--serial", "SN-2")
        assert (done.code, done.stderr.count("\n")) == (64, 1)
        assert "another serial number" in done.stderr
        assert omega.run(*options, "--serial", "SN-1").code == 0

    def test_a_new_key_keeps_the_name(self, site: Site) -> None:
        omega = site.enrolled("rotating")
        before = load_identity(Home(omega.home))
        done = omega.run("key", "rotate", "--json")
        after = load_identity(Home(omega.home))
        assert before is not None
        assert after is not None
        assert (done.code, done.stderr) == (0, "")
        assert done.json == {
            "agent_id": before.agent_id,
            "key_id": after.key.public.kid,
            "waiting": 0,
        }
        assert after.key.public != before.key.public
        said = omega.run("key", "rotate", "--lang", "fr").stdout
        assert said.startswith(f"{before.agent_id} a une nouvelle clé : ")

    def test_a_token_nobody_made_is_refused(self, site: Site) -> None:
        omega = site.device("wrong token")
        done = omega.run("enrol", "--server", site.url, "--token", "x" * 32)
        assert (done.code, done.stderr.count("\n")) == (64, 1)
        assert load_identity(Home(omega.home)) is None

    def test_a_server_with_another_key_gets_no_token(self, site: Site) -> None:
        omega, token = site.device("picky"), site.operate("token", "new")["token"]
        other = "A" * 43
        options = ("--server", site.url, "--token", token, "--server-key")
        assert omega.run("enrol", *options, other).code == 69
        right = site.announced["server_key"]
        assert omega.run("enrol", *options, right).code == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "english", "french"),
        [
            pytest.param(
                ["accept", "--sheet", "FI-2026-000001", "--changed", "new\ncable"],
                "--changed: what was changed, in one line of 1 to 200 characters",
                "--changed : ce qui a changé, en une ligne de 1 à 200 caractères",
                id="a change in two lines",
            ),
            pytest.param(
                ["accept", "--sheet", "FI-2026-999999"],
                "there is no sheet FI-2026-999999",
                "cette fiche d'installation n'existe pas",
                id="unknown sheet",
            ),
            pytest.param(
                ["diagnose", "--ticket", "TT-2026-999999"],
                "there is no ticket TT-2026-999999",
                "ce ticket n'existe pas",
                id="unknown ticket",
            ),
            pytest.param(
                ["test", "--plan", "MOON-9000"],
                "MOON-9000",
                "aucun profil ne dit ce que promet cette offre",
                id="unknown plan",
            ),
        ],
    )
    def test_are_one_line_and_leave_nothing(
        self, site: Site, arguments: list[str], english: str, french: str
    ) -> None:
        omega = site.enrolled(f"refused {arguments[-1]}")
        done = omega.run(*arguments, "--progress", "none")
        assert (done.code, done.stdout, done.stderr.count("\n")) == (64, "", 1)
        assert english in done.stderr
        assert french in omega.run(*arguments, "--lang", "fr", "--progress", "none").stderr
        assert omega.outbox() == []
        assert json.loads((omega.home / "chain.json").read_text())["seq"] == 0

    def test_a_subscriber_without_an_activated_plan(self, site: Site) -> None:
        omega = site.enrolled("too early")
        sheet = site.sheet(site.subscriber(activated=False))
        done = omega.run("accept", "--sheet", sheet, "--progress", "none")
        assert (done.code, done.stderr.count("\n")) == (64, 1)
        assert "back office: activate it" in done.stderr


def test_an_empty_outbox(nobody: Omega) -> None:
    assert nobody.run("outbox").stdout == "Nothing waits in the outbox.\n"
    assert nobody.run("outbox", "list", "--json").json == {"waiting": [], "refused": []}
    sent = nobody.run("outbox", "send", "--json")
    assert (sent.code, sent.json["posted"]) == (0, [])


@pytest.mark.parametrize("arguments", [["outbox"], ["--help"]], ids=["a command", "help"])
def test_a_reader_that_goes_away_is_no_defect(nobody: Omega, arguments: list[str]) -> None:
    left = unread([Path(sys.executable).parent / "omega", *arguments], nobody.env)
    assert left == (141, "omega: the reader of the output went away\n")
