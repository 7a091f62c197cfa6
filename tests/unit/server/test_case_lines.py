"""What a person reads of a sheet: every attempt, the numbers that are missing, and remarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from omega_core.key_history import KeyState
from omega_core.units import US_PER_S
from omega_core.verdict import Verdict
from omega_server.cli.case_lines import Language, case_lines
from omega_server.collector import Observers
from omega_server.views import AttemptView, CountsView, PlanView, RecordView, SheetView

NOON_UNIX_US = 1_795_003_200 * US_PER_S
HOUR_US = 3_600 * US_PER_S
DIGEST = "0123456789abcdef" * 4


def attempt(seq: int, **changes: Any) -> AttemptView:  # noqa: ANN401 - fields of the view
    fields: dict[str, Any] = {
        "grant_id": f"g-{seq}",
        "session_id": f"s-{seq}",
        "agent_id": "MA-000001",
        "seq": seq,
        "purpose": "install",
        "mode": "standard",
        "issued_unix_us": NOON_UNIX_US + seq * HOUR_US,
        "record_digest": None,
    }
    return AttemptView(**{**fields, **changes})


def record(seq: int | None, **changes: Any) -> RecordView:  # noqa: ANN401 - fields of the view
    fields: dict[str, Any] = {
        "digest": DIGEST,
        "session_id": f"s-{seq}",
        "agent_id": "MA-000001",
        "mode": "standard",
        "granted": True,
        "observers": "agree",
        "verdict": "pass",
        "received_unix_us": NOON_UNIX_US + 9 * HOUR_US,
        "seq": seq,
        "clock_offset_us": None,
        "key_state": "active",
    }
    return RecordView(**{**fields, **changes})


def lines(
    attempts: Sequence[AttemptView],
    records: Sequence[RecordView] = (),
    language: Language = Language.EN,
) -> list[str]:
    missing = sum(each.record_digest is None for each in attempts)
    view = SheetView(
        sheet_id="FI-2026-000001",
        state="dispatched",
        subscriber_ref="S-4711",
        plan=PlanView(id="FTTH-300-100", activated_unix_us=NOON_UNIX_US),
        created_unix_us=NOON_UNIX_US,
        counts=CountsView(
            attempts=len(attempts), missing=missing, valid=len(attempts) - missing, invalid=0
        ),
        attempts=tuple(attempts),
        records=tuple(records),
        events=(),
    )
    return list(case_lines(view.sheet_id, view, language))


THREE = (attempt(4), attempt(5), attempt(6, record_digest=DIGEST))


def test_three_attempts_of_which_one_led_to_a_record() -> None:
    assert lines(THREE, [record(6)]) == [
        "FI-2026-000001  dispatched",
        "  subscriber  S-4711, plan FTTH-300-100",
        "  activated   2026-11-18 12:00:00Z",
        "  attempts    3: 1 valid, 0 invalid, 2 without a record",
        "",
        "  when                  no.  for      mode      device     came to",
        "  2026-11-18 16:00:00Z    4  install  standard  MA-000001  no record",
        "  2026-11-18 17:00:00Z    5  install  standard  MA-000001  no record",
        "  2026-11-18 18:00:00Z    6  install  standard  MA-000001  "
        "pass, observers agree  0123456789ab",
        "",
        "  Missing: no. 4 and 5 of MA-000001. Granted, and never reported: broken off, still "
        "waiting on the device, or kept back.",
    ]


def test_the_document_shows_what_is_shown() -> None:
    document = (Path(__file__).parents[3] / "docs/operations.md").read_text("utf-8")
    shown = lines(THREE, [record(6)])
    assert "\n".join(shown).replace("dispatched", "measured", 1) in document


def test_the_same_in_french() -> None:
    assert lines(THREE, [record(6)], Language.FR)[1:] == [
        "  abonné      S-4711, offre FTTH-300-100",
        "  activée     2026-11-18 12:00:00Z",
        "  essais      3 : 1 valables, 0 non valables, 2 sans enregistrement",
        "",
        "  quand                 n°  pour     mode      appareil   a donné",
        "  2026-11-18 16:00:00Z   4  install  standard  MA-000001  aucun enregistrement",
        "  2026-11-18 17:00:00Z   5  install  standard  MA-000001  aucun enregistrement",
        "  2026-11-18 18:00:00Z   6  install  standard  MA-000001  "
        "accepté, observateurs d'accord  0123456789ab",
        "",
        "  Manquent : n° 4 et 5 de MA-000001. Autorisés, et jamais rapportés : interrompus, encore "
        "en attente sur l'appareil, ou retenus.",
    ]


def test_a_sheet_without_an_attempt_has_no_table() -> None:
    assert lines([])[-1] == "  attempts    0: 0 valid, 0 invalid, 0 without a record"


def test_nothing_is_said_to_be_missing_where_every_attempt_is_there() -> None:
    shown = lines([attempt(1, record_digest=DIGEST)], [record(1)])
    assert shown[-1].endswith(DIGEST[:12])


def test_each_device_has_its_own_numbers() -> None:
    others = [attempt(seq, agent_id="MA-000002") for seq in (1, 2, 3)]
    assert [line.partition(".  ")[0].partition(". Gr")[0] for line in lines([*THREE, *others])][
        -2:
    ] == ["  Missing: no. 4 and 5 of MA-000001", "  Missing: no. 1, 2 and 3 of MA-000002"]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({"key_state": "compromised"}, "; valid, key compromised", id="a stolen key"),
        pytest.param({"clock_offset_us": 60 * US_PER_S - 1}, "", id="a clock as clocks are"),
        pytest.param(
            {"clock_offset_us": -365 * 86_400 * US_PER_S},
            "; its clock was 31536000 s off",
            id="a clock a year slow",
        ),
    ],
)
def test_remarks_stand_beside_what_it_came_to(changes: dict[str, Any], shown: str) -> None:
    line = lines([attempt(1, record_digest=DIGEST)], [record(1, **changes)])[-1]
    assert line.partition("pass, observers agree")[2] == f"{shown}  {DIGEST[:12]}"


def test_a_record_without_a_grant_is_listed_when_it_came_in() -> None:
    dead = record(7, granted=False, observers="not_granted", verdict=None)
    assert lines([], [dead])[-1] == (
        "  2026-11-18 21:00:00Z    7  -    standard  MA-000001  "
        "not judged, without a grant  0123456789ab"
    )


def test_a_record_of_before_has_no_number() -> None:
    old = record(None, granted=False, observers="not_granted", verdict=None)
    assert lines([], [old])[-1].startswith("  2026-11-18 21:00:00Z    -  -    standard")


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("state", [each for each in KeyState if each is not KeyState.ACTIVE])
def test_every_state_verdict_and_agreement_has_its_word(
    language: Language, state: KeyState
) -> None:
    for verdict in (*Verdict, None):
        for observers in (Observers.AGREE, Observers.DISAGREE, Observers.MISSING):
            one = record(1, verdict=verdict, observers=observers, key_state=state)
            assert lines([attempt(1, record_digest=DIGEST)], [one], language)
