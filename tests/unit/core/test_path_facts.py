"""Path facts as a record carries them: parsed strictly, and older records have none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core import limits
from omega_core.evidence import Evidence
from omega_core.path import MtuEnd, NameOutcome, PathFacts, PathRole
from support.path_lines import TARGET, echoes, family_path, name_server, path_facts, search, trace

EVIDENCE = TypeAdapter(Evidence)
FACTS = path_facts(
    family_path(
        traces=(trace("192.168.1.1", None, TARGET),),
        echoes=(echoes(PathRole.TEST_POINT, 900, None),),
        mtu=search(MtuEnd.WHOLE, 1_500, None),
    ),
    names=(name_server("192.0.2.53", NameOutcome.ANSWERED, 0),),
)


def plain() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(EVIDENCE.dump_json(Evidence(path=FACTS)))
    return content


def test_evidence_carries_a_path_and_gives_it_back() -> None:
    assert EVIDENCE.validate_json(json.dumps(plain())) == Evidence(path=FACTS)


def test_evidence_from_before_there_were_paths_has_none() -> None:
    content = plain()
    del content["path"]
    assert EVIDENCE.validate_json(json.dumps(content)).path is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(("families", 0, "source"), "192.168.1.20 ", id="an address with a blank"),
        pytest.param(("families", 0, "source"), "somebody.example", id="a name for an address"),
        pytest.param(("families", 0, "family"), 5, id="a family that there is not"),
        pytest.param(("families", 0, "family"), 4.0, id="a family that is no whole number"),
        pytest.param(("families", 0, "mtu"), None, id="missing without a reason"),
        pytest.param(("families", 0, "traces", 0, "hops", 0, "ttl"), 2, id="hops with a gap"),
        pytest.param(("families", 0, "traces", 0, "hops", 0, "ttl"), 0, id="a TTL of zero"),
        pytest.param(("families", 0, "traces", 0, "method"), "magic", id="an unknown method"),
        pytest.param(
            ("families", 0, "traces", 0, "hops", 0, "rtt_us"),
            [1] * (limits.PATH_PROBES_OF_A_HOP_MAX + 1),
            id="more probes of a hop than there can be",
        ),
        pytest.param(("families", 0, "echoes", 0, "rtt_us", 0), -1, id="a negative round trip"),
        pytest.param(("families", 0, "surprise"), 1, id="an unknown field"),
        pytest.param(("names", 0, "questions", 0, "rcode"), 256, id="a code of nine bits"),
        pytest.param(("carrier",), "yes", id="a carrier that is no truth value"),
        pytest.param(("portal",), {"not_observed": "tired"}, id="a reason nobody knows"),
    ],
)
def test_what_no_probe_writes_is_refused(place: tuple[str | int, ...], value: object) -> None:
    content = plain()
    inner: Any = content["path"]
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        EVIDENCE.validate_json(json.dumps(content))


def test_the_fullest_path_leaves_room_in_a_record() -> None:
    rtts = (10_000_000,) * limits.PATH_ROUNDS
    hop = trace(TARGET).hops[0]
    hops = tuple(
        type(hop)(
            ttl=ttl,
            address="2001:db8:1111:2222:3333:4444:5555:6666",
            rtt_us=rtts,
            answer=hop.answer,
        )
        for ttl in range(1, limits.PATH_TTL_MAX + 1)
    )
    traces = (trace(TARGET, hops=hops),) * (2 + 2 * limits.PATH_REFERENCES_MAX)
    rows = (echoes(PathRole.REFERENCE, *[10_000_000] * 20),) * limits.PATH_ECHO_ROWS_MAX
    full = path_facts(*(family_path(number, traces=traces, echoes=rows) for number in (4, 6)))
    size = len(TypeAdapter(PathFacts).dump_json(full))
    assert size < limits.RECORD_BYTES_MAX // 5
