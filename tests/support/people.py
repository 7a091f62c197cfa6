"""People on a rig: accounts with passwords, customers with links, an API that asks who comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from fastapi import FastAPI

from omega_server.api.admission import CSRF_HEADER
from omega_server.people.entrance import Entered
from omega_server.people.messages import NewPerson
from omega_server.people.opening import People, people_of
from omega_server.people.passwords import Cost
from omega_server.people.roles import CONSOLE, Caller, Role
from omega_server.refusals import RefusalError
from omega_server.site import create_site
from support.server_rig import Rig

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
"""For tests only: the smallest that RFC 9106 allows."""
PASSWORD = "quatre chevaux verts"
HERE = "192.0.2.44"


@dataclass
class Crowd:
    """People of a rig's store, and to whom sheets are assigned."""

    rig: Rig
    assigned: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people: People = people_of(
            self.rig.store, self.rig.clock, cost=CHEAP, technician_of=self.assigned.get
        )

    def add(self, name: str, role: Role = Role.TECHNICIAN, level: int | None = None) -> str:
        """Make an account with `PASSWORD`."""
        added = self.people.desk.add(CONSOLE, NewPerson(name=name, role=role, level=level))
        self.people.desk.set_by_link(added.reset.secret, PASSWORD, HERE)
        return name

    def entered(self, name: str) -> Entered:
        return self.people.entrance.login(name, PASSWORD, HERE)

    def caller(self, name: str) -> Caller:
        return Caller(person=self.entered(name).person, address=HERE)

    def customer(self, subscriber_ref: str) -> Entered:
        made = self.people.entrance.customer_link(CONSOLE, subscriber_ref)
        return self.people.entrance.enter(made.secret, HERE)

    @property
    def peopled(self) -> Rig:
        """The rig with these people in its services."""
        return replace(self.rig, services=replace(self.rig.services, people=self.people))

    def written(self, *, who: str | None = None) -> list[tuple[str, str, str]]:
        """Return who did what to what by the audit log, newest first."""
        page = self.people.journal.page(who=who)
        return [(each.who, each.what, each.subject_id) for each in page.entries]


def guarded_app(crowd: Crowd) -> FastAPI:
    """Return the API as it is, with these people."""
    return create_site(crowd.peopled.services, insecure=False)


class Browser:
    """Asks an application in this process, and keeps its cookies."""

    def __init__(self, app: FastAPI, base_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=base_url)

    @property
    def headers(self) -> httpx.Headers:
        return self._client.headers

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx'
        return self._loop.run_until_complete(self._client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx'
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx'
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx'
        return self.request("PUT", path, **more)

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


@contextmanager
def client_of(
    app: FastAPI, entered: Entered | None = None, *, secure: bool = False
) -> Iterator[Browser]:
    """Hand out a browser, logged in where somebody has entered."""
    scheme, cookie = ("https", "__Host-omega") if secure else ("http", "omega")
    browser = Browser(app, f"{scheme}://testserver")
    if entered is not None:
        browser.headers[CSRF_HEADER] = entered.csrf
        browser.headers["Cookie"] = f"{cookie}={entered.token}"
    try:
        yield browser
    finally:
        browser.close()


def why(call: Callable[[], object]) -> RefusalError:
    """Return why something is refused."""
    try:
        call()
    except RefusalError as refused:
        return refused
    raise AssertionError("it was not refused")


def code_in(answer: Any) -> str | None:  # noqa: ANN401 - a client's response
    """Return the code of a refusal, None for what is none."""
    if answer.headers.get("content-type") != "application/problem+json":
        return None
    content: Mapping[str, str] = answer.json()
    return content["code"]
