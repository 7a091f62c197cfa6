"""The Controller: a signed request comes in, a signed single-use grant goes out.

    request --> envelope --> key --> who asks --> addresses proved --> what for --> profile
                                                                                       |
              grant  <-- one transaction: nonce, quota, profile, grant  <--------------+

What may be asked by whom:

    purpose     names     needs                              plan
    install     a sheet   an enrolled key                    the subscriber's, activated
    ticket      a ticket  an enrolled key                    the subscriber's, when activated
    sweep       -         an enrolled key                    the one the request names, if any
    selftest    -         any key; one that is not enrolled  the one the request names, if any
                          within the quota of its address

A request may name no other plan than the subscriber's own: that of the sheet or ticket, and for a
device whose token was made for a sheet (a box that stays with its subscriber) that of this sheet,
whatever it asks for. A technician's device, and a key of one run, belong to no subscriber: the plan
they name is in the record, which stands on nobody's sheet.

Mode campaign, whatever the purpose, needs an enrolled key and a plan whose profile has a budget for
it: no more grants for this device and plan than the budget has runs, over as many days as it has.

A request is fresh because its address tokens are: they carry the server's own clock, so a device
whose clock is years off is served like any other. Its nonce is remembered for as long as they live.
The grant is stored before it is handed out, so every attempt shows on its sheet or ticket, also one
that never leads to a record.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.demand import Demand, demand, demand_without_profile
from omega_acceptance.errors import ModeUnknownError, PlanUnknownError
from omega_acceptance.profile import AcceptanceProfile
from omega_core import limits
from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.clock import Clock
from omega_core.control import Grant, GrantAnswer, GrantLimits, SessionRequest, TestPointRef
from omega_core.envelope import PayloadType, seal
from omega_core.keys import PublicKey, SigningKey, to_base64url
from omega_core.models import model_bytes
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from omega_server import sheets, tickets
from omega_server.addresses import AddressProofs, Proved, quota_prefix
from omega_server.envelopes import content, public_key, signed_payload, unsealed
from omega_server.ids import day_of, uuid7
from omega_server.keys import check_usable
from omega_server.places import TestPointPlace, TestPoints
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import (
    NonceSeenError,
    ProfileChangedError,
    QuotaExceededError,
)
from omega_server.store.port import Store
from omega_server.store.rows import GrantRow, ProfileRow, Quota, RequestNonce

_SECRET_OCTETS = 32
_CAMPAIGN_DIGITS = 32  # of a digest; the column was made for an address
_DAY_US = 86_400 * US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request that has been checked."""

    request: SessionRequest
    key: PublicKey
    proved: tuple[Proved, ...]
    plan_id: str | None
    profile: AcceptanceProfile | None
    demand: Demand


