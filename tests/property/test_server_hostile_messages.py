"""Signed by a known key and still hostile: content changed anywhere is stored or refused by name.

A record's signature proves who sent it, not that an honest program made it. Each example takes a
good message, changes some places of its JSON, seals it again with the right key and posts it; the
server must answer with a refusal it has a name for, or take it, and never fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.canonical import canonical_bytes, parse_plain
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType, parse_envelope, seal
from omega_core.facts import INTEGER_MAX
from omega_core.key_events import rotation_of
from omega_core.keys import SigningKey
from omega_core.models import NotPlainJsonError, content_of
from omega_core.record import Record
from omega_server.refusals import RefusalError
from support.builders import goodput_run
from support.facts import evidence, idle_stream
from support.server_rig import Rig, digest_of, make_rig

NUMBERS = st.sampled_from(
    [-INTEGER_MAX, -1, 0, 1, 2, 100, 65_535, 65_536, 3_000_000, 2**32, INTEGER_MAX]
)
VALUES: st.SearchStrategy[Any] = NUMBERS | st.sampled_from(
    [None, True, False, 0.5, "", "x", "standard", "invalid", "0" * 64, [], {}, [0], [[0, 0]]]
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**9), st.sampled_from(["set", "drop", "double", "swap"]), VALUES),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(tmp_path_factory.mktemp("server"), selftests_max=1_000_000) as rig:
        yield rig


def places(value: Any, inside: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Yield the way to every value in a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*inside, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*inside, key))


def changed(content: Any, changes: list[tuple[int, str, Any]]) -> Any:  # noqa: ANN401 - JSON
    """Return the document with each change made somewhere; it is changed in place."""
    for number, what, value in changes:
        ways = list(places(content))
        if not ways:
            return content
        *way, last = ways[number % len(ways)]
        holder = content
        for step in way:
            holder = holder[step]
        if what == "set":
            holder[last] = deepcopy(value)  # the values are shared by all examples
        elif what == "drop":
            del holder[last]
        elif what == "double" and isinstance(holder, list):
            holder.insert(last, holder[last])
        elif isinstance(holder, list):
            holder.reverse()
    return content


def resealed(content: Any, kind: str, key: SigningKey) -> bytes | None:  # noqa: ANN401 - JSON
    try:
        return seal(canonical_bytes(content), kind, key)
    except (ValueError, NotPlainJsonError):
        return None  # our own writer does not write it; the tests of the reader send such bytes


SMALL = evidence(
    idle=(idle_stream(packets=12, lost_up=[3], lost_down=[5, 6]),),
    goodput=(goodput_run(flows=2, duration_us=2_000_000, rate_bps=8_000_000),),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=CHANGES, consistent=st.booleans())
def test_a_hostile_record_is_refused_by_name_or_taken(
    rig: Rig, changes: list[tuple[int, str, Any]], *, consistent: bool
) -> None:
    device = rig.enrolled()
    granted = rig.installed(device)
    rig.services.collector.observe(rig.observation(granted, SMALL))
    content = changed(parse_plain(parse_envelope(rig.record(granted, SMALL)).payload), changes)
    if consistent:
        content = with_metrics_of_its_evidence(content)
    envelope = resealed(content, PayloadType.RECORD, device.key)
    if envelope is None:
        return
    try:
        posted = rig.services.collector.post(envelope, digest_of(envelope))
    except RefusalError:
        return
    assert posted.row.envelope == envelope


def with_metrics_of_its_evidence(content: Any) -> Any:  # noqa: ANN401 - JSON
    """State the metrics that follow, so that a changed evidence gets as far as the judge."""
    try:
        record = Record.model_validate_json(canonical_bytes(content))
        return content_of(record.model_copy(update={"metrics": metrics_of(record.evidence)}))
    except (ValueError, TypeError):
        return content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_a_hostile_observation_is_refused_by_name_or_taken(
    rig: Rig, changes: list[tuple[int, str, Any]]
) -> None:
    granted = rig.installed(rig.enrolled())
    content = parse_plain(parse_envelope(rig.observation(granted, SMALL)).payload)
    envelope = resealed(changed(content, changes), PayloadType.OBSERVATION, rig.test_point_key)
    if envelope is None:
        return
    try:
        rig.services.collector.observe(envelope)
    except RefusalError:
        return
    posted = rig.services.collector.post(*with_key(rig.record(granted, SMALL)))
    assert posted.is_new


def with_key(envelope: bytes) -> tuple[bytes, str]:
    return envelope, digest_of(envelope)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_a_hostile_request_is_refused_by_name_or_granted(
    rig: Rig, changes: list[tuple[int, str, Any]]
) -> None:
    device = rig.enrolled()
    content = parse_plain(parse_envelope(rig.request(device)).payload)
    envelope = resealed(changed(content, changes), PayloadType.SESSION_REQUEST, device.key)
    if envelope is None:
        return
    try:
        rig.services.controller.grant(envelope)
    except RefusalError:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_a_hostile_rotation_is_refused_by_name_or_taken(
    rig: Rig, changes: list[tuple[int, str, Any]]
) -> None:
    device, new = rig.enrolled(), rig.new_key()
    honest = rotation_of(
        "agent",
        str(device.agent_id),
        old=device.key.public,
        new=new.public,
        server_key=rig.services.key.public,
        at_unix_us=rig.clock.unix_us(),
    )
    try:
        payload = canonical_bytes(changed(content_of(honest), changes))
    except (ValueError, NotPlainJsonError):
        return
    envelope = seal(payload, PayloadType.KEY_ROTATION, device.key, new)
    try:
        answer = rig.services.key_desk.rotate(envelope)
    except RefusalError:
        return
    assert answer.agent_id == device.agent_id
