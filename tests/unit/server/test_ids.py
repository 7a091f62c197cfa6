"""Names: sorted by time, never twice, in the forms that documents promise."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from omega_core.units import US_PER_MS
from omega_server.ids import agent_name, day_of, sheet_number, ticket_number, uuid7

NOW = 1_795_000_000_000_000


def test_a_uuid7_has_its_version_variant_and_time() -> None:
    value = UUID(uuid7(NOW))
    assert (value.version, value.variant) == (7, "specified in RFC 4122")
    assert value.int >> 80 == NOW // US_PER_MS


def test_ids_of_later_moments_sort_behind() -> None:
    ids = [uuid7(NOW + step * US_PER_MS) for step in range(50)]
    assert ids == sorted(ids)


def test_ids_of_one_moment_differ() -> None:
    assert len({uuid7(NOW) for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("unix_us", "expected"),
    [
        pytest.param(0, date(1970, 1, 1), id="the first microsecond"),
        pytest.param(1_798_761_599_999_999, date(2026, 12, 31), id="the last of a year"),
        pytest.param(1_798_761_600_000_000, date(2027, 1, 1), id="the one after it"),
    ],
)
def test_a_day_is_utc(unix_us: int, expected: date) -> None:
    assert day_of(unix_us) == expected


def test_numbers_for_people() -> None:
    assert sheet_number(2026, 42) == "FI-2026-000042"
    assert ticket_number(2026, 1_234_567) == "TT-2026-1234567"
    assert agent_name(7) == "MA-000007"
