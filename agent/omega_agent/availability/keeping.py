"""Where the watch's records go: an outbox of their own, posted by whoever posts the others.

    HOME/availability/outbox/

Their own, because the place of the next measurement among those of the device is read from the
other one. An item is what a measurement's is, so it is sent, acknowledged or set aside alike.
"""

from __future__ import annotations

from collections.abc import Callable

from omega_agent.device import Device
from omega_agent.outbox import Outbox
from omega_agent.waiting_record import WaitingRecord
from omega_core.bundle import Bundle
from omega_core.keys import PublicKey


class WatchKeeper:
    """Implements `book.Keeper` for one enrolled device."""

    def __init__(
        self,
        outbox: Outbox,
        device: Device,
        server_key: PublicKey,
        *,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is called with the digest of each record that waits now."""
        self._outbox = outbox
        self._tell = tell
        self._device = device
        self._server_key = server_key

    def put(self, record_id: str, content: bytes) -> None:
        """See `Keeper.put`; what has been posted meanwhile is posted again, and known there."""
        if self._outbox.get(record_id) is not None:
            return
        bundle = Bundle(
            record=content.decode("utf-8"),
            grant=None,
            observation=None,
            receipt=None,
            keys=(self._device.statement,),
            key_events=self._device.key_events,
            profile=None,
        )
        item = WaitingRecord(
            digest=record_id,
            server_url=str(self._device.server),
            insecure=self._device.insecure,
            server_key=self._server_key.text,
            bundle=bundle,
        )
        self._outbox.put(record_id, item.to_bytes())
        self._tell(record_id)
