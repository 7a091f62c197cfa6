"""A ticket that another system has named is linked there as soon as it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_server.connectors.config import CONNECTORS_FILE
from omega_server.refusals import Code, RefusalError
from omega_server.ticket_desk import NewTicket
from omega_server.ticket_life.entries import Actor, Connected, ExternalId
from support.server_rig import Rig, make_rig

SYSTEMS = """
[[systems]]
name = "helpdesk"
kind = "zammad"
url = "https://help.example"
token_env = "OMEGA_HELPDESK_TOKEN"
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    data = tmp_path / "data"
    data.mkdir()
    (data / CONNECTORS_FILE).write_text(SYSTEMS)
    with make_rig(data) as made:
        yield made


def asked(rig: Rig, *external: ExternalId) -> NewTicket:
    return NewTicket(
        subscriber_ref=rig.subscriber().subscriber_ref,
        description="slow",
        actor=Actor(name="tmf621", level=1),
        external=external,
    )


def test_it_is_linked_where_it_was_named(rig: Rig) -> None:
    mine = ExternalId(id="0042", owner="helpdesk")
    ticket = rig.services.ticket_opening.open(asked(rig, mine, mine))
    (link,) = rig.store.deliveries.links(ticket.row.ticket_id)
    assert (link.system, link.external_id) == ("helpdesk", "42")
    assert Connected(system="helpdesk", external_id="42") in [each.body for each in ticket.entries]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ExternalId(id="INC-7", owner="another desk"), id="a system of others"),
        pytest.param(ExternalId(id="INC-7"), id="nobody's"),
    ],
)
def test_names_of_others_are_only_kept(rig: Rig, other: ExternalId) -> None:
    ticket = rig.services.ticket_opening.open(asked(rig, other))
    assert ticket.life.opened.external == (other,)
    assert list(rig.store.deliveries.links(ticket.row.ticket_id)) == []


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        pytest.param(["INC-7"], "have a number", id="no number of that system"),
        pytest.param(["7", "8"], "one number", id="two numbers"),
    ],
)
def test_a_wrong_name_opens_no_ticket(rig: Rig, numbers: list[str], said: str) -> None:
    wrong = [ExternalId(id=number, owner="helpdesk") for number in numbers]
    with pytest.raises(RefusalError, match=said) as refused:
        rig.services.ticket_opening.open(asked(rig, *wrong))
    assert refused.value.code is Code.SCHEMA_INVALID
    assert rig.store.cases.count_tickets() == 0
