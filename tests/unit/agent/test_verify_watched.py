"""`omega verify` of what a watch saw: what it needs, what spoils it, how it is told."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from omega_agent.show_verify import folder_lines, verify_lines
from omega_agent.texts import LANGUAGES, Language, Speaker
from omega_agent.verify import verify
from omega_agent.verify_folder import folder_report
from omega_agent.verify_report import Standing, Unchecked
from omega_core import limits
from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched, Watched
from omega_core.availability_record import AvailabilityRecord
from omega_core.bundle import Bundle
from omega_core.envelope import PayloadType, parse_envelope
from omega_core.record import AgentRef
from omega_core.units import US_PER_S
from support import builders
from support.builders import AGENT_ID, AGENT_KEY, SERVER_KEY, STRANGER_KEY
from support.verified import GOOD, checked, sealed, statement

STARTED_US = 1_790_000_000 * US_PER_S
DAY_US = 86_400 * US_PER_S


def second(at: int) -> int:
    return STARTED_US + at * US_PER_S


OUTAGE = SeenOutage(
    since_us=second(100),
    first_failed_us=second(101),
    last_failed_us=second(160),
    until_us=second(161),
    round_trip_us=20_000,
)


def watched(*outages: SeenOutage, gaps: tuple[Gap, ...] = ()) -> Watched:
    return Watched(
        started_us=STARTED_US,
        ended_us=STARTED_US + DAY_US,
        outages=outages,
        gaps=gaps,
        attempts=Attempts(answered=86_000, failed=60),
    )


def record(seen: Watched | None = None, **changes: Any) -> AvailabilityRecord:  # noqa: ANN401 - fields
    fields: dict[str, Any] = {
        "agent": AgentRef(id=AGENT_ID, kid=AGENT_KEY.public.kid, software="omega test"),
        "test_point": "tp-1",
        "seq": 3,
        "prev": "a" * 64,
        "closed": "day",
        "period_us": limits.WATCH_PERIOD_US,
        "waiting_us": limits.WATCH_WAIT_US,
        "clock_step_us": 0,
        "watched": watched(OUTAGE) if seen is None else seen,
        **changes,
    }
    return AvailabilityRecord(**fields)


def bundle_of(of: AvailabilityRecord, **changes: Any) -> Bundle:  # noqa: ANN401 - fields of the bundle
    envelope = sealed(of, PayloadType.AVAILABILITY, AGENT_KEY)
    receipt = builders.receipt(
        envelope.encode(), session_id=None, posted_to="nobody", posted_id=None, verdict=None
    )
    fields: dict[str, Any] = {
        "record": envelope,
        "grant": None,
        "observation": None,
        "profile": None,
        "receipt": sealed(receipt, PayloadType.RECEIPT, SERVER_KEY),
        "keys": (statement(),),
        "key_events": (),
        **changes,
    }
    return Bundle(**fields)


def test_all_is_in_order() -> None:
    report = checked(bundle_of(record()))
    assert (report.standing, report.failed) == (Standing.TRUSTED, None)
    assert (report.kind, report.unchecked) == (PayloadType.AVAILABILITY, [])
    assert report.watched == record()
    content: Any = report.content()
    assert content["availability"]["watched"]["outages"][0]["since_us"] == OUTAGE.since_us
    assert content["record"] is None


def test_a_bare_envelope_is_as_good_as_the_statement_beside_it() -> None:
    envelope = sealed(record(), PayloadType.AVAILABILITY, AGENT_KEY).encode()
    report = verify(envelope, trusted=[SERVER_KEY.public], statements=[statement()])
    assert (report.standing, report.unchecked) == (Standing.TRUSTED, [Unchecked.NO_RECEIPT])
    alone = verify(envelope, trusted=[SERVER_KEY.public])
    assert (alone.standing, alone.failed) == (Standing.INVALID, "key_missing")


def test_by_nobody_who_is_trusted() -> None:
    report = checked(bundle_of(record()), [STRANGER_KEY.public])
    assert report.standing is Standing.NOT_TRUSTED
    assert Unchecked.AGENT_KEY_NOT_VOUCHED in report.unchecked


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        pytest.param({"grant": GOOD.grant}, "grant", id="a grant, which no watch has"),
        pytest.param({"observation": GOOD.observation}, "observation", id="a second end"),
        pytest.param({"profile": GOOD.profile}, "profile", id="something to be judged by"),
        pytest.param({"receipt": GOOD.receipt}, "receipt", id="the receipt of a session"),
        pytest.param({"run_key": STRANGER_KEY.public.text}, "key_statement", id="a key of no use"),
    ],
)
def test_what_has_no_place_in_it(changes: dict[str, Any], failed: str) -> None:
    report = checked(bundle_of(record(), **changes))
    assert (report.standing, report.failed) == (Standing.INVALID, failed)


@pytest.mark.parametrize(
    ("agent", "failed"),
    [
        pytest.param({"kid": STRANGER_KEY.public.kid}, "key_id", id="another key"),
        pytest.param({"id": "MA-999999"}, "key_statement", id="another agent"),
    ],
)
def test_whose_it_says_that_it_is(agent: dict[str, str], failed: str) -> None:
    named = AgentRef(
        **{"id": AGENT_ID, "kid": AGENT_KEY.public.kid, "software": "omega test", **agent}
    )
    report = checked(bundle_of(record(agent=named)))
    assert (report.standing, report.failed) == (Standing.INVALID, failed)


def test_a_receipt_for_another_record() -> None:
    other = bundle_of(record(seq=4))
    report = checked(bundle_of(record(), receipt=other.receipt))
    assert (report.standing, report.failed) == (Standing.INVALID, "digest")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_share_is_told_and_each_outage(language: Language) -> None:
    lasting = SeenOutage(
        since_us=second(500),
        first_failed_us=second(501),
        last_failed_us=second(86_399),
        until_us=None,
        round_trip_us=20_000,
    )
    lost = SeenOutage(
        since_us=second(200),
        first_failed_us=second(201),
        last_failed_us=second(201),
        until_us=second(202),
        round_trip_us=20_000,
    )
    report = checked(bundle_of(record(watched(OUTAGE, lost, lasting))))
    lines = verify_lines(report, Speaker(language), colour=False)
    told = [line for line in lines if line.startswith("  ")]
    assert len(told) == 2, "one lost packet is no outage that anybody wants to read of"
    assert "59.0" in told[0]
    assert "61.0" in told[0]
    assert "85897" in told[1] or "85898" in told[1]
    assert any("0.5057" in line and "0.5128" in line for line in lines), "437 to 443 of 86,400 s"


def test_a_thousand_outages_fill_no_terminal_and_a_day_nobody_looked_is_told() -> None:
    many = [
        SeenOutage(
            since_us=second(10 * at),
            first_failed_us=second(10 * at + 1),
            last_failed_us=second(10 * at + 4),
            until_us=second(10 * at + 5),
            round_trip_us=20_000,
        )
        for at in range(1_000)
    ]
    speaker = Speaker("en")
    report = checked(bundle_of(record(watched(*many))))
    assert len(verify_lines(report, speaker, colour=False)) < 40
    gap = Gap(started_us=STARTED_US, ended_us=STARTED_US + DAY_US, cause=Unwatched.STOPPED)
    report = checked(bundle_of(record(watched(gaps=(gap,)))))
    assert any("Nothing" in line for line in verify_lines(report, speaker, colour=False))


def test_in_a_folder_the_windows_that_are_missing_are_told() -> None:
    first, third = record(seq=3), record(seq=5)
    files = [
        (f"{each.seq}.json", bundle_of(each).to_bytes()) for each in (first, third, record(seq=5))
    ]
    report = folder_report(files, partial(verify, trusted=[SERVER_KEY.public]))
    assert (report.files, report.valid_and_trusted) == (3, 3)
    (gap,) = report.missing
    assert (gap.what, gap.first_seq, gap.last_seq) == ("availability", 4, 4)
    assert "4" in folder_lines(report, Speaker("en"), colour=False)[-1]


def test_a_watch_that_lost_its_journal_counts_anew_and_contradicts_nothing() -> None:
    files = [
        (f"{at}.json", bundle_of(record(seq=0, prev=None, test_point=f"tp-{at}")).to_bytes())
        for at in range(2)
    ]
    report = folder_report(files, partial(verify, trusted=[SERVER_KEY.public]))
    assert (report.invalid, report.missing) == (0, ())


def test_a_record_is_named_by_its_digest() -> None:
    bundle = bundle_of(record())
    assert checked(bundle).digest == parse_envelope(bundle.record.encode()).payload_digest
