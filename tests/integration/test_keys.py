"""Keys from end to end: agent and server over HTTP, and what `omega verify` says afterwards.

No line is measured: the records are a rig's, the keys, the API, the uplink and the verifier real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from omega_agent.device import enrolled_device
from omega_agent.enrolling import enrol
from omega_agent.home import Home
from omega_agent.identity import Identity, keep_identity, load_identity
from omega_agent.interrupts import Interrupts
from omega_agent.rotating import rotate
from omega_agent.server_url import parse_server_url
from omega_agent.session_request import Wanted
from omega_agent.sessions import Workplace, ask_for
from omega_agent.uplink import Uplink
from omega_agent.verify import verify
from omega_agent.verify_report import Standing, Unchecked, VerifyReport
from omega_agent.waiting_record import WaitingRecord
from omega_core.bundle import Bundle
from omega_core.clock import SystemClock
from omega_core.errors import RefusedError
from omega_core.key_history import OVERLAP_US, KeyState
from omega_core.keys import PublicKey
from omega_core.units import NS_PER_US
from omega_core.verdict import Mode
from omega_server import enrolment, keys, records, sheets
from support.key_lines import DAY_US
from support.live_server import listening
from support.server_rig import Device, Rig, digest_of, make_rig


@contextmanager
def uplink(rig: Rig) -> Iterator[Uplink]:
    """Serve the rig, and open the way to it."""
    with (
        listening(rig) as url,
        Uplink(parse_server_url(url), software="omega test", clock=SystemClock()) as opened,
    ):
        yield opened


def joined(home: Home, rig: Rig, way: Uplink) -> Identity:
    return enrol(
        home,
        way,
        server=parse_server_url("http://127.0.0.1:8600"),
        insecure=False,
        token=rig.token(),
        expected_key=None,
        software="omega test",
        clock=SystemClock(),
    )


def identity_in(home: Home) -> Identity:
    identity = load_identity(home)
    assert identity is not None
    return identity


def device_of(identity: Identity) -> Device:
    return Device(identity.key, identity.agent_id)


def posted(rig: Rig, device: Device, *, seq: int) -> str:
    """Post a self-test of the device; return its digest."""
    envelope = rig.record(rig.granted(device, seq=seq))
    rig.post(envelope)
    return digest_of(envelope)


def verified(rig: Rig, digest: str, *pinned: PublicKey) -> VerifyReport:
    """Verify what the server gives out today, as one who pinned these keys."""
    row = records.known(rig.store, digest)
    bundle = records.bundle_of(rig.store, row, rig.services.key)
    report = verify(bundle.to_bytes(), trusted=pinned)
    assert report.failed is None, report.detail
    return report


def pass_us(rig: Rig, microseconds: int) -> None:
    rig.clock.pass_ns(microseconds * NS_PER_US)


def test_a_series_with_a_rotation_and_a_theft_in_the_middle(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        first = device_of(joined(home, rig, way))
        one = posted(rig, first, seq=1)
        waiting = rig.record(rig.granted(first, seq=2))  # in the outbox while the key is rotated
        second = device_of(rotate(home, way, identity_in(home)))
        three = posted(rig, second, seq=3)
        pass_us(rig, OVERLAP_US)
        rig.post(waiting)
        stolen = rig.clock.unix_us()
        four = posted(rig, second, seq=4)
        pass_us(rig, DAY_US)
        keys.revoke_key(
            rig.store,
            second.key.public.kid,
            "stolen from a van",
            invalid_since_unix_us=stolen,
            now_unix_us=rig.clock.unix_us(),
        )
        pinned = rig.services.key.public
        for digest in (one, digest_of(waiting), three):
            assert verified(rig, digest, pinned).standing is Standing.TRUSTED
        report = verified(rig, four, pinned)
        assert report.standing is Standing.NOT_TRUSTED
        assert [(each.role, each.state) for each in report.doubts] == [
            ("agent", KeyState.COMPROMISED)
        ]


def test_the_servers_key_is_rotated_and_both_ends_go_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        old = rig.services.key.public
        device = device_of(joined(home, rig, way))
        before = posted(rig, device, seq=1)
        keys.rotate_server(rig.store, tmp_path / "data", rig.clock.unix_us())
        meanwhile = posted(rig, device, seq=2)  # the process that runs goes on with the old key
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        new = rig.services.key.public
        pass_us(rig, DAY_US)
        after = posted(rig, device, seq=3)
        for digest in (before, meanwhile, after):
            for pinned in (old, new):
                assert verified(rig, digest, pinned).standing is Standing.TRUSTED
        followed = rotate(home, way, identity_in(home))
        assert followed.server_key == new
        assert posted(rig, device_of(followed), seq=4)


def test_a_device_that_asks_for_a_session_pins_the_servers_new_key(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        joined(home, rig, way)
        keys.rotate_server(rig.store, tmp_path / "data", rig.clock.unix_us())
    with make_rig(tmp_path / "data") as rig, listening(rig) as url:
        pass_us(rig, DAY_US)
        moved = replace(identity_in(home), server=parse_server_url(url))
        keep_identity(home, moved)
        place = workplace(home)
        wanted = Wanted(purpose="selftest", mode=Mode.MEASURE)
        asked = ask_for(wanted, enrolled_device(home), place)
        new = rig.services.key.public
        assert moved.server_key != new
        assert asked.granted is not None
        assert asked.granted.server_key == new
        assert identity_in(home).server_key == new
        assert ask_for(wanted, enrolled_device(home), place).granted is not None


def test_a_receipt_that_was_lost_and_given_again_after_a_rotation_is_proved(
    tmp_path: Path,
) -> None:
    """The first receipt, of the old key, and a log that the new key has signed since."""
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        identity = joined(home, rig, way)
        pinned = identity.server_key
        granted = rig.granted(device_of(identity))
        envelope = rig.record(granted)
        rig.post(envelope)  # and the answer is lost
        keys.rotate_server(rig.store, tmp_path / "data", rig.clock.unix_us())
    with make_rig(tmp_path / "data") as rig, listening(rig) as url:
        posted(rig, rig.enrolled(), seq=1)
        item = WaitingRecord(
            digest=digest_of(envelope),
            server_url=url,
            insecure=False,
            server_key=pinned.text,
            bundle=Bundle(
                record=envelope.decode(),
                grant=granted.envelope.decode(),
                observation=None,
                receipt=None,
                keys=(identity.statement,),
                profile=granted.profile,
            ),
        )
        place = workplace(home)
        place.outbox.put(item.digest, item.to_bytes())
        assert place.reporter.send_pending().posted.keys() == {item.digest}
        kept = (home.records / f"{item.digest}.json").read_bytes()
        for key in (pinned, rig.services.key.public):
            report = verify(kept, trusted=[key])
            assert (report.standing, report.failed) == (Standing.TRUSTED, None)
            assert report.logged is not None
            assert Unchecked.NO_PROOF not in report.unchecked


def workplace(home: Home) -> Workplace:
    return Workplace(
        home=home,
        clock=SystemClock(),
        software="omega test",
        emit=lambda _: None,
        tell_first=lambda _: None,
        interrupts=Interrupts(),
    )


def test_a_lost_device_gets_no_new_key(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        identity = joined(home, rig, way)
        enrolment.revoke(rig.store, identity.agent_id, "lost", rig.clock.unix_us())
        with pytest.raises(RefusedError) as refused:
            rotate(home, way, identity)
        assert refused.value.code == "agent_revoked"
        assert identity_in(home).key.public == identity.key.public


def test_a_device_that_asks_twice_has_one_new_key(tmp_path: Path) -> None:
    """The answer was lost after the server had taken the rotation."""
    home = Home(tmp_path / "home")
    with make_rig(tmp_path / "data") as rig, uplink(rig) as way:
        before = joined(home, rig, way)
        after = rotate(home, way, before)
        kept = (home.path / after.key_file).read_bytes()
        home.next_key_file.write_bytes(kept)
        home.next_key_file.chmod(0o600)
        again = rotate(home, way, before)  # as it was when the answer did not come
        assert again.key.public == after.key.public
        assert again.statement == after.statement
        assert len(rig.store.keys.keys_of("agent", before.agent_id)) == 2


@pytest.mark.parametrize(
    "whose",
    [
        pytest.param(lambda rig: rig.stranger(), id="a key made for one run"),
        pytest.param(
            lambda rig: replace(rig.enrolled(), agent_id=None), id="a device that names nobody"
        ),
    ],
)
def test_a_self_test_that_is_nobodys_is_verified_from_what_the_server_gives_out(
    tmp_path: Path, whose: Callable[[Rig], Device]
) -> None:
    with make_rig(tmp_path) as rig:
        pinned = rig.services.key.public
        digest = posted(rig, whose(rig), seq=1)
        keys.rotate_server(rig.store, tmp_path, rig.clock.unix_us())
    with make_rig(tmp_path) as rig:
        pass_us(rig, 2 * OVERLAP_US)
        for key in (pinned, rig.services.key.public):
            assert verified(rig, digest, key).standing is Standing.TRUSTED
        assert verified(rig, digest).standing is Standing.NOT_TRUSTED, "trusting nobody"


def test_a_sheet_tells_which_of_its_records_a_thief_may_have_made(tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        device, sheet_id = rig.enrolled(), rig.sheet()
        envelope = rig.record(rig.installed(device, sheet_id=sheet_id))
        rig.post(envelope)
        now = rig.clock.unix_us()
        kid = device.key.public.kid
        keys.revoke_key(rig.store, kid, "copied", invalid_since_unix_us=now, now_unix_us=now)
        states = sheets.load(rig.store, sheet_id).key_states
        assert states == {digest_of(envelope): KeyState.COMPROMISED}