class Controller:
    """Answers `POST /v1/sessions`."""

    def __init__(
        self,
        *,
        store: Store,
        key: SigningKey,
        catalogue: Catalogue,
        proofs: AddressProofs,
        test_points: TestPoints,
        clock: Clock,
        selftests_max: int = limits.SESSIONS_OF_AN_ADDRESS_MAX,
    ) -> None:
        self._store = store
        self._key = key
        self._catalogue = catalogue
        self._proofs = proofs
        self._test_points = test_points
        self._clock = clock
        self._selftests_max = selftests_max

    def grant(self, data: bytes) -> GrantAnswer:
        """Return the grant for a sealed request; raises RefusalError."""
        now = self._clock.unix_us()
        asked = self._checked(data, now)
        place = self._test_points.ready()
        if place is None:
            raise RefusalError(Code.BUSY, "no test point is up")
        grant = _grant_of(asked, place, now)
        payload = model_bytes(grant)
        envelope = seal(payload, PayloadType.GRANT, self._key)
        self._keep(asked, grant, digest_hex(payload), envelope)
        profile = asked.profile.content() if asked.profile else None
        return GrantAnswer(grant=envelope.decode("ascii"), profile=profile)

    def _checked(self, data: bytes, now: int) -> _Asked:
        sealed = unsealed(data)
        request = content(SessionRequest, sealed.payload)
        key = public_key(request.agent_key)
        signed_payload(sealed, PayloadType.SESSION_REQUEST, key)
        self._check_agent(request, key, now)
        self._check_instruction(request)
        proved = tuple(self._proofs.check(token, now) for token in request.address_tokens)
        plan_id = self._plan_of(request)
        profile = self._profile_of(plan_id, now)
        return _Asked(
            request=request,
            key=key,
            proved=tuple(dict.fromkeys(proved)),
            plan_id=plan_id,
            profile=profile,
            demand=_demand_of(profile, request.mode),
        )

    def _check_agent(self, request: SessionRequest, key: PublicKey, now: int) -> None:
        signer = self._store.enrolment.signer(key.kid)
        if signer is not None:
            check_usable(signer.life, now)
        if request.agent_id is None:
            if request.mode is Mode.CAMPAIGN:
                raise RefusalError(Code.AGENT_UNKNOWN, "a campaign needs an enrolled device")
            if request.purpose != "selftest":
                detail = f"purpose {request.purpose} needs an enrolled device"
                raise RefusalError(Code.AGENT_UNKNOWN, detail)
            return
        if signer is None or signer.agent_id is None:
            raise RefusalError(Code.AGENT_UNKNOWN, "no enrolled device has this key")
        if signer.agent_id != request.agent_id:
            raise RefusalError(Code.KEY_MISMATCH, "this key is another agent's")

    def _check_instruction(self, request: SessionRequest) -> None:
        """Refuse a session for an instruction that is not the agent's, or that has ended."""
        if request.instruction_id is None:
            return
        row = self._store.instructions.instruction(request.instruction_id)
        if row is None or row.agent_id != request.agent_id:
            raise RefusalError(Code.INSTRUCTION_UNKNOWN, "there is no such instruction")
        if row.ended_as is not None:
            raise RefusalError(Code.INSTRUCTION_ENDED, f"the instruction is {row.ended_as}")
        if (row.sheet_id, row.ticket_id) != (request.sheet_id, request.ticket_id):
            raise RefusalError(Code.GRANT_MISMATCH, "not what the instruction names")

    def _plan_of(self, request: SessionRequest) -> str | None:
        own: str | None
        judged: str | None
        if request.sheet_id is not None:
            judged = own = sheets.plan_to_measure(self._store, request.sheet_id)
        elif request.ticket_id is not None:
            judged = own = tickets.plan_to_compare(self._store, request.ticket_id)
        else:
            judged = request.plan_id
            own = self._plan_of_device(request.agent_id) or judged
        if request.plan_id not in {None, own}:
            raise RefusalError(
                Code.PLAN_MISMATCH, f"the subscriber's plan is not {request.plan_id}"
            )
        return judged

    def _plan_of_device(self, agent_id: str | None) -> str | None:
        """Return the plan of the subscriber whose device it is, None where it is nobody's."""
        sheet_id = self._store.enrolment.sheet_of(agent_id) if agent_id else None
        return sheets.plan_sold(self._store, sheet_id) if sheet_id else None

    def _profile_of(self, plan_id: str | None, now: int) -> AcceptanceProfile | None:
        if plan_id is None:
            return None
        try:
            return self._catalogue.for_plan(plan_id, day_of(now))
        except PlanUnknownError as error:
            raise RefusalError(Code.PLAN_UNKNOWN, str(error)) from error

    def _keep(self, asked: _Asked, grant: Grant, digest: str, envelope: bytes) -> None:
        request, issued = asked.request, grant.issued_unix_us
        quota = self._quota_of(asked, issued)
        row = GrantRow(
            grant_id=grant.grant_id,
            session_id=grant.session_id,
            digest=digest,
            envelope=envelope,
            agent_id=request.agent_id,
            agent_kid=asked.key.kid,
            agent_key=asked.key.text,
            seq=request.seq,
            purpose=grant.purpose,
            mode=grant.mode,
            sheet_id=grant.sheet_id,
            ticket_id=grant.ticket_id,
            profile_digest=grant.profile.digest if grant.profile else None,
            quota_prefix=quota.prefix if quota else None,
            issued_unix_us=issued,
        )
        nonce = RequestNonce(
            kid=asked.key.kid,
            nonce=request.nonce,
            expires_unix_us=issued + limits.ADDRESS_PROOF_LIFE_S * US_PER_S,
        )
        try:
            self._store.sessions.issue(
                row, nonce=nonce, profile=_profile_row(asked.profile, issued), quota=quota
            )
        except NonceSeenError as error:
            raise RefusalError(Code.REQUEST_REPLAYED, str(error)) from error
        except ProfileChangedError as error:
            raise RefusalError(Code.PROFILE_CHANGED, str(error)) from error
        except QuotaExceededError as error:
            raise _quota_refusal(asked, error, issued) from error

    def _quota_of(self, asked: _Asked, now: int) -> Quota | None:
        """Return the limit that applies: a campaign's budget, or that of a stranger's address."""
        if asked.request.mode is Mode.CAMPAIGN:
            return _campaign_quota(asked, now)
        if asked.request.agent_id is not None:
            return None
        window_us = limits.SESSIONS_OF_AN_ADDRESS_WINDOW_S * US_PER_S
        return Quota(
            prefix=quota_prefix(asked.proved[0].address),
            since_unix_us=now - window_us,
            sessions_max=self._selftests_max,
        )


