"""The reflector's own process: it goes on answering in time while bulk keeps the others busy.

It gets its UDP sockets from the host, then orders to open and close streams. T2 is the kernel's
time of arrival; T3 is read just before the reply is sent, so what passes between them (this
process woke late, say) is in neither direction's delay.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
from functools import lru_cache
from pathlib import Path

from omega_core.clock import Clock, SystemClock
from omega_core.keyfile import load_or_create
from omega_core.keys import PublicKey
from omega_core.sockets.datagrams import Datagram, receive
from omega_core.units import NS_PER_US
from omega_core.wire.standing import is_standing
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.channel import Channel, ChannelClosedError, Message, channel_of_child
from omega_server.testpoint.commands import Reflect
from omega_server.testpoint.reflector import Reflector
from omega_server.testpoint.standing import StandingDesk

_DATAGRAMS_AT_ONCE = 64  # then look for orders: a flood must not keep a stream from being closed
_NICE = -10

_normalised = lru_cache(maxsize=1024)(normalised)


class ReflectorDriver:
    """Moves datagrams and orders between sockets and the machine."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._reflector = Reflector()
        self._standing: StandingDesk | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the host is gone."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.fileobj, socket.socket):
                    self._drain(key.fileobj)
                else:
                    for message in self._channel.receive():
                        self._obey(message)

    def _obey(self, message: Message) -> None:
        match message:
            case {"op": "sockets", "count": count}:
                for _ in range(count):
                    endpoint = socket.socket(fileno=self._channel.descriptors.popleft())
                    self._selector.register(endpoint, selectors.EVENT_READ)
            case {
                "op": "open",
                "ssid": ssid,
                "addresses": addresses,
                "key": key,
                "octets_max": most,
            }:
                self._reflector.open(
                    Reflect(
                        ssid=ssid,
                        addresses=frozenset(addresses),
                        key=None if key is None else bytes.fromhex(key),
                        octets_max=most,
                    )
                )
            case {"op": "close", "ssid": ssid}:
                self._report(ssid)
            case {"op": "standing", "id": name, "server_keys": keys, "key_file": key_file}:
                self._standing = StandingDesk(
                    server_keys=[PublicKey.from_text(text) for text in keys],
                    test_point=name,
                    own_key=load_or_create(Path(key_file)),
                )
            case _:
                raise ValueError(f"the host ordered {message.get('op')!r}")

    def _report(self, ssid: int) -> None:
        closed = self._reflector.close(ssid)
        if closed is None:
            return
        report = closed.report
        self._channel.send(
            {
                "ssid": ssid,
                "received": report.received,
                "replies": report.replies,
                "duplicates": report.duplicates,
                "reordered": report.reordered,
                "octets_received": closed.octets_received,
                "octets_sent": closed.octets_sent,
            }
        )

    def _drain(self, endpoint: socket.socket) -> None:
        for _ in range(_DATAGRAMS_AT_ONCE):
            try:
                datagram = receive(endpoint)
            except OSError:  # nothing more, or a report that an earlier answer was not wanted
                return
            self._answer(endpoint, datagram)

    def _answer(self, endpoint: socket.socket, datagram: Datagram) -> None:
        clock = self._clock
        if is_standing(datagram.data):
            self._greet(endpoint, datagram)
            return
        received_unix_ns = datagram.received_unix_ns
        if received_unix_ns is None:
            received_unix_ns = clock.unix_us() * NS_PER_US
        reply = self._reflector.received(
            datagram.data,
            address=_normalised(datagram.sender[0]),
            port=datagram.sender[1],
            received_unix_ns=received_unix_ns,
            ttl=datagram.ttl,
            now_ns=clock.monotonic_ns(),
        )
        if reply is None:
            self._answer_standing(endpoint, datagram, received_unix_ns)
            return
        encode, unix_us, send = reply.encode, clock.unix_us, endpoint.sendmsg
        sender, answer_from = datagram.sender, datagram.answer_from
        with contextlib.suppress(OSError):  # a full queue or no route: lost, as in any network
            send([encode(unix_us() * NS_PER_US)], answer_from, 0, sender)  # T3: nothing in between

    def _greet(self, endpoint: socket.socket, datagram: Datagram) -> None:
        if self._standing is None:
            return
        answer = self._standing.hello(
            datagram.data,
            (_normalised(datagram.sender[0]), datagram.sender[1]),
            now_unix_us=self._clock.unix_us(),
            now_ns=self._clock.monotonic_ns(),
        )
        _send(endpoint, datagram, answer)

    def _answer_standing(
        self, endpoint: socket.socket, datagram: Datagram, received_unix_ns: int
    ) -> None:
        if self._standing is None:
            return
        answer = self._standing.packet(
            datagram.data,
            (_normalised(datagram.sender[0]), datagram.sender[1]),
            received_unix_ns=received_unix_ns,
            ttl=datagram.ttl,
            now_ns=self._clock.monotonic_ns(),
        )
        _send(endpoint, datagram, answer)


def _send(endpoint: socket.socket, datagram: Datagram, answer: bytes | None) -> None:
    if answer is not None:
        with contextlib.suppress(OSError):  # lost, as in any network
            endpoint.sendmsg([answer], datagram.answer_from, 0, datagram.sender)


def main() -> None:
    """Run as a child of the host."""
    with contextlib.suppress(OSError):  # only root may; without it T3 still tells of lateness
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    with contextlib.suppress(ChannelClosedError):
        ReflectorDriver(channel_of_child(sys.argv), SystemClock()).run()


if __name__ == "__main__":
    main()
