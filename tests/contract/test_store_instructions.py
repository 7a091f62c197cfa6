"""Instructions and presence: what the store promises of them, on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.limits import INSTRUCTION_RUN_S_MAX
from omega_core.units import US_PER_S
from omega_server.store.errors import (
    AlreadyThereError,
    InstructionEndedError,
    InstructionTakenError,
    NotThereError,
    TooManyHeldError,
)
from omega_server.store.instruction_port import (
    EVERYONE,
    InstructionEventRow,
    InstructionRow,
    SuppressionRow,
)
from omega_server.store.port import Store
from support.instructions import (
    CLERK,
    OTHER_INSTANCE,
    instruction_row,
    presence_row,
    report_row,
)
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import NOW, agent, at_once, event, token

HELD_MAX = 3


def with_agents(store: Store, count: int = 1) -> Store:
    for number in range(1, count + 1):
        store.enrolment.add_token(token(number))
        store.enrolment.enrol(agent(number), token_digest=token(number).digest)
    return store


def issued(store: Store, row: InstructionRow) -> tuple[InstructionRow, bool]:
    return store.instructions.issue(row, event=None, held_max=HELD_MAX)


def withdrawal(number: int = 1) -> InstructionEventRow:
    return report_row(
        number, state="withdrawn", instance=None, report_no=None, by=CLERK, code="withdrawn"
    )


class Ready:
    """A store that knows an agent."""

    @pytest.fixture
    def ready(self, store: Store) -> Store:
        return with_agents(store)


class IssueContract(Ready):
    """How an instruction comes to be."""

    def test_what_is_kept_is_what_was_given(self, ready: Store) -> None:
        row = instruction_row()
        assert issued(ready, row) == (row, True)
        assert ready.instructions.instruction("i-001") == row
        assert ready.instructions.instructions_of(agent_id="MA-000001") == [row]
        assert ready.instructions.instructions_of(ticket_id="TT-2026-000001") == [row]
        assert [each.state for each in ready.instructions.events_of("i-001")] == ["issued"]

    def test_the_event_is_logged_once(self, ready: Store) -> None:
        entry = replace(event("diagnosis_asked"), subject="ticket", subject_id="TT-2026-000001")
        for number in (1, 2):
            row = instruction_row(number, alike="the same")
            ready.instructions.issue(row, event=entry, held_max=HELD_MAX)
        assert ready.cases.events("ticket", "TT-2026-000001") == [entry]

    def test_the_same_wish_gives_what_is_under_way(self, ready: Store) -> None:
        first, _ = issued(ready, instruction_row(1, alike="the same"))
        assert issued(ready, instruction_row(2, alike="the same")) == (first, False)
        assert ready.instructions.instruction("i-002") is None

    def test_of_many_at_once_one_is_kept(self, ready: Store) -> None:
        got = at_once(lambda number: issued(ready, instruction_row(number, alike="the same")))
        kept = {row.instruction_id for row, _ in got}  # type: ignore[misc]
        assert len(kept) == 1
        assert sum(is_new for _, is_new in got) == 1  # type: ignore[misc]

    def test_the_same_wish_again_after_its_end(self, ready: Store) -> None:
        issued(ready, instruction_row(1, alike="the same"))
        ready.instructions.withdraw(withdrawal(), event=None)
        assert issued(ready, instruction_row(2, alike="the same"))[1]

    def test_the_same_wish_again_after_its_time(self, ready: Store) -> None:
        issued(ready, instruction_row(1, alike="the same", not_after_unix_us=NOW))
        late = instruction_row(2, alike="the same", issued_unix_us=NOW + 1)
        assert issued(ready, late)[1]

    def test_no_more_than_an_agent_may_hold(self, ready: Store) -> None:
        for number in range(HELD_MAX):
            issued(ready, instruction_row(number))
        with pytest.raises(TooManyHeldError):
            issued(ready, instruction_row(HELD_MAX))

    def test_no_agent_of_this_name(self, ready: Store) -> None:
        with pytest.raises(NotThereError):
            issued(ready, instruction_row(agent_id="MA-000009"))


class ReportContract(Ready):
    """What agents say of it."""

    def test_accepted_takes_it(self, ready: Store) -> None:
        issued(ready, instruction_row())
        assert ready.instructions.report(report_row(), event=None)
        row = ready.instructions.instruction("i-001")
        assert row is not None
        assert row.taken_by == report_row().instance

    def test_the_same_again_changes_nothing(self, ready: Store) -> None:
        issued(ready, instruction_row())
        assert ready.instructions.report(report_row(), event=None)
        assert not ready.instructions.report(report_row(), event=event())
        assert len(ready.instructions.events_of("i-001")) == 2
        assert ready.cases.events("sheet", event().subject_id) == []

    def test_the_last_one_again_after_the_end(self, ready: Store) -> None:
        issued(ready, instruction_row())
        ready.instructions.report(report_row(), event=None)
        done = report_row(state="done", report_no=2, record_digest="0" * 64)
        assert ready.instructions.report(done, event=None)
        assert not ready.instructions.report(done, event=None)
        row = ready.instructions.instruction("i-001")
        assert row is not None
        assert (row.ended_as, row.ended_unix_us) == ("done", done.at_unix_us)

    def test_of_many_daemons_one_takes_it(self, ready: Store) -> None:
        issued(ready, instruction_row())

        def accept(number: int) -> bool:
            said = report_row(instance=f"{number:022d}")
            return ready.instructions.report(said, event=None)

        got = at_once(accept)
        assert sum(each is True for each in got) == 1
        assert all(each is True or isinstance(each, InstructionTakenError) for each in got)

    def test_another_daemon_says_nothing_of_it(self, ready: Store) -> None:
        issued(ready, instruction_row())
        ready.instructions.report(report_row(), event=None)
        said = report_row(instance=OTHER_INSTANCE, state="failed", code="x")
        with pytest.raises(InstructionTakenError):
            ready.instructions.report(said, event=None)

    def test_anybody_may_be_busy_before_it_is_taken(self, ready: Store) -> None:
        issued(ready, instruction_row())
        for instance in (report_row().instance, OTHER_INSTANCE):
            assert ready.instructions.report(
                report_row(instance=instance, state="busy", code="another_test"), event=None
            )

    def test_too_late(self, ready: Store) -> None:
        issued(ready, instruction_row(not_after_unix_us=NOW))
        with pytest.raises(InstructionEndedError, match="expired"):
            ready.instructions.report(report_row(at_unix_us=NOW + 1), event=None)

    def test_at_the_last_moment(self, ready: Store) -> None:
        issued(ready, instruction_row(not_after_unix_us=NOW))
        assert ready.instructions.report(report_row(at_unix_us=NOW), event=None)

    def test_after_it_was_withdrawn(self, ready: Store) -> None:
        issued(ready, instruction_row())
        ready.instructions.withdraw(withdrawal(), event=None)
        with pytest.raises(InstructionEndedError, match="withdrawn"):
            ready.instructions.report(report_row(), event=None)

    def test_of_nothing(self, ready: Store) -> None:
        with pytest.raises(NotThereError):
            ready.instructions.report(report_row(), event=None)


class WithdrawContract(Ready):
    """What operators take back."""

    def test_once(self, ready: Store) -> None:
        issued(ready, instruction_row())
        assert ready.instructions.withdraw(withdrawal(), event=event())
        assert not ready.instructions.withdraw(withdrawal(), event=event())
        assert len(ready.cases.events("sheet", event().subject_id)) == 1
        states = [each.state for each in ready.instructions.events_of("i-001")]
        assert states == ["issued", "withdrawn"]

    def test_of_nothing(self, ready: Store) -> None:
        with pytest.raises(NotThereError):
            ready.instructions.withdraw(withdrawal(), event=None)


class OpenContract(Ready):
    """What an agent has to do."""

    def test_oldest_first(self, ready: Store) -> None:
        for number in (2, 1):
            issued(ready, instruction_row(number))
        found = ready.instructions.open_for("MA-000001", NOW)
        assert [row.instruction_id for row in found] == ["i-002", "i-001"]

    def test_of_its_own_agent_only(self, store: Store) -> None:
        with_agents(store, 2)
        issued(store, instruction_row())
        assert store.instructions.open_for("MA-000002", NOW) == []

    def test_until_its_time_is_over(self, ready: Store) -> None:
        issued(ready, instruction_row())
        last = instruction_row().not_after_unix_us
        assert len(ready.instructions.open_for("MA-000001", last)) == 1
        assert ready.instructions.open_for("MA-000001", last + 1) == []

    def test_what_was_taken_counts_on_for_a_while(self, ready: Store) -> None:
        issued(ready, instruction_row())
        ready.instructions.report(report_row(), event=None)
        last = instruction_row().not_after_unix_us + INSTRUCTION_RUN_S_MAX * US_PER_S
        assert len(ready.instructions.open_for("MA-000001", last)) == 1
        assert ready.instructions.open_for("MA-000001", last + 1) == []


class SignalsContract(Ready):
    """Whom something new is for."""

    def test_of_what_is_issued_and_withdrawn(self, store: Store) -> None:
        with_agents(store, 2)
        before = store.instructions.signals(0).up_to
        issued(store, instruction_row(1))
        issued(store, instruction_row(2, agent_id="MA-000002"))
        new = store.instructions.signals(before)
        assert new.agent_ids == {"MA-000001", "MA-000002"}
        store.instructions.withdraw(withdrawal(1), event=None)
        assert store.instructions.signals(new.up_to).agent_ids == {"MA-000001"}

    def test_nothing_new(self, ready: Store) -> None:
        issued(ready, instruction_row())
        up_to = ready.instructions.signals(0).up_to
        new = ready.instructions.signals(up_to)
        assert (new.up_to, new.agent_ids) == (up_to, frozenset())

    def test_many_at_once_are_all_told(self, store: Store) -> None:
        with_agents(store, 12)
        at_once(
            lambda number: issued(store, instruction_row(number, agent_id=f"MA-{number + 1:06d}"))
        )
        assert len(store.instructions.signals(0).agent_ids) == 12

    def test_a_suppression_is_for_everyone(self, ready: Store) -> None:
        before = ready.instructions.signals(0).up_to
        ready.presence.suppress(suppression())
        new = ready.instructions.signals(before)
        assert EVERYONE in new.agent_ids
        ready.presence.lift("s-1", by=CLERK, at_unix_us=NOW + 1)
        assert EVERYONE in ready.instructions.signals(new.up_to).agent_ids


def suppression(number: int = 1, **changes: object) -> SuppressionRow:
    row = SuppressionRow(
        suppression_id=f"s-{number}",
        tag=None,
        reason="planned work",
        said_by=CLERK,
        stop_running=True,
        since_unix_us=NOW,
        until_unix_us=None,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


class PresenceContract(Ready):
    """Who is there, and who must be quiet."""

    def test_what_is_kept_is_what_was_seen(self, ready: Store) -> None:
        ready.presence.seen([presence_row()])
        assert ready.presence.presence("MA-000001") == presence_row()
        assert ready.presence.all_seen() == [presence_row()]

    def test_the_newer_stays_whoever_comes_later(self, ready: Store) -> None:
        newer = presence_row(seen_unix_us=NOW + 5, software="omega 0.2.0")
        ready.presence.seen([newer])
        ready.presence.seen([presence_row()])
        assert ready.presence.presence("MA-000001") == newer

    def test_that_two_were_seen_is_not_forgotten(self, ready: Store) -> None:
        ready.presence.seen([presence_row(seen_twice_unix_us=NOW)])
        ready.presence.seen([presence_row(seen_unix_us=NOW + 1)])
        row = ready.presence.presence("MA-000001")
        assert row is not None
        assert row.seen_twice_unix_us == NOW

    def test_who_is_connected(self, store: Store) -> None:
        with_agents(store, 3)
        until = presence_row().connected_until_unix_us
        rows = [presence_row(1), presence_row(2), presence_row(3, connected_until_unix_us=NOW)]
        store.presence.seen(rows)
        assert store.presence.connected(NOW) == 3
        assert store.presence.connected(until) == 2
        assert store.presence.connected(until + 1) == 0

    def test_nobody_seen(self, ready: Store) -> None:
        ready.presence.seen([])
        assert ready.presence.presence("MA-000001") is None

    def test_tags_replace_tags(self, ready: Store) -> None:
        ready.presence.tag("MA-000001", ["north", "wimax", "north"])
        ready.presence.tag("MA-000001", ["south"])
        assert ready.presence.tags_of("MA-000001") == {"south"}
        assert ready.presence.tags() == {"MA-000001": {"south"}}
        ready.presence.tag("MA-000001", [])
        assert ready.presence.tags() == {}

    def test_tags_of_nobody(self, ready: Store) -> None:
        with pytest.raises(NotThereError):
            ready.presence.tag("MA-000009", ["north"])

    def test_suppressions_in_order(self, ready: Store) -> None:
        for number in (2, 1):
            ready.presence.suppress(suppression(number, tag="north"))
        found = ready.presence.suppressions()
        assert found == [suppression(2, tag="north"), suppression(1, tag="north")]

    def test_a_suppression_is_kept_once(self, ready: Store) -> None:
        ready.presence.suppress(suppression())
        with pytest.raises(AlreadyThereError):
            ready.presence.suppress(suppression())

    def test_it_is_lifted_once(self, ready: Store) -> None:
        ready.presence.suppress(suppression())
        lifted = ready.presence.lift("s-1", by=CLERK, at_unix_us=NOW + 1)
        assert (lifted.lifted_unix_us, lifted.lifted_by) == (NOW + 1, CLERK)
        assert ready.presence.lift("s-1", by="other", at_unix_us=NOW + 2) == lifted

    def test_lifting_nothing(self, ready: Store) -> None:
        with pytest.raises(NotThereError):
            ready.presence.lift("s-9", by=CLERK, at_unix_us=NOW)


class TestSqliteIssue(OnSqlite, IssueContract):
    """With SQLite."""


class TestPostgresIssue(OnPostgres, IssueContract):
    """With a real PostgreSQL."""


class TestSqliteReport(OnSqlite, ReportContract):
    """With SQLite."""


class TestPostgresReport(OnPostgres, ReportContract):
    """With a real PostgreSQL."""


class TestSqliteWithdraw(OnSqlite, WithdrawContract):
    """With SQLite."""


class TestPostgresWithdraw(OnPostgres, WithdrawContract):
    """With a real PostgreSQL."""


class TestSqliteOpen(OnSqlite, OpenContract):
    """With SQLite."""


class TestPostgresOpen(OnPostgres, OpenContract):
    """With a real PostgreSQL."""


class TestSqliteSignals(OnSqlite, SignalsContract):
    """With SQLite."""


class TestPostgresSignals(OnPostgres, SignalsContract):
    """With a real PostgreSQL."""


class TestSqlitePresence(OnSqlite, PresenceContract):
    """With SQLite."""


class TestPostgresPresence(OnPostgres, PresenceContract):
    """With a real PostgreSQL."""
