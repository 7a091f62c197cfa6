"""Congestion control at the sending end: the probe's wish, where this host can grant it."""

from __future__ import annotations

import socket

from omega_core.sockets.linux import congestion_control, wish_congestion_control

_GRANTED = frozenset({"bbr", "cubic", "reno"})
"""What a probe may wish for. Naming another could make the kernel load a module for a stranger."""


def choose_congestion_control(connection: socket.socket, wish: str | None) -> None:
    """Set what was wished for; the host's default stays where that can't be."""
    if wish in _GRANTED:
        wish_congestion_control(connection, wish)


def usable_congestion_control(wish: str | None) -> str:
    """Return what a socket of this host really uses under a wish, or without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        choose_congestion_control(trial, wish)
        return congestion_control(trial)
