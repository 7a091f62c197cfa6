"""A device gets a new key: what the server is told, and what is on the disk wherever it stops."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from omega_agent.device import enrolled_device
from omega_agent.enrolling import enrol
from omega_agent.errors import NoAnswerError, NotTrustedError
from omega_agent.home import Home
from omega_agent.identity import DeviceChain, Identity, load_identity
from omega_agent.rotating import rotate
from omega_agent.server_url import parse_server_url
from omega_core.control import EnrolmentAnswer, EnrolmentRequest, ServerInfo
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.errors import RefusedError
from omega_core.key_events import KeyRotation, open_rotation
from omega_core.keyfile import load
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import parse_model
from omega_core.record import Chain
from support.builders import AGENT_ID, SERVER_KEY, STRANGER_KEY, key_of, key_statement, sealed
from support.clock import START_UNIX_US, HandClock
from support.key_lines import rotated

NEXT_SERVER_KEY = key_of("next server")


@dataclass
class Server:
    """A server that knows one device: it enrols it, and takes its rotations."""

    key: SigningKey = SERVER_KEY
    rotations: tuple[str, ...] = ()
    taken: list[KeyRotation] = field(default_factory=list)
    trouble: Exception | None = None
    lost: bool = False
    """The rotation is taken, and the answer is lost."""
    stated: PublicKey | None = None
    """The key of another statement than was asked for."""

    def server_info(self) -> ServerInfo:
        return ServerInfo(
            software="test",
            server_key=self.key.public.text,
            key_rotations=self.rotations,
            now_unix_us=START_UNIX_US,
        )

    def enrol(self, request: bytes) -> EnrolmentAnswer:
        message = parse_model(EnrolmentRequest, parse_envelope(request).payload)
        return self._answer(PublicKey.from_text(message.agent_key))

    def rotate_key(self, rotation: bytes) -> EnrolmentAnswer:
        if self.trouble is not None:
            raise self.trouble
        opened = open_rotation(rotation)
        self.taken.append(opened)
        if self.lost:
            raise NoAnswerError("no_answer", server="x", why="lost")
        return self._answer(self.stated or PublicKey.from_text(opened.key))

    def _answer(self, key: PublicKey) -> EnrolmentAnswer:
        statement = sealed(key_statement(kid=key.kid, key=key.text), PayloadType.KEY, self.key)
        return EnrolmentAnswer(agent_id=AGENT_ID, statement=statement.decode())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def home(tmp_path: Path, server: Server) -> Home:
    """The home of an enrolled device."""
    home = Home(tmp_path)
    enrol(
        home,
        server,
        server=parse_server_url("https://omega.example"),
        insecure=False,
        token="x" * 32,
        expected_key=None,
        software="omega test",
        clock=HandClock(),
    )
    return home


def known(home: Home) -> Identity:
    identity = load_identity(home)
    assert identity is not None
    return identity


def key_files(home: Home) -> list[str]:
    return sorted(path.name for path in home.path.glob("agent*"))


def test_the_new_key_signs_from_now_on_and_the_old_one_is_gone(home: Home, server: Server) -> None:
    before = known(home)
    after = rotate(home, server, before)
    assert after == replace(known(home), key=after.key)
    assert known(home).key.public == after.key.public != before.key.public
    assert known(home).agent_id == before.agent_id
    assert key_files(home) == [home.key_file_of(after.key.public.kid).name]


def test_its_file_is_its_owners_only(home: Home, server: Server) -> None:
    after = rotate(home, server, known(home))
    assert stat.S_IMODE((home.path / after.key_file).stat().st_mode) == 0o600


def test_both_keys_tell_the_server_in_its_own_time(home: Home, server: Server) -> None:
    before = known(home)
    after = rotate(home, server, before)
    (told,) = server.taken
    assert (told.old_key, told.key) == (before.key.public.text, after.key.public.text)
    assert (told.id, told.server_key) == (AGENT_ID, SERVER_KEY.public.text)
    assert told.rotated_unix_us == START_UNIX_US, "the server's, whatever this device's clock says"


def test_the_chain_of_records_goes_on(home: Home, server: Server) -> None:
    chain = DeviceChain(home.chain_file)
    chain.sealed(Chain(seq=7, prev=None), "a" * 64)
    rotate(home, server, known(home))
    assert chain.next(None) == Chain(seq=8, prev="a" * 64)


def test_bundles_bring_the_rotation_along(home: Home, server: Server) -> None:
    rotate(home, server, known(home))
    second = rotate(home, server, known(home))
    kids = [open_rotation(each.encode()).kid for each in enrolled_device(home).key_events]
    assert kids[-1] == second.key.public.kid
    assert len(kids) == 2


def test_enrolling_again_leaves_one_key_file(home: Home, server: Server) -> None:
    rotate(home, server, known(home))
    enrol(
        home,
        server,
        server=parse_server_url("https://omega.example"),
        insecure=False,
        token="y" * 32,
        expected_key=None,
        software="omega test",
        clock=HandClock(),
    )
    assert key_files(home) == ["agent.pem"]
    assert known(home).key_events == ()


class TestCutShort:
    """Wherever it stops the device is whole, and the same command goes on from there."""

    def test_a_refusal_leaves_the_old_key_in_use(self, home: Home, server: Server) -> None:
        before = known(home)
        server.trouble = RefusedError("agent_revoked", "revoked", "operator")
        with pytest.raises(RefusedError):
            rotate(home, server, before)
        assert known(home).key.public == before.key.public

    def test_a_lost_answer_is_asked_for_again_with_the_same_key(
        self, home: Home, server: Server
    ) -> None:
        before = known(home)
        server.lost = True
        with pytest.raises(NoAnswerError):
            rotate(home, server, before)
        assert known(home).key.public == before.key.public
        server.lost = False
        after = rotate(home, server, known(home))
        first, second = server.taken
        assert first.key == second.key == after.key.public.text

    def test_before_the_identity_is_written_it_is_the_device_with_the_old_key(
        self, home: Home, server: Server
    ) -> None:
        before, identity_file = known(home), home.identity_file.read_bytes()
        old_key_file = home.key_file.read_bytes()
        after = rotate(home, server, before)
        (home.path / after.key_file).rename(home.next_key_file)  # the disk as it was a step before
        home.next_key_file.chmod(0o600)
        home.identity_file.write_bytes(identity_file)
        home.key_file.write_bytes(old_key_file)
        home.key_file.chmod(0o600)
        assert known(home).key.public == before.key.public
        assert rotate(home, server, known(home)).key.public == after.key.public

    def test_after_it_is_written_what_is_left_over_is_removed(
        self, home: Home, server: Server
    ) -> None:
        old_key_file = home.key_file.read_bytes()
        after = rotate(home, server, known(home))
        home.key_file.write_bytes(old_key_file)
        home.next_key_file.write_bytes((home.path / after.key_file).read_bytes())
        home.next_key_file.chmod(0o600)
        assert load(home.next_key_file).public == after.key.public
        assert rotate(home, server, known(home)).key.public == after.key.public
        assert key_files(home) == [after.key_file]
        assert len(server.taken) == 1


class TestWhomItTrusts:
    def test_a_statement_of_another_key_changes_nothing(self, home: Home, server: Server) -> None:
        before = known(home)
        server.stated = STRANGER_KEY.public
        with pytest.raises(NotTrustedError):
            rotate(home, server, before)
        assert known(home).key.public == before.key.public

    def test_a_server_that_has_rotated_its_key_is_followed(
        self, home: Home, server: Server
    ) -> None:
        server.key = NEXT_SERVER_KEY
        server.rotations = (rotated(SERVER_KEY, NEXT_SERVER_KEY),)
        rotate(home, server, known(home))
        assert known(home).server_key == NEXT_SERVER_KEY.public
        assert server.rotations[0] in known(home).key_events
        assert server.taken[0].server_key == NEXT_SERVER_KEY.public.text

    def test_another_server_is_told_nothing(self, home: Home, server: Server) -> None:
        server.key = STRANGER_KEY
        with pytest.raises(NotTrustedError, match="nothing leads"):
            rotate(home, server, known(home))
        assert server.taken == []
