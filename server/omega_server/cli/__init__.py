"""The `omega-server` command: parse, compose, leave. Nothing is decided here."""

from omega_server.cli.program import main

__all__ = ["main"]
