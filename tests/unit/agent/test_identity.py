"""The device's home: who it is, its chain of attempts, one measurement at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_agent.device import any_device, enrolled_device
from omega_agent.errors import NotKeptError, WrongUseError
from omega_agent.home import Home
from omega_agent.identity import (
    Chained,
    DeviceChain,
    Identity,
    RunChain,
    load_identity,
    pin_again,
    store_identity,
)
from omega_agent.server_keys import ServerKey
from omega_agent.server_url import parse_server_url
from omega_core.canonical import canonical_bytes, digest_hex, parse_plain
from omega_core.errors import OmegaError, StorageError
from omega_core.files import write_durably
from omega_core.record import Chain
from support.builders import AGENT_ID, AGENT_KEY, SERVER_KEY, STRANGER_KEY
from support.clock import HandClock
from support.key_lines import rotated

URL = "https://omega.example"
DIGEST = digest_hex(b"a record")
OTHER = digest_hex(b"another record")


def enrolled(folder: Path, *, insecure: bool = False) -> Home:
    home = Home(folder)
    home.make()
    write_durably(home.key_file, AGENT_KEY.to_pem(), mode=0o600)
    identity = Identity(
        key=AGENT_KEY,
        agent_id=AGENT_ID,
        statement="{}",
        server=parse_server_url(URL),
        insecure=insecure,
        server_key=SERVER_KEY.public,
    )
    store_identity(home, identity)
    return home


class TestIdentity:
    def test_what_was_stored_is_found_again(self, tmp_path: Path) -> None:
        found = load_identity(enrolled(tmp_path, insecure=True))
        assert found is not None
        assert (found.agent_id, str(found.server), found.insecure) == (AGENT_ID, URL, True)
        assert found.server_key == SERVER_KEY.public
        assert found.key.public == AGENT_KEY.public

    def test_one_of_an_older_program_has_its_first_key_and_no_events(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        content = parse_plain(home.identity_file.read_bytes())
        del content["key_file"], content["key_events"]
        home.identity_file.write_bytes(canonical_bytes(content))
        found = load_identity(home)
        assert found is not None
        assert (found.key_file, found.key_events) == ("agent.pem", ())

    @pytest.mark.parametrize("name", ["../agent-aaaaaaaaaaaaaaaa.pem", "agent.pem", "agent-a.pem"])
    def test_a_key_file_of_another_name_is_refused(self, tmp_path: Path, name: str) -> None:
        home = enrolled(tmp_path)
        content = parse_plain(home.identity_file.read_bytes())
        home.identity_file.write_bytes(canonical_bytes({**content, "key_file": name}))
        with pytest.raises(WrongUseError, match=r"identity\.json is damaged"):
            load_identity(home)

    def test_the_key_its_server_rotated_to_is_pinned_again(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        DeviceChain(home.chain_file).sealed(Chain(seq=4, prev=None), DIGEST)
        line = (rotated(SERVER_KEY, STRANGER_KEY),)
        for _ in range(2):
            pin_again(home, ServerKey(key=STRANGER_KEY.public, rotations=line))
        found = load_identity(home)
        assert found is not None
        assert (found.server_key, found.key_events) == (STRANGER_KEY.public, line)
        assert DeviceChain(home.chain_file).next(None) == Chain(seq=5, prev=DIGEST)

    def test_nobody_pins_nothing(self, tmp_path: Path) -> None:
        pin_again(Home(tmp_path), ServerKey(key=STRANGER_KEY.public))
        assert load_identity(Home(tmp_path)) is None

    def test_a_device_that_never_enrolled_is_nobody(self, tmp_path: Path) -> None:
        assert load_identity(Home(tmp_path / "none")) is None

    def test_files_are_for_their_owner(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path / "home")
        modes = {path.name: path.stat().st_mode & 0o777 for path in home.path.iterdir()}
        assert modes == {"agent.pem": 0o600, "identity.json": 0o600, "chain.json": 0o600}
        assert home.path.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"\xff", b'{"schema_version":2}', b'{"schema_version":1}']
    )
    def test_a_damaged_file_is_one_clear_error(self, tmp_path: Path, content: bytes) -> None:
        home = enrolled(tmp_path)
        home.identity_file.write_bytes(content)
        with pytest.raises(WrongUseError, match=r"identity\.json is damaged"):
            load_identity(home)

    def test_a_key_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        home.key_file.chmod(0o644)
        with pytest.raises(OmegaError, match="lets others read it"):
            load_identity(home)

    def test_an_identity_without_its_key_is_one_clear_error(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        home.key_file.unlink()
        with pytest.raises(OmegaError, match=r"agent\.pem"):
            load_identity(home)


class TestChain:
    def test_counts_attempts_and_remembers_the_record_before(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "chain.json")
        first = chain.next(None)
        assert first == Chain(seq=1, prev=None)
        chain.use(first)
        chain.sealed(first, DIGEST)
        assert DeviceChain(tmp_path / "chain.json").next(None) == Chain(seq=2, prev=DIGEST)

    def test_asking_uses_nothing_up(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "chain.json")
        assert chain.next(None) == chain.next(None)

    def test_an_attempt_that_led_to_nothing_leaves_a_hole(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "chain.json")
        chain.use(chain.next(None))
        assert chain.next(None) == Chain(seq=2, prev=None)

    def test_after_a_crash_between_outbox_and_chain_the_outbox_knows(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "chain.json")
        chain.use(chain.next(None))
        assert chain.next(Chained(1, DIGEST)) == Chain(seq=2, prev=DIGEST)

    def test_an_older_record_in_the_outbox_changes_nothing(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "chain.json")
        for digest in (DIGEST, OTHER):
            place = chain.next(None)
            chain.use(place)
            chain.sealed(place, digest)
        assert chain.next(Chained(1, DIGEST)) == Chain(seq=3, prev=OTHER)

    def test_a_full_disk_is_told_before_anything_is_measured(self, tmp_path: Path) -> None:
        chain = DeviceChain(tmp_path / "gone" / "chain.json")
        with pytest.raises(StorageError):
            chain.use(chain.next(None))

    def test_the_key_of_one_run_has_one_record(self) -> None:
        chain = RunChain()
        place = chain.next(Chained(1, DIGEST))
        chain.use(place)
        chain.sealed(place, DIGEST)
        assert place == chain.next(None) == Chain(seq=1, prev=None)


class TestDevice:
    def test_is_enrolled_or_says_how_to_become_so(self, tmp_path: Path) -> None:
        assert enrolled_device(enrolled(tmp_path)).agent_id == AGENT_ID
        with pytest.raises(WrongUseError, match="not enrolled") as raised:
            enrolled_device(Home(tmp_path / "none"))
        assert "omega enrol" in raised.value.who_acts

    def test_is_itself_with_its_own_server(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        for server in (None, URL, f"{URL}/"):
            device = any_device(home, server, insecure=False, clock=HandClock())
            assert (device.agent_id, device.server_key) == (AGENT_ID, SERVER_KEY.public)

    def test_is_a_stranger_to_another(self, tmp_path: Path) -> None:
        home = enrolled(tmp_path)
        device = any_device(home, "https://other.example", insecure=True, clock=HandClock())
        assert (device.agent_id, device.server_key, device.insecure) == (None, None, True)
        assert device.key.public != AGENT_KEY.public

    def test_asks_which_server_when_nobody_said(self, tmp_path: Path) -> None:
        with pytest.raises(WrongUseError, match="which server"):
            any_device(Home(tmp_path), None, insecure=False, clock=HandClock())


class TestOneMeasurementAtATime:
    def test_a_second_one_is_refused(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        with (
            home.measuring(),
            pytest.raises(WrongUseError, match="another measurement runs"),
            home.measuring(),
        ):
            pass
        with home.measuring():
            pass

    def test_an_error_inside_lets_go_and_is_not_taken_for_the_lock(self, tmp_path: Path) -> None:
        home = Home(tmp_path)
        with pytest.raises(BlockingIOError), home.measuring():
            raise BlockingIOError
        with home.measuring():
            pass

    def test_a_killed_process_lets_go(self, tmp_path: Path) -> None:
        program = (
            "import os, signal, sys; from pathlib import Path; from omega_agent.home import Home\n"
            "with Home(Path(sys.argv[1])).measuring(): os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        with Home(tmp_path).measuring():
            pass

    def test_a_home_that_can_not_be_made_is_one_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(NotKeptError, match="file/home") as caught:
            Home(tmp_path / "file" / "home").make()
        assert "choose another" in caught.value.who_acts
