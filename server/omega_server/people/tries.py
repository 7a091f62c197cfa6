"""How often somebody may try: counted by name and by address, over a quarter of an hour.

A try is counted before it is looked at and taken off again when it was right, so a hundred at once
are a hundred. By address means a whole IPv6 network of one customer. Who fails too often under a
name keeps its owner out too, until the window is over: the price of not letting a botnet guess.
"""

from __future__ import annotations

from omega_core import limits
from omega_core.clock import Clock
from omega_core.units import US_PER_S
from omega_server.addresses import quota_prefix
from omega_server.identity import token_digest
from omega_server.refusals import Code, RefusalError
from omega_server.store.people_port import TrySubject
from omega_server.store.port import Store

_MAX = {
    TrySubject.NAME: limits.LOGIN_TRIES_OF_NAME_MAX,
    TrySubject.ADDRESS: limits.LOGIN_TRIES_OF_ADDRESS_MAX,
}
_WINDOW_US = limits.LOGIN_WINDOW_S * US_PER_S


class Tries:
    """Counts tries and refuses those beyond."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def count(self, *, name: str | None, address: str) -> None:
        """Count one; raises RefusalError `login_limited`, with the time to come back."""
        self._count(TrySubject.ADDRESS, _place(address))
        if name is not None:
            self._count(TrySubject.NAME, name)

    def forgive(self, *, name: str | None, address: str) -> None:
        """Take one off an address and all off a name: it was right."""
        people = self._store.people
        people.forget_try(TrySubject.ADDRESS, token_digest(_place(address)), all_of_them=False)
        if name is not None:
            people.forget_try(TrySubject.NAME, token_digest(name), all_of_them=True)

    def _count(self, subject: TrySubject, key: str) -> None:
        now = self._clock.unix_us()
        counted = self._store.people.count_try(
            subject,
            token_digest(key),
            at_unix_us=now,
            window_us=_WINDOW_US,
            rows_max=limits.LOGIN_COUNTERS_MAX,
        )
        if counted.tries > _MAX[subject]:
            wait_us = counted.since_unix_us + _WINDOW_US - now
            raise RefusalError(
                Code.LOGIN_LIMITED,
                f"too many attempts with this {subject.value}",
                retry_after_s=max(1, -(-wait_us // US_PER_S)),
            )


def _place(address: str) -> str:
    """Return what an address is counted as; what is none, such as a socket's, is counted alike."""
    try:
        return quota_prefix(address)
    except ValueError:
        return ""
