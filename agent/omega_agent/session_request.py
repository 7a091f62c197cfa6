"""Asking for a session, and checking what comes back before anything is done with it.

The request is signed and carries the address proofs, which also show that it is fresh. The answer
is believed only so far as the server's key goes: the grant's signature, that it grants what was
asked for to the key that asked, and that the profile beside it is the one the grant pins. Times in
it are for the test point to judge; this device's clock may be years off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from omega_acceptance.errors import ProfileError
from omega_acceptance.schema import AcceptanceProfile, profile_from_content
from omega_agent.errors import NotTrustedError, WrongUseError
from omega_core.canonical import NotPlainJsonError
from omega_core.control import AddressProof, Grant, GrantAnswer, SessionRequest
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    seal,
)
from omega_core.keys import NotAKeyError, PublicKey, SigningKey, from_base64url
from omega_core.limits import CHANGE_CHARS_MAX
from omega_core.models import ContentError, model_bytes, parse_model
from omega_core.record import CampaignRef, ChangeText, Purpose
from omega_core.verdict import Mode

_CHANGE: TypeAdapter[str] = TypeAdapter(ChangeText)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command wants measured, and what for."""

    purpose: Purpose
    mode: Mode
    sheet_id: str | None = None
    ticket_id: str | None = None
    plan_id: str | None = None
    campaign: CampaignRef | None = None
    changed: str | None = None
    instruction_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A grant that was checked, as it came and as it reads, and the profile it pins."""

    envelope: str
    digest: str
    grant: Grant
    server_key: PublicKey
    secret: bytes
    profile: AcceptanceProfile | None
    key_rotations: tuple[str, ...] = ()
    """The rotations of the server's key that were followed to check it."""


def named(text: str) -> str:
    """Return a sheet's, ticket's or plan's name as typed; WrongUseError for what can't be one."""
    if _NAME.fullmatch(text) is None:
        raise WrongUseError("name_form", name=ascii(text[:80]))
    return text


def change_text(text: str) -> str:
    """Return what was changed as typed, without space around it; WrongUseError for no sentence."""
    try:
        return _CHANGE.validate_python(text.strip())
    except ValidationError:
        raise WrongUseError("change_form", most=CHANGE_CHARS_MAX) from None


def session_request(
    wanted: Wanted,
    *,
    agent_id: str | None,
    key: SigningKey,
    seq: int,
    proofs: Sequence[AddressProof],
    software: str,
    nonce: str,
    now_unix_us: int,
) -> bytes:
    """Return the sealed request."""
    request = SessionRequest(
        purpose=wanted.purpose,
        mode=wanted.mode,
        sheet_id=wanted.sheet_id,
        ticket_id=wanted.ticket_id,
        plan_id=wanted.plan_id,
        agent_id=agent_id,
        agent_key=key.public.text,
        software=software,
        nonce=nonce,
        requested_unix_us=now_unix_us,
        seq=seq,
        address_tokens=tuple(proof.token for proof in proofs),
        changed=wanted.changed,
        instruction_id=wanted.instruction_id,
    )
    return seal(model_bytes(request), PayloadType.SESSION_REQUEST, key)


def open_grant(answer: GrantAnswer, wanted: Wanted, *, kid: str, server_key: PublicKey) -> Granted:
    """Return what was granted; raises NotTrustedError unless it is what was asked for."""
    try:
        sealed = parse_envelope(answer.grant.encode("utf-8"))
        payload = open_sealed(sealed, PayloadType.GRANT, keys_by_id([server_key]))
        grant = parse_model(Grant, payload)
        secret = from_base64url(grant.session_secret)
    except (EnvelopeError, NotPlainJsonError, ContentError, NotAKeyError) as error:
        raise NotTrustedError("grant", why=error) from None
    case = (wanted.sheet_id, wanted.ticket_id, wanted.changed, wanted.instruction_id)
    granted_case = (grant.sheet_id, grant.ticket_id, grant.changed, grant.instruction_id)
    asked = (kid, wanted.purpose, wanted.mode, *case)
    if asked != (grant.agent_kid, grant.purpose, grant.mode, *granted_case):
        raise NotTrustedError("grant", why="it grants something that was not asked for")
    return Granted(
        envelope=answer.grant,
        digest=sealed.payload_digest,
        grant=grant,
        server_key=server_key,
        secret=secret,
        profile=_profile(answer, grant),
    )


def _profile(answer: GrantAnswer, grant: Grant) -> AcceptanceProfile | None:
    """Return the profile of the answer; raises NotTrustedError unless the grant pins it."""
    if answer.profile is None or grant.profile is None:
        if answer.profile is not None or grant.profile is not None:
            raise NotTrustedError("grant", why="profile and its digest come together")
        return None
    try:
        profile = profile_from_content(answer.profile)
    except ProfileError as error:
        raise NotTrustedError("grant", why=error) from None
    if profile.ref != grant.profile:
        raise NotTrustedError("grant", why="the profile is not the one it pins")
    return profile
