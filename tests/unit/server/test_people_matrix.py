"""Every endpoint stands in the matrix, and asks for the right its line says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from omega_server.people.matrix import ENTRIES, Door, Endpoint, Entry, Of
from omega_server.people.roles import Right
from omega_server.site import create_site
from support.server_rig import Rig


def routes_of(routes: Any) -> Iterator[Any]:  # noqa: ANN401 - FastAPI's, of several classes
    """Return every route, also those of routers that are included as a whole."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from routes_of(inner.routes)


def endpoints_of(app: FastAPI) -> set[Endpoint]:
    return {
        (method, route.path)
        for route in routes_of(app.routes)
        for method in route.methods - {"HEAD"}
    }


def test_every_route_stands_in_the_matrix(rig: Rig) -> None:
    app = create_site(rig.services, insecure=False)
    assert endpoints_of(app) == set(ENTRIES)


def test_a_route_without_an_entry_is_found(rig: Rig) -> None:
    app = create_site(rig.services, insecure=False)
    app.add_api_route("/v1/forgotten", lambda: None, methods=["DELETE"])
    assert ("DELETE", "/v1/forgotten") in endpoints_of(app) - set(ENTRIES)


@pytest.mark.parametrize("endpoint", list(ENTRIES), ids=" ".join)
def test_what_is_asked_about_stands_in_the_path(endpoint: Endpoint) -> None:
    entry, path = ENTRIES[endpoint], endpoint[1]
    named = {
        Of.LINE: "{subscriber_ref}",
        Of.SHEET: "{sheet_id}",
        Of.TICKET: "{ticket_id}",
        Of.RECORD: "{digest}",
        Of.INSTRUCTION: "{instruction_id}",
    }
    assert named.get(entry.of, "") in path


def test_only_what_must_be_is_open() -> None:
    changing = [
        path
        for (method, path), entry in ENTRIES.items()
        if entry.door is Door.ANYBODY and method != "GET"
    ]
    assert changing == ["/v1/login", "/v1/enter", "/v1/reset", "/login", "/password/{secret}"]


def test_who_is_logged_in_may_do_without_a_right_what_is_their_own() -> None:
    own = [path for (_, path), entry in ENTRIES.items() if entry == Entry()]
    of_programs = ["/v1/logout", "/v1/me", "/v1/me/password", "/v1/me/pin"]
    assert own == [*of_programs, "/logout", "/me", "/me/pin"]


def test_accounts_are_kept_with_one_right() -> None:
    rights = {entry.right for (_, path), entry in ENTRIES.items() if path.startswith("/v1/people")}
    assert rights == {Right.PEOPLE}
