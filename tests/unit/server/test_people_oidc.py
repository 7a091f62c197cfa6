"""Logins by the operator's provider: who is let in as what, and what is not believed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from omega_core import limits
from omega_core.errors import UsageError
from omega_core.units import NS_PER_S, US_PER_S
from omega_server.people.oidc.config import ProviderSettings, read_provider
from omega_server.people.oidc.door import ProviderDoor
from omega_server.people.oidc.flow import ProviderLogin
from omega_server.people.roles import CONSOLE, Role
from omega_server.refusals import Code
from support.oidc_provider import ISSUER, SmallProvider
from support.people import HERE, Crowd, client_of, code_in, guarded_app, why
from support.server_rig import Rig

CONFIG = f"""
issuer = "{ISSUER}"
client_id = "omega"
public_url = "https://omega.example.net"
[[roles]]
value = "hotline"
role = "helpdesk"
level = 1
[[roles]]
value = "field"
role = "technician"
"""


class Story:
    """A crowd, a provider, and logins from one to the other."""

    def __init__(self, rig: Rig, settings: ProviderSettings) -> None:
        self.crowd = Crowd(rig)
        self.provider = SmallProvider(rig.clock.unix_us() // US_PER_S)
        self.login = ProviderLogin(
            settings=settings,
            door=ProviderDoor(transport=self.provider.transport),
            entrance=self.crowd.people.entrance,
            journal=self.crowd.people.journal,
            store=rig.store,
            clock=rig.clock,
            key=rig.installation.key,
        )

    def entered(self) -> Any:  # noqa: ANN401 - Entered
        leaving = self.login.begin()
        state, code = self.provider.login(leaving.url)
        return self.login.finish(leaving.kept, state=state, code=code, address=HERE)


@pytest.fixture
def story(rig: Rig, tmp_path: Path) -> Story:
    path = tmp_path / "oidc.toml"
    path.write_text(CONFIG, "utf-8")
    settings = read_provider(path)
    assert settings is not None
    return Story(rig, settings)


def test_the_first_login_makes_an_account_with_the_role_of_the_claim(story: Story) -> None:
    entered = story.entered()
    assert (entered.person.name, entered.person.role) == ("tina", Role.TECHNICIAN)
    assert story.crowd.people.entrance.session(entered.token).person == entered.person
    assert story.entered().person == entered.person
    assert [what for _, what, _ in story.crowd.written()] == ["login", "login", "added"]


def test_a_role_follows_the_claim_and_ends_older_sessions(story: Story) -> None:
    before = story.entered()
    story.provider.claims["groups"] = "hotline"
    after = story.entered()
    assert (after.person.role, after.person.level) == (Role.HELPDESK, 1)
    ended = why(lambda: story.crowd.people.entrance.session(before.token))
    assert ended.code is Code.SESSION_ENDED


def test_nobody_takes_over_an_account_by_its_name(story: Story) -> None:
    story.crowd.add("tina", Role.ADMINISTRATOR)
    assert why(story.entered).code is Code.LOGIN_WRONG


def test_who_is_locked_here_is_not_let_in_from_there(story: Story) -> None:
    story.entered()
    story.crowd.people.desk.lock(CONSOLE, "tina")
    assert why(story.entered).code is Code.LOGIN_WRONG


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://login.example.net/other"}, id="another issuer"),
        pytest.param({"aud": "another"}, id="for another client"),
        pytest.param({"aud": ["omega", "another"]}, id="for two, given to nobody named"),
        pytest.param({"aud": 7}, id="for a number"),
        pytest.param({"nonce": "another"}, id="of another login"),
        pytest.param({"exp": 1}, id="too old"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"iat": 2**40}, id="of the future"),
        pytest.param({"nbf": 2**40}, id="not yet good"),
        pytest.param({"sub": ""}, id="of nobody"),
        pytest.param({"sub": 7}, id="of a number"),
        pytest.param({"groups": []}, id="without a role"),
        pytest.param({"groups": {"field": 1}}, id="with roles in another shape"),
        pytest.param({"preferred_username": "operator"}, id="of the operator's name"),
        pytest.param({"preferred_username": "a b"}, id="of a name that is none"),
    ],
)
def test_a_token_that_is_not_right_lets_nobody_in(story: Story, changes: dict[str, Any]) -> None:
    story.provider.claims.update(changes)
    assert why(story.entered).code is Code.LOGIN_WRONG
    assert story.crowd.written() == []


def test_a_token_of_two_audiences_names_us_as_its_holder(story: Story) -> None:
    story.provider.claims.update({"aud": ["omega", "another"], "azp": "omega"})
    assert story.entered().person.name == "tina"


def test_a_token_by_another_key_is_not_believed(story: Story) -> None:
    story.provider.signs_with = ECKey.generate_key("P-256", parameters={"kid": "k1"})
    assert why(story.entered).code is Code.LOGIN_WRONG


def test_a_login_is_finished_where_and_while_it_was_begun(story: Story) -> None:
    leaving, other = story.login.begin(), story.login.begin()
    state, code = story.provider.login(leaving.url)

    def finish(kept: str, state: str = state) -> object:
        return story.login.finish(kept, state=state, code=code, address=HERE)

    for kept in (other.kept, "", "x.y", leaving.kept[:-2], "." + leaving.kept):
        assert why(partial(finish, kept)).code is Code.LOGIN_WRONG
    assert why(lambda: finish(leaving.kept, "another")).code is Code.LOGIN_WRONG
    story.crowd.rig.clock.pass_ns(limits.OIDC_PENDING_S * NS_PER_S)
    assert why(lambda: finish(leaving.kept)).code is Code.LOGIN_WRONG


def test_a_code_is_redeemed_once(story: Story) -> None:
    leaving = story.login.begin()
    state, code = story.provider.login(leaving.url)
    story.login.finish(leaving.kept, state=state, code=code, address=HERE)
    again = why(lambda: story.login.finish(leaving.kept, state=state, code=code, address=HERE))
    assert again.code is Code.PROVIDER_SILENT


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"issuer": "https://other.example"}, id="another name"),
        pytest.param({"authorization_endpoint": None}, id="no page"),
        pytest.param({"authorization_endpoint": "http://login.example.net/"}, id="without TLS"),
        pytest.param({"authorization_endpoint": "javascript:alert(1)"}, id="a script"),
        pytest.param({"filler": "x" * limits.OIDC_ANSWER_BYTES_MAX}, id="too large"),
    ],
)
def test_a_provider_that_is_not_right_is_not_used(story: Story, changes: dict[str, Any]) -> None:
    story.provider.document.update(changes)
    assert why(story.login.begin).code is Code.PROVIDER_SILENT


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("issuer", "isuer", "issuer", id="a slip"),
        pytest.param(ISSUER, "http://login.example.net", "https", id="without TLS"),
        pytest.param("level = 1", "level = 9", "level", id="no such level"),
        pytest.param('"technician"', '"customer"', "customers", id="customers"),
        pytest.param("[[roles]]", "[[roles", "TOML", id="not TOML"),
    ],
)
def test_a_file_that_is_not_right_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "oidc.toml"
    path.write_text(CONFIG.replace(old, new), "utf-8")
    with pytest.raises(UsageError, match=said):
        read_provider(path)


def test_without_a_file_there_is_no_provider(tmp_path: Path) -> None:
    assert read_provider(tmp_path / "oidc.toml") is None


def test_a_browser_goes_to_the_provider_and_comes_back_logged_in(story: Story) -> None:
    story.crowd.people = replace(story.crowd.people, provider=story.login)
    with client_of(guarded_app(story.crowd), secure=True) as browser:
        left = browser.get("/v1/provider")
        assert left.status_code == 303
        state, code = story.provider.login(left.headers["location"])
        wrong = browser.get("/v1/provider/callback", params={"state": "x", "code": code})
        assert code_in(wrong) == "login_wrong"
        refused = browser.get("/v1/provider/callback", params={"error": "access_denied"})
        assert code_in(refused) == "login_wrong"
        back = browser.get("/v1/provider/callback", params={"state": state, "code": code})
        assert (back.status_code, back.headers["location"]) == (303, "/")
        assert browser.get("/v1/me").json()["name"] == "tina"
        assert set(browser.cookies) == {"__Host-omega"}


def test_without_a_provider_there_is_no_such_page(story: Story) -> None:
    with client_of(guarded_app(story.crowd)) as browser:
        assert code_in(browser.get("/v1/provider")) == "not_found"
