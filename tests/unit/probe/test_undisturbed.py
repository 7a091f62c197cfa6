"""The garbage collector rests for as long as any stream runs."""

from __future__ import annotations

import gc
import threading

from omega_probe.stream import undisturbed


def test_it_rests_until_the_last_of_two_streams_has_ended() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def second() -> None:
        with undisturbed():
            begun.set()
            may_end.wait()

    assert gc.isenabled()
    with undisturbed():
        thread = threading.Thread(target=second)
        thread.start()
        begun.wait()
    assert not gc.isenabled(), "the other one runs yet"
    may_end.set()
    thread.join()
    assert gc.isenabled()


def test_who_keeps_it_off_finds_it_off_afterwards() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
