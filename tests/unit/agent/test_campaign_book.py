"""A campaign on the disk of a device: written before and after each attempt, mended after a cut."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.rules.state import CampaignState, in_contract_layer
from omega_agent.campaign_book import CampaignBook
from omega_agent.campaign_run import CampaignRun
from omega_agent.campaign_status import campaign_status
from omega_agent.errors import NoAnswerError, WrongUseError
from omega_agent.home import Home
from omega_agent.outbox_directory import DirectoryOutbox
from omega_agent.records import Records
from omega_agent.session_request import Wanted
from omega_agent.sessions import Asked, Kept
from omega_agent.waiting_record import WaitingRecord
from omega_core.errors import ExitCode
from omega_core.evidence import Evidence
from omega_core.limits import CAMPAIGN_BYTES_MAX, CAMPAIGN_RUN_S_MAX
from omega_core.record import CampaignRef, Chain
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.verdict import Fault, Mode
from support import builders
from support.agent_story import PLAN_ID, Story, dead_line
from support.clock import START_UNIX_US, HandClock
from support.facts import evidence
from support.rules import BNETZA, rule

ZONE = ZoneInfo("Europe/Berlin")
RULE = rule(BNETZA)
RUN_S = 45


@dataclass
class CampaignStory(Story):
    """The same line, measured for a campaign."""

    mode: Mode = Mode.CAMPAIGN
    campaign: CampaignRef | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(purpose="selftest", mode=self.mode, plan_id=PLAN_ID, campaign=self.campaign)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def book(home: Home) -> CampaignBook:
    return CampaignBook(home)


def begun(book: CampaignBook) -> CampaignState:
    state = CampaignState(id="CA-1", rule=RULE.ref, plan_id=PLAN_ID, begun_unix_us=START_UNIX_US)
    book.store(state)
    return state


class Device:
    """What the ordinary way to measure tells a `CampaignRun`, step by step."""

    def __init__(self, book: CampaignBook, of: Evidence | None = None, **changes: object) -> None:
        self.book = book
        self.clock = HandClock()
        state = book.current()
        self.story = CampaignStory(campaign=state.next_ref, **changes)  # type: ignore[arg-type] # fields
        if of is not None:
            self.story.evidence = of
        self.run = CampaignRun(book=book, rule=RULE, zone=ZONE, clock=self.clock, state=state)
        self.chain = Chain(seq=len(state.attempts) + 1, prev=None)

    def ask(self, *, answered: bool = True) -> None:
        granted = self.story.granted if answered else None
        asked = Asked(wanted=self.story.wanted, attempts=(), chain=self.chain, granted=granted)
        self.run.asked(asked)

    def sealed(self) -> Kept:
        sealed = self.story.sealed_record()
        item = WaitingRecord(
            digest=sealed.digest,
            server_url="https://omega.example",
            insecure=False,
            server_key=builders.SERVER_KEY.public.text,
            bundle=sealed.bundle,
        )
        return Kept(sealed=sealed, item=item, in_outbox=True)

    def keep(self, kept: Kept) -> None:
        self.run.kept(self.story.held(), kept)


class TestAnAttempt:
    def test_is_on_the_disk_before_it_is_made(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask()
        (attempt,) = CampaignBook(book._home).current().attempts
        assert (attempt.seq, attempt.started_unix_us) == (1, START_UNIX_US)
        assert attempt.ended_unix_us is None

    def test_is_closed_with_what_its_record_says(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask()
        device.clock.pass_ns(RUN_S * NS_PER_S)
        kept = device.sealed()
        device.keep(kept)
        state = book.current()
        (attempt,) = state.attempts
        assert attempt.ended_unix_us == START_UNIX_US + RUN_S * US_PER_S
        assert attempt.record_digest == kept.sealed.digest
        found = kept.sealed.record.metrics["goodput_bps_down"].value
        assert found is not None
        assert device.story.profile is not None
        assert attempt.down_bps == in_contract_layer(device.story.profile, found, 4) > found
        assert attempt.invalid_because is None
        assert state.contract is not None
        assert state.contract.profile == device.story.profile.ref

    def test_its_record_names_campaign_rule_and_number(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask()
        session = device.sealed().sealed.record.session
        assert session.campaign == CampaignRef(id="CA-1", rule=RULE.ref, attempt=1)
        assert (session.mode, session.purpose) == (Mode.CAMPAIGN, "selftest")

    def test_a_clock_that_is_set_meanwhile_does_not_count(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask()
        device.clock.step_unix_us(-400 * 86_400 * US_PER_S)
        device.clock.pass_ns(RUN_S * NS_PER_S)
        device.keep(device.sealed())
        assert book.current().attempts[0].ended_unix_us == START_UNIX_US + RUN_S * US_PER_S

    @pytest.mark.parametrize(
        ("of", "faults", "because"),
        [
            pytest.param(None, (Fault.CROSS_TRAFFIC,), "cross_traffic", id="a fault"),
            pytest.param(evidence(goodput=()), (), "not_measured", id="no rate"),
        ],
    )
    def test_that_says_nothing_does_not_count(
        self, book: CampaignBook, of: Evidence | None, faults: tuple[Fault, ...], because: str
    ) -> None:
        begun(book)
        device = Device(book, of, faults=faults)
        device.ask()
        device.keep(device.sealed())
        (attempt,) = book.current().attempts
        assert (attempt.invalid_because, attempt.taken.valid) == (because, False)

    def test_a_line_without_an_answer_makes_none(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask(answered=False)
        held = dead_line(device.story, NoAnswerError("no_attempt", server="x"))
        sealed = device.story.sealed_record(held)
        device.run.kept(held, Kept(sealed=sealed, item=None, in_outbox=False))
        assert book.current().attempts == ()

    def test_a_grant_of_a_time_at_which_none_is_due_is_not_used(self, book: CampaignBook) -> None:
        begun(book)
        first = Device(book)
        first.ask()
        first.keep(first.sealed())
        second = Device(book)  # its grant is of the same second
        with pytest.raises(WrongUseError, match="was due any more") as refusal:
            second.ask()
        assert refusal.value.exit_code is ExitCode.USAGE
        assert len(book.current().attempts) == 1

    def test_another_process_that_was_at_the_book_first_wins(self, book: CampaignBook) -> None:
        begun(book)
        late, quick = Device(book), Device(book)
        quick.ask()
        with pytest.raises(WrongUseError, match="another command"):
            late.ask()


class TestAfterAPowerCut:
    def cut(self, book: CampaignBook) -> tuple[Device, Kept]:
        begun(book)
        device = Device(book)
        device.ask()
        return device, device.sealed()

    def test_an_attempt_whose_record_waits_is_completed_from_it(
        self, book: CampaignBook, home: Home
    ) -> None:
        _, kept = self.cut(book)
        assert kept.item is not None
        DirectoryOutbox(home.outbox).put(kept.item.digest, kept.item.to_bytes())
        (attempt,) = book.current().attempts
        assert (attempt.record_digest, attempt.taken.valid) == (kept.sealed.digest, True)
        assert attempt.ended_unix_us == START_UNIX_US + CAMPAIGN_RUN_S_MAX * US_PER_S

    def test_or_from_one_that_was_posted(self, book: CampaignBook, home: Home) -> None:
        device, kept = self.cut(book)
        Records(home.records).keep(kept.sealed.digest, device.story.bundle())
        assert book.current().attempts[0].record_digest == kept.sealed.digest

    def test_one_that_left_no_record_counts_for_nothing(
        self, book: CampaignBook, home: Home
    ) -> None:
        self.cut(book)
        Records(home.records).keep("0" * 64, Story().bundle())  # of an installation
        (home.records / f"{'1' * 64}.json").write_text("damaged")
        state = book.current()
        assert state.attempts[0].taken.valid is False
        standing = state.standing(RULE, ZONE, START_UNIX_US)
        assert (standing.phase, standing.why, standing.done) == (Phase.TOO_EARLY, Why.GAP, 0)

    def test_a_record_of_another_place_in_the_chain_is_not_taken_for_it(
        self, book: CampaignBook, home: Home
    ) -> None:
        device, kept = self.cut(book)
        Records(home.records).keep(kept.sealed.digest, device.story.bundle())
        state = book.load()
        assert state is not None
        other = state.attempts[0].model_copy(update={"seq": 2})
        book.store(state.model_copy(update={"attempts": (other,)}))
        assert book.current().attempts[0].ended_unix_us is None


class TestTheBook:
    def test_without_a_campaign_it_says_how_to_begin_one(self, book: CampaignBook) -> None:
        assert book.load() is None
        with pytest.raises(WrongUseError, match="no campaign is under way"):
            book.current()

    def test_it_is_the_owners_alone(self, book: CampaignBook, home: Home) -> None:
        begun(book)
        assert stat.S_IMODE(home.campaign_file.stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        "content",
        [b"", b"{}", b'{"schema_version":2}', b"x" * (CAMPAIGN_BYTES_MAX + 1)],
        ids=["empty", "nothing in it", "of a newer program", "too large"],
    )
    def test_what_is_no_campaign_is_told_with_its_file(
        self, book: CampaignBook, home: Home, content: bytes
    ) -> None:
        begun(book)
        home.campaign_file.write_bytes(content)
        with pytest.raises(WrongUseError, match=r"campaign\.json is damaged"):
            book.load()

    def test_a_stopped_campaign_stays_under_its_name(self, book: CampaignBook, home: Home) -> None:
        state = begun(book)
        path = book.put_away(state)
        assert path == home.campaigns / "CA-1.json"
        assert b'"CA-1"' in path.read_bytes()
        assert book.load() is None

    def test_the_plan_of_the_last_record_is_the_lines(self, book: CampaignBook, home: Home) -> None:
        assert book.last_plan() is None
        Records(home.records).keep("0" * 64, Story(has_profile=False).bundle())
        assert book.last_plan() is None
        Records(home.records).keep("1" * 64, Story().bundle())
        assert book.last_plan() == PLAN_ID


class TestStatus:
    def test_it_plans_every_run_that_is_left(self, book: CampaignBook) -> None:
        state = begun(book)
        found = campaign_status(state, RULE, ZONE, START_UNIX_US)
        assert (found.phase, len(found.planned_unix_us)) == (Phase.READY, 30)
        assert found.planned_unix_us[0] == START_UNIX_US

    def test_and_none_of_a_campaign_that_is_void(self, book: CampaignBook) -> None:
        begun(book)
        device = Device(book)
        device.ask()
        device.keep(device.sealed())
        late = START_UNIX_US + 3 * 86_400 * US_PER_S
        found = campaign_status(book.current(), RULE, ZONE, late)
        assert (found.phase, found.day, found.planned_unix_us) == (Phase.VOID, "2026-09-21", ())
