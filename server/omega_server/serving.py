"""uvicorn, told apart from its end: check-ins that wait are let go before it waits for them."""

from __future__ import annotations

import socket

import uvicorn

from omega_server.instructing.hub import Hub


class Server(uvicorn.Server):
    """Serves the API; a stop does not wait for agents that wait for something."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let everybody go, then end as usual: no new connections, requests answered."""
        self._hub.close()
        await super().shutdown(sockets)
