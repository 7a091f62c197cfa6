"""One installation as the agent lives it: the grant it got, what it measured, what it sealed.

story = Story()                       a good line of 300 down and 100 up, plan FTTH-300-100
story.sealed_record()                 what goes into the outbox
story.bundle()                        the same with the Collector's receipt
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.profile import AcceptanceProfile
from omega_agent.measuring import Held, Measurer
from omega_agent.own_statement import own_statement
from omega_agent.sealing import SealedRecord, seal_record
from omega_agent.server_url import parse_server_url
from omega_agent.session_request import Granted, Wanted, open_grant
from omega_core.bundle import Bundle
from omega_core.control import Grant, GrantAnswer
from omega_core.derive import metrics_of
from omega_core.envelope import PayloadType
from omega_core.evidence import Evidence
from omega_core.keys import SigningKey
from omega_core.record import Chain
from omega_core.verdict import Fault, Mode
from omega_probe.session import SessionResult
from support import builders
from support.clock import START_UNIX_US
from support.facts import environment, evidence

PLAN_ID = "FTTH-300-100"
DAY = date(2026, 12, 1)


def profile() -> AcceptanceProfile:
    """Return the profile of the plan that was sold."""
    return Catalogue.builtin().for_plan(PLAN_ID, DAY)


@dataclass
class Story:
    """What happened; change a field before asking for what follows from it."""

    evidence: Evidence = field(default_factory=evidence)
    faults: tuple[Fault, ...] = ()
    mode: Mode = Mode.STANDARD
    has_profile: bool = True
    has_observation: bool = True
    enrolled: bool = True
    key: SigningKey = builders.AGENT_KEY
    chain: Chain = Chain(seq=1, prev=None)  # noqa: RUF009 - frozen

    @property
    def wanted(self) -> Wanted:
        if not self.enrolled:
            return Wanted(purpose="selftest", mode=self.mode)
        return Wanted(purpose="install", mode=self.mode, sheet_id=builders.SHEET_ID)

    @cached_property
    def profile(self) -> AcceptanceProfile | None:
        return profile() if self.has_profile else None

    @cached_property
    def grant(self) -> Grant:
        return builders.grant(
            purpose=self.wanted.purpose,
            mode=self.mode,
            sheet_id=self.wanted.sheet_id,
            agent_kid=self.key.public.kid,
            plan_id=PLAN_ID if self.has_profile else None,
            profile=self.profile.ref if self.profile else None,
        )

    @cached_property
    def answer(self) -> GrantAnswer:
        """What the Controller answers."""
        envelope = builders.sealed(self.grant, PayloadType.GRANT, builders.SERVER_KEY)
        content = self.profile.content() if self.profile else None
        return GrantAnswer(grant=envelope.decode(), profile=content)

    @cached_property
    def granted(self) -> Granted:
        return open_grant(
            self.answer,
            self.wanted,
            kid=self.key.public.kid,
            server_key=builders.SERVER_KEY.public,
        )

    @property
    def measurer(self) -> Measurer:
        return Measurer(
            key=self.key,
            agent_id=builders.AGENT_ID if self.enrolled else None,
            server=parse_server_url("https://omega.example"),
            software="omega test",
        )

    @property
    def statement(self) -> str:
        """The server's word on the agent's key, or that of a stranger's key on itself."""
        if not self.enrolled:
            return own_statement(self.key, START_UNIX_US)
        message = builders.key_statement(kid=self.key.public.kid, key=self.key.public.text)
        return builders.sealed(message, PayloadType.KEY, builders.SERVER_KEY).decode()

    def observation(self, **changes: Any) -> str:  # noqa: ANN401 - fields of the model
        """Return what the test point signed."""
        message = builders.observation(self.evidence, grant_digest=self.granted.digest, **changes)
        key = builders.TEST_POINT_KEY
        return builders.sealed(message, PayloadType.OBSERVATION, key).decode()

    def result(self) -> SessionResult:
        """Return what the probe came back with."""
        return SessionResult(
            environment=environment(),
            faults=self.faults,
            bytes_down=180_000_000,
            bytes_up=60_000_000,
            duration_us=builders.SESSION_US,
            started_unix_us=START_UNIX_US,
            ended_unix_us=START_UNIX_US + builders.SESSION_US,
            monotonic_started_us=1_000_000,
            monotonic_ended_us=1_000_000 + builders.SESSION_US,
            clock_step_us=0,
            suspended_us=0,
            test_point_offset_us=-3_500,
            address=builders.AGENT_ADDRESS,
            evidence=self.evidence,
            metrics=metrics_of(self.evidence),
            observation=self.observation() if self.has_observation else None,
        )

    def held(self, result: SessionResult | None = None) -> Held:
        return Held(
            wanted=self.wanted,
            result=result or self.result(),
            granted=self.granted,
            failure=None,
        )

    def sealed_record(self, held: Held | None = None) -> SealedRecord:
        return seal_record(
            held or self.held(),
            self.measurer,
            chain=self.chain,
            statement=self.statement,
        )

    def bundle(self, held: Held | None = None, **receipt: Any) -> Bundle:  # noqa: ANN401 - fields of the model
        """Return the bundle as it is kept once the receipt has come."""
        made = self.sealed_record(held)
        preview = made.record.preview
        session = made.record.session
        fields = {
            "verdict": preview.verdict if preview else None,
            "rules": preview.rules if preview else None,
            "session_id": session.id,
            "posted_to": "sheet" if session.sheet_id else "nobody",
            "posted_id": session.sheet_id,
            **receipt,
        }
        message = builders.receipt(made.bundle.record.encode(), **fields)
        envelope = builders.sealed(message, PayloadType.RECEIPT, builders.SERVER_KEY)
        return made.bundle.model_copy(update={"receipt": envelope.decode()})


def dead_line(story: Story, failure: Any) -> Held:  # noqa: ANN401 - an OmegaError
    """Return a session that could not be had."""
    facts = builders.dead_line_evidence()
    result = replace(
        story.result(), evidence=facts, metrics=metrics_of(facts), observation=None, address=None
    )
    return Held(wanted=story.wanted, result=result, granted=None, failure=failure)
