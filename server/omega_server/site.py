"""The API and the pages, as the one application that is served."""

from __future__ import annotations

from fastapi import FastAPI

from omega_server.api.application import create_app
from omega_server.api.services import Services
from omega_server.pages.site import install


def create_site(services: Services, *, insecure: bool, time_zone: str = "UTC") -> FastAPI:
    """Return the ASGI application; `time_zone` is that of the times on pages."""
    app = create_app(services, insecure=insecure)
    install(app, services, time_zone)
    return app
