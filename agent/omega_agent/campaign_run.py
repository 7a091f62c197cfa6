"""One attempt of a campaign, as a `Witness` of the ordinary way to measure writes it down.

    asked    the grant's own time says whether it is not too early after all; opened, on the disk
    kept     closed, on the disk: the record is in the outbox

Times are the server's: the grant's, and from there on what this device's clock counts that never
steps. A line without an answer makes no attempt: the rule's calendar has no time for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from omega_acceptance.rules.rule import Rule
from omega_acceptance.rules.standing import Phase
from omega_acceptance.rules.state import Attempt, CampaignState, contract_of
from omega_agent.campaign_book import CampaignBook, attempt_of
from omega_agent.errors import WrongUseError
from omega_agent.measuring import Held
from omega_agent.sessions import Asked, Kept
from omega_core.clock import Clock
from omega_core.units import NS_PER_US
from omega_core.verdict import ProfileRef


@dataclass(slots=True, kw_only=True)
class CampaignRun:
    """Writes one attempt into the campaign's book."""

    book: CampaignBook
    rule: Rule
    zone: tzinfo
    clock: Clock
    state: CampaignState
    opened: Attempt | None = None
    _asked_ns: int = 0

    def asked(self, asked: Asked) -> None:
        """Open the attempt; raises WrongUseError when another process has been at the book."""
        if self.book.current() != self.state:
            raise WrongUseError("campaign_busy", id=self.state.id)
        if asked.granted is None:
            return
        self._asked_ns = self.clock.boottime_ns()
        issued = asked.granted.grant.issued_unix_us
        if self.state.standing(self.rule, self.zone, issued).phase is not Phase.READY:
            raise WrongUseError("campaign_clock", id=self.state.id)
        self.state = self.state.opened(asked.chain.seq, issued)
        self.opened = self.state.attempts[-1]
        self.book.store(self.state)

    def taken(self) -> tuple[ProfileRef, int]:
        """Return the rule, and how many of its runs or cycles are done."""
        ended = [each.ended_unix_us for each in self.state.taken[-1:]]
        standing = self.state.standing(self.rule, self.zone, max(ended, default=0))
        return self.state.rule, standing.done

    def kept(self, held: Held, kept: Kept) -> None:
        """Close the attempt with what its record says."""
        if self.opened is None:
            return
        elapsed_us = (self.clock.boottime_ns() - self._asked_ns) // NS_PER_US
        profile = held.granted.profile if held.granted else None
        attempt = attempt_of(
            kept.sealed.record,
            kept.sealed.digest,
            profile,
            self.opened,
            self.opened.started_unix_us + elapsed_us,
        )
        self.state = self.state.closed(attempt, contract_of(profile) if profile else None)
        self.book.store(self.state)
