"""The server's own key: a new one signed by the old one; what becomes of those who pinned it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from omega_core.envelope import parse_envelope
from omega_core.errors import UsageError
from omega_core.key_events import SERVER_ID, open_rotation
from omega_core.key_history import OVERLAP_US
from omega_core.keyfile import load
from omega_core.limits import KEY_CHAIN_MAX
from omega_core.units import NS_PER_S
from omega_server import keys, records
from omega_server.identity import SERVER_KEY_FILE, OtherDatabaseError, pin_to
from support.builders import STRANGER_KEY
from support.server_rig import RIG_UNIX_US, Rig, make_rig


class TestRotationOfTheServer:
    def test_its_new_key_is_its_owners_only_and_the_next_start_has_it(self, tmp_path: Path) -> None:
        with make_rig(tmp_path) as rig:
            old = rig.services.key
            kept = keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
            assert rig.services.info().server_key == old.public.text, "until it is started again"
        file = tmp_path / SERVER_KEY_FILE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert load(file).public.text == kept.key
        assert not (tmp_path / keys.NEW_SERVER_KEY_FILE).exists()
        with make_rig(tmp_path) as rig:
            info = rig.services.info()
            assert info.server_key == kept.key
            (followed,) = info.key_rotations
            assert open_rotation(followed.encode()).old_key == old.public.text
            kinds = [each.kind for each in rig.store.cases.events("server", SERVER_ID)]
            assert kinds == ["key_rotated"]

    def test_what_was_enrolled_before_goes_on(self, tmp_path: Path) -> None:
        with make_rig(tmp_path) as rig:
            device = rig.enrolled()
            waiting = rig.record(rig.installed(device))
            keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
        with make_rig(tmp_path) as rig:
            posted = rig.post(waiting)
            receipt = parse_envelope(posted.row.receipt)
            assert receipt.signatures[0].kid == rig.services.key.public.kid
            bundle = records.bundle_of(rig.store, posted.row, rig.services.key)
            assert len(bundle.key_events) == 1

    @pytest.mark.parametrize("again", ["a start", "the command"])
    def test_a_rotation_that_was_cut_short_is_finished(self, tmp_path: Path, again: str) -> None:
        file = tmp_path / SERVER_KEY_FILE
        with make_rig(tmp_path) as rig:
            before = file.read_bytes()
            kept = keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
            file.rename(tmp_path / keys.NEW_SERVER_KEY_FILE)  # as the disk is before the last step
            file.write_bytes(before)
            file.chmod(0o600)
            if again == "the command":
                rig.clock.pass_ns(NS_PER_S)
                next_one = keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
                assert next_one.old_kid == kept.kid
                return
        with make_rig(tmp_path) as rig:
            assert rig.services.key.public.kid == kept.kid

    def test_a_new_key_that_the_store_never_heard_of_is_kept_for_the_next_try(
        self, tmp_path: Path
    ) -> None:
        with make_rig(tmp_path):
            pass
        new = tmp_path / keys.NEW_SERVER_KEY_FILE
        new.write_bytes(STRANGER_KEY.to_pem())
        new.chmod(0o600)
        with make_rig(tmp_path) as rig:
            assert rig.services.key.public != STRANGER_KEY.public
            kept = keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
            assert kept.kid == STRANGER_KEY.public.kid

    def test_another_servers_folder_is_refused(self, tmp_path: Path) -> None:
        with (
            make_rig(tmp_path / "one") as one,
            make_rig(tmp_path / "two"),
            pytest.raises(UsageError, match="not the server's present key"),
        ):
            keys.rotate_server(one.store, tmp_path / "two", RIG_UNIX_US)

    def test_a_server_with_the_old_key_serves_for_seven_days(self, rig: Rig) -> None:
        old = rig.services.key.public
        keys.rotate_server(rig.store, rig.installation.settings.data, rig.clock.unix_us())
        pin_to(rig.store, old, rig.clock.unix_us() + OVERLAP_US)
        with pytest.raises(OtherDatabaseError, match="superseded"):
            pin_to(rig.store, old, rig.clock.unix_us() + OVERLAP_US + 1)

    def test_an_old_key_of_the_server_is_revoked(self, rig: Rig) -> None:
        old = rig.services.key.public
        keys.rotate_server(rig.store, rig.installation.settings.data, rig.clock.unix_us())
        now = rig.clock.unix_us()
        keys.revoke_key(rig.store, old.kid, "copied", invalid_since_unix_us=now, now_unix_us=now)
        with pytest.raises(OtherDatabaseError, match="compromised"):
            pin_to(rig.store, old, now)

    def test_a_process_with_the_old_key_says_nothing_against_it(self, rig: Rig) -> None:
        """Its word would not count: a server's key is revoked by one that followed it."""
        row = rig.post(rig.record(rig.granted(rig.enrolled()))).row
        old, data = rig.services.key, rig.installation.settings.data
        keys.rotate_server(rig.store, data, rig.clock.unix_us())
        now = rig.clock.unix_us()
        kid = old.public.kid
        keys.revoke_key(rig.store, kid, "copied", invalid_since_unix_us=now, now_unix_us=now)
        assert len(records.bundle_of(rig.store, row, old).key_events) == 1
        assert len(records.bundle_of(rig.store, row, load(data / SERVER_KEY_FILE)).key_events) == 2

    def test_it_is_rotated_so_many_times(self, rig: Rig) -> None:
        data = rig.installation.settings.data
        for _ in range(KEY_CHAIN_MAX):
            keys.rotate_server(rig.store, data, rig.clock.unix_us())
        with pytest.raises(UsageError, match=f"{KEY_CHAIN_MAX} times"):
            keys.rotate_server(rig.store, data, rig.clock.unix_us())
