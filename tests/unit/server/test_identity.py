"""What a data folder holds: made once, found again, for its owner only."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from omega_core.errors import UsageError
from omega_core.keyfile import KeyFileError
from omega_server.identity import (
    SERVER_KEY_FILE,
    OtherDatabaseError,
    is_same_secret,
    load_keys,
    load_operator_token,
)
from support.server_rig import make_rig


def test_a_second_start_finds_everything_again(tmp_path: Path) -> None:
    with make_rig(tmp_path) as first:
        device, sheet_id = first.enrolled(), first.sheet()
        proof = first.proof()
        known = (first.services.server_key, first.services.operator_token, first.place)
    with make_rig(tmp_path) as second:
        assert (second.services.server_key, second.services.operator_token, second.place) == known
        assert second.store.enrolment.agent(device.agent_id).kid == device.key.public.kid
        assert second.store.cases.sheet(sheet_id) is not None
        second.granted(device, address_tokens=(proof,))


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    with make_rig(tmp_path / "data"):
        pass
    modes = {
        path.relative_to(tmp_path / "data").as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "data").rglob("*")
    }
    for name in ("keys/server.pem", "keys/testpoint.pem", "operator.token"):
        assert modes[name] == 0o600
    assert modes["keys"] == 0o700
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_keys(tmp_path)
    (tmp_path / "keys/server.pem").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_keys(tmp_path)


def test_a_database_of_another_server_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite"
    with make_rig(tmp_path / "one", database=url):
        pass
    with pytest.raises(OtherDatabaseError), make_rig(tmp_path / "two", database=url):
        pass


def test_two_servers_with_one_key_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.sqlite"
    load_keys(tmp_path / "one")
    (tmp_path / "two/keys").mkdir(parents=True, mode=0o700)
    shutil.copy2(tmp_path / "one" / SERVER_KEY_FILE, tmp_path / "two" / SERVER_KEY_FILE)
    with (
        make_rig(tmp_path / "one", database=url) as one,
        make_rig(tmp_path / "two", database=url) as two,
    ):
        device = one.enrolled()
        request = two.request(device, address_tokens=(one.proof(),))
        granted = two.opened(device, two.services.controller.grant(request))
        envelope = two.record(granted)
        posted = one.post(envelope)
        assert posted.is_new
        assert two.post(envelope).row == posted.row
        assert one.place.id != two.place.id


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        make_rig(tmp_path),
        pytest.raises(UsageError, match="another omega-server"),
        make_rig(tmp_path),
    ):
        pass
    with make_rig(tmp_path):
        pass


def test_the_operators_token_is_made_once(tmp_path: Path) -> None:
    token = load_operator_token(tmp_path)
    assert load_operator_token(tmp_path) == token
    assert len(token) == 32


def test_secrets_are_compared_whole() -> None:
    assert is_same_secret("abc", "abc")
    assert not is_same_secret("abc", "abd")
    assert not is_same_secret("abc", "")
    assert not is_same_secret("\udcff", "abc")