def _demand_of(profile: AcceptanceProfile | None, mode: Mode) -> Demand:
    try:
        return demand_without_profile(mode) if profile is None else demand(profile, mode)
    except ModeUnknownError as error:
        raise RefusalError(Code.MODE_UNKNOWN, str(error)) from error


def _grant_of(asked: _Asked, place: TestPointPlace, now: int) -> Grant:
    request = asked.request
    return Grant(
        grant_id=uuid7(now),
        session_id=uuid7(now),
        agent_kid=asked.key.kid,
        purpose=request.purpose,
        mode=request.mode,
        sheet_id=request.sheet_id,
        ticket_id=request.ticket_id,
        plan_id=asked.plan_id,
        profile=asked.profile.ref if asked.profile else None,
        test_point=_reference(place, asked.proved),
        addresses=tuple(dict.fromkeys(proved.address for proved in asked.proved)),
        session_secret=to_base64url(secrets.token_bytes(_SECRET_OCTETS)),
        limits=GrantLimits(
            bytes_down=asked.demand.bytes_down,
            bytes_up=asked.demand.bytes_up,
            duration_s=min(asked.demand.seconds, limits.GRANT_LIFE_S),
            rate_bps_down=asked.demand.expected_bps_down,
            rate_bps_up=asked.demand.expected_bps_up,
        ),
        issued_unix_us=now,
        not_before_unix_us=now,
        not_after_unix_us=now + limits.GRANT_LIFE_S * US_PER_S,
        changed=request.changed,
        instruction_id=request.instruction_id,
    )


def _reference(place: TestPointPlace, proved: tuple[Proved, ...]) -> TestPointRef:
    """Name the test point by its own addresses, else by those at which the agent reached us."""
    reached = tuple(dict.fromkeys(each.server_address for each in proved))
    return TestPointRef(
        id=place.id,
        key=place.key,
        addresses=place.addresses or reached,
        tcp_port=place.tcp_port,
        udp_port=place.udp_port,
    )


def _profile_row(profile: AcceptanceProfile | None, now: int) -> ProfileRow | None:
    if profile is None:
        return None
    return ProfileRow(
        digest=profile.digest,
        profile_id=profile.ref.id,
        version=profile.ref.version,
        content=canonical_bytes(profile.content()),
        added_unix_us=now,
    )


def _campaign_quota(asked: _Asked, now: int) -> Quota | None:
    """Return the bound of one device's campaigns for one plan."""
    budget = asked.profile.budget.campaign if asked.profile else None
    if budget is None:
        return None  # `demand` has refused the mode
    whose = f"{asked.request.agent_id} {asked.plan_id}".encode()
    return Quota(
        prefix=f"campaign:{digest_hex(whose)[:_CAMPAIGN_DIGITS]}",
        since_unix_us=now - budget.days * _DAY_US,
        sessions_max=budget.runs,
    )


def _quota_refusal(asked: _Asked, error: QuotaExceededError, now: int) -> RefusalError:
    if asked.request.mode is Mode.CAMPAIGN:
        detail = f"the campaign budget of plan {asked.plan_id} is used up"
        return RefusalError(Code.CAMPAIGN_SPENT, detail)
    if error.oldest_unix_us is None:
        return RefusalError(Code.QUOTA_EXCEEDED, "only enrolled devices are served here")
    free_us = error.oldest_unix_us + limits.SESSIONS_OF_AN_ADDRESS_WINDOW_S * US_PER_S
    wait_s = max(1, -(-(free_us - now) // US_PER_S))
    return RefusalError(Code.QUOTA_EXCEEDED, str(error), retry_after_s=wait_s)
