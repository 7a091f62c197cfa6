"""Every "no" of the server: a stable code, its HTTP status, and who can mend it.

A refusal is raised anywhere below the API as `RefusalError` and leaves as a problem detail
(RFC 9457); the operator's commands print the same sentence. docs/api.md quotes `KINDS`, and a test
compares.
Statuses tell an outbox what to do: those in `RETRIED` mean "the same again later", all others mean
that repeating it is of no use. 409 is not used today: posts of the same record wait for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from omega_core.control import Refusal
from omega_core.errors import ExitCode, OmegaError
from omega_core.limits import RETRY_AFTER_S_MAX, RETRY_AFTER_S_MIN


class Code(StrEnum):
    """What a refusal is called; never renamed, programs depend on it."""

    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    TLS_REQUIRED = "tls_required"
    NOT_AUTHORISED = "not_authorised"
    NOT_AN_ENVELOPE = "not_an_envelope"
    SIGNATURE_INVALID = "signature_invalid"
    SCHEMA_INVALID = "schema_invalid"
    AGENT_UNKNOWN = "agent_unknown"
    AGENT_REVOKED = "agent_revoked"
    KEY_MISMATCH = "key_mismatch"
    KEY_SUPERSEDED = "key_superseded"
    KEY_UNKNOWN = "key_unknown"
    NOT_FRESH = "not_fresh"
    SERVER_KEY_MISMATCH = "server_key_mismatch"
    TEST_POINT_UNKNOWN = "test_point_unknown"
    TEST_POINT_REVOKED = "test_point_revoked"
    TOKEN_UNKNOWN = "token_unknown"
    TOKEN_USED = "token_used"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_BOUND = "token_bound"
    ADDRESS_NOT_PROVED = "address_not_proved"
    REQUEST_REPLAYED = "request_replayed"
    QUOTA_EXCEEDED = "quota_exceeded"
    CAMPAIGN_SPENT = "campaign_spent"
    SHEET_UNKNOWN = "sheet_unknown"
    TICKET_UNKNOWN = "ticket_unknown"
    TICKET_STEP = "ticket_step"
    TICKET_MOVED = "ticket_moved"
    SUBSCRIBER_UNKNOWN = "subscriber_unknown"
    SUBSCRIBER_KNOWN = "subscriber_known"
    PLAN_UNKNOWN = "plan_unknown"
    PLAN_NOT_ACTIVATED = "plan_not_activated"
    PLAN_MISMATCH = "plan_mismatch"
    PROFILE_CHANGED = "profile_changed"
    MODE_UNKNOWN = "mode_unknown"
    IDEMPOTENCY_MISSING = "idempotency_missing"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    OTHER_BYTES_KNOWN = "other_bytes_known"
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_OF_ANOTHER_AGENT = "grant_of_another_agent"
    GRANT_MISMATCH = "grant_mismatch"
    GRANT_USED = "grant_used"
    SEQ_USED = "seq_used"
    METRICS_MISMATCH = "metrics_mismatch"
    RECORD_UNKNOWN = "record_unknown"
    LOG_SIZE_UNKNOWN = "log_size_unknown"
    INSTRUCTION_UNKNOWN = "instruction_unknown"
    INSTRUCTION_ENDED = "instruction_ended"
    INSTRUCTION_TAKEN = "instruction_taken"
    AGENT_OVERLOADED = "agent_overloaded"
    SUPPRESSION_UNKNOWN = "suppression_unknown"
    SCHEDULE_UNKNOWN = "schedule_unknown"
    TIME_NOT_TAKEN = "time_not_taken"
    NOT_ALLOWED = "not_allowed"
    LOGIN_WRONG = "login_wrong"
    LOGIN_LIMITED = "login_limited"
    SESSION_ENDED = "session_ended"
    CSRF_MISSING = "csrf_missing"
    PASSWORD_UNFIT = "password_unfit"
    PIN_WRONG = "pin_wrong"
    PIN_LOCKED = "pin_locked"
    LINK_REFUSED = "link_refused"
    LINKS_TOO_MANY = "links_too_many"
    PROVIDER_SILENT = "provider_silent"
    PERSON_UNKNOWN = "person_unknown"
    PERSON_KNOWN = "person_known"
    PERSON_UNFIT = "person_unfit"
    BUSY = "busy"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    STORE_UNAVAILABLE = "store_unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all refusals of one code have in common."""

    status: int
    title: str
    who_acts: str


_TECHNICIAN = "technician: "
_OPERATOR = "operator: "
_BACK_OFFICE = "back office: "
_AGENT = "the agent: "
_ITSELF = "nobody: the agent repeats it by itself"
_MIXED = "operator: are agent and server of the same version?"
_DAMAGED = "operator: treat it as damaged or tampered with"

KINDS: Mapping[Code, Kind] = MappingProxyType(
    {
        Code.NOT_FOUND: Kind(404, "No such address", _MIXED),
        Code.METHOD_NOT_ALLOWED: Kind(405, "Not at this address", _MIXED),
        Code.TOO_LARGE: Kind(413, "Larger than the limit", _MIXED),
        Code.TLS_REQUIRED: Kind(
            403,
            "Plain http on a public address",
            _OPERATOR + "give the server --tls-cert and --tls-key, or --insecure",
        ),
        Code.NOT_AUTHORISED: Kind(
            401, "Not for everyone", _OPERATOR + "use the token in operator.token"
        ),
        Code.NOT_AN_ENVELOPE: Kind(400, "Not an envelope", _MIXED),
        Code.SIGNATURE_INVALID: Kind(401, "The signature does not hold", _DAMAGED),
        Code.SCHEMA_INVALID: Kind(422, "Not what this kind of message promises", _MIXED),
        Code.AGENT_UNKNOWN: Kind(
            401, "No agent has this key", _TECHNICIAN + "enrol the device with `omega enrol`"
        ),
        Code.AGENT_REVOKED: Kind(
            403, "The key was revoked", _OPERATOR + "enrol the device again, with a new key"
        ),
        Code.KEY_MISMATCH: Kind(403, "Not the key of the agent that is named", _DAMAGED),
        Code.KEY_SUPERSEDED: Kind(
            403,
            "Another key has taken its place",
            _TECHNICIAN + "use the device's present key, or enrol it again",
        ),
        Code.KEY_UNKNOWN: Kind(
            404, "No such key", _OPERATOR + "look for it with `omega-server key list`"
        ),
        Code.NOT_FRESH: Kind(
            422, "Of another time than the server's", _AGENT + "asks GET /v1/server again"
        ),
        Code.SERVER_KEY_MISMATCH: Kind(
            421, "The agent expects another server", _TECHNICIAN + "enrol at the right server"
        ),
        Code.TEST_POINT_UNKNOWN: Kind(
            401, "No test point has this key", _OPERATOR + "register the test point"
        ),
        Code.TEST_POINT_REVOKED: Kind(
            403, "The test point's key was revoked", _OPERATOR + "give the test point another key"
        ),
        Code.TOKEN_UNKNOWN: Kind(
            403, "Not an enrolment token of this server", _TECHNICIAN + "check what was typed"
        ),
        Code.TOKEN_USED: Kind(
            403, "The token was used", _OPERATOR + "make another: `omega-server token new`"
        ),
        Code.TOKEN_EXPIRED: Kind(
            403, "The token is too old", _OPERATOR + "make another: `omega-server token new`"
        ),
        Code.TOKEN_BOUND: Kind(
            403,
            "The token is for another device or sheet",
            _TECHNICIAN + "give --serial and --sheet as the operator said",
        ),
        Code.ADDRESS_NOT_PROVED: Kind(
            403, "The address is not proved", _AGENT + "asks GET /v1/address again"
        ),
        Code.REQUEST_REPLAYED: Kind(
            422, "This request was seen before", _AGENT + "asks again with a new nonce"
        ),
        Code.QUOTA_EXCEEDED: Kind(
            429, "Too many self-tests from this address", "whoever tests: wait, or enrol the device"
        ),
        Code.CAMPAIGN_SPENT: Kind(
            403,
            "The plan's budget for campaigns is used up",
            _OPERATOR + "wait for its days to pass, or raise budget.campaign in a new version",
        ),
        Code.SHEET_UNKNOWN: Kind(
            404, "No such installation sheet", _TECHNICIAN + "check the sheet's number"
        ),
        Code.TICKET_UNKNOWN: Kind(404, "No such ticket", "helpdesk: check the ticket's number"),
        Code.TICKET_STEP: Kind(
            422, "The ticket does not stand there", "helpdesk: the detail names guard and remedy"
        ),
        Code.TICKET_MOVED: Kind(
            412, "Somebody else has written since", "helpdesk: read the ticket again"
        ),
        Code.SUBSCRIBER_UNKNOWN: Kind(404, "No such subscriber", _BACK_OFFICE + "add it first"),
        Code.SUBSCRIBER_KNOWN: Kind(422, "The subscriber is there", _BACK_OFFICE + "look at it"),
        Code.PLAN_UNKNOWN: Kind(
            404, "No profile says what this plan promises", _OPERATOR + "give the plan a profile"
        ),
        Code.PLAN_NOT_ACTIVATED: Kind(
            403,
            "The subscriber has no activated plan",
            _BACK_OFFICE + "activate it: `omega-server subscriber activate`",
        ),
        Code.PLAN_MISMATCH: Kind(
            422, "Not the plan of this subscriber", _TECHNICIAN + "leave the plan out"
        ),
        Code.PROFILE_CHANGED: Kind(
            422,
            "A released profile was changed",
            _OPERATOR + "restore the profile and release the change as a new version",
        ),
        Code.MODE_UNKNOWN: Kind(
            422, "The plan does not provide for this mode", _TECHNICIAN + "choose another mode"
        ),
        Code.IDEMPOTENCY_MISSING: Kind(400, "Idempotency-Key is missing or no digest", _MIXED),
        Code.IDEMPOTENCY_MISMATCH: Kind(422, "Idempotency-Key is of other bytes", _DAMAGED),
        Code.OTHER_BYTES_KNOWN: Kind(422, "Known with other bytes", _DAMAGED),
        Code.GRANT_UNKNOWN: Kind(
            404, "No such grant", _OPERATOR + "was the server's database replaced?"
        ),
        Code.GRANT_OF_ANOTHER_AGENT: Kind(403, "The grant is another agent's", _DAMAGED),
        Code.GRANT_MISMATCH: Kind(422, "Not what was granted", _MIXED),
        Code.GRANT_USED: Kind(410, "The grant has led to another record", _DAMAGED),
        Code.SEQ_USED: Kind(
            422,
            "Another record of the device has its number",
            _TECHNICIAN + "enrol the device again: it was copied, or set back from a backup",
        ),
        Code.METRICS_MISMATCH: Kind(422, "The metrics do not follow from the evidence", _MIXED),
        Code.RECORD_UNKNOWN: Kind(404, "No such record", _OPERATOR + "check the digest"),
        Code.LOG_SIZE_UNKNOWN: Kind(
            404, "The log has never had this size", _OPERATOR + "run `omega-server log check`"
        ),
        Code.INSTRUCTION_UNKNOWN: Kind(
            404, "No such instruction", _OPERATOR + "check its name; was the database replaced?"
        ),
        Code.INSTRUCTION_ENDED: Kind(
            410, "The instruction has ended", "helpdesk: ask again if it is still wanted"
        ),
        Code.INSTRUCTION_TAKEN: Kind(
            410,
            "Another device with this key has the instruction",
            _TECHNICIAN + "enrol the device again: it was copied, or set back from a backup",
        ),
        Code.AGENT_OVERLOADED: Kind(
            429, "The agent has too much to do", "helpdesk: wait, or withdraw what is not wanted"
        ),
        Code.SUPPRESSION_UNKNOWN: Kind(404, "No such suppression", _OPERATOR + "check its name"),
        Code.SCHEDULE_UNKNOWN: Kind(404, "No such schedule", _OPERATOR + "check its name"),
        Code.TIME_NOT_TAKEN: Kind(
            422, "Not a time that can be looked at", _OPERATOR + "the detail says which can"
        ),
        Code.NOT_ALLOWED: Kind(
            403, "Not for this person", "the detail names who may, or who can allow it"
        ),
        Code.LOGIN_WRONG: Kind(
            401, "Name and password do not belong together", "whoever logs in: type both again"
        ),
        Code.LOGIN_LIMITED: Kind(
            429, "Too many attempts", "whoever logs in: wait as long as the answer says"
        ),
        Code.SESSION_ENDED: Kind(401, "Nobody is logged in", "whoever asked: log in again"),
        Code.CSRF_MISSING: Kind(
            403, "The request did not come from our page", "whoever asked: load the page again"
        ),
        Code.PASSWORD_UNFIT: Kind(
            422, "Not a secret that is taken", "whoever chose it: the detail says which are"
        ),
        Code.PIN_WRONG: Kind(403, "Not this person's PIN", _TECHNICIAN + "type it again"),
        Code.PIN_LOCKED: Kind(
            403, "No PIN can be used", _TECHNICIAN + "set a PIN, with the password"
        ),
        Code.LINK_REFUSED: Kind(
            403, "This link or code opens nothing", "whoever got it: ask for a new one"
        ),
        Code.LINKS_TOO_MANY: Kind(
            422, "The line has as many links as it may", "helpdesk: revoke those not needed"
        ),
        Code.PROVIDER_SILENT: Kind(
            502,
            "The login provider does not answer",
            "administrator: look at oidc.toml and the log",
        ),
        Code.PERSON_UNKNOWN: Kind(404, "Nobody has this name", "administrator: check the name"),
        Code.PERSON_KNOWN: Kind(422, "Somebody has this name", "administrator: choose another"),
        Code.PERSON_UNFIT: Kind(
            422, "Not an account that can be", "administrator: the detail says what is wrong"
        ),
        Code.BUSY: Kind(503, "Too much to do", _ITSELF),
        Code.DEADLINE_EXCEEDED: Kind(503, "It took too long", _ITSELF),
        Code.STORE_UNAVAILABLE: Kind(
            503, "The store does not take anything now", _OPERATOR + "look at disk and database"
        ),
        Code.INTERNAL: Kind(500, "A defect of the server", "please report this to the developers"),
    }
)

RETRIED = frozenset({409, 429, 503})
"""Statuses after which the same request may succeed later."""


class RefusalError(OmegaError):
    """The server says no. `detail` is one sentence about this case and quotes no payload."""

    exit_code = ExitCode.USAGE

    def __init__(self, code: Code, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[code]
        self.who_acts = self.kind.who_acts
        if retry_after_s is None and self.kind.status == 503:
            retry_after_s = spread_retry_after_s()
        self.retry_after_s = retry_after_s

    def refusal(self) -> Refusal:
        """Return the problem detail."""
        return Refusal(
            title=self.kind.title,
            status=self.kind.status,
            detail=str(self),
            code=self.code.value,
            who_acts=self.kind.who_acts,
            retry_after_s=self.retry_after_s,
        )


def spread_retry_after_s() -> int:
    """Return how long to stay away: spread, so that those refused together return apart."""
    spread = RETRY_AFTER_S_MAX - RETRY_AFTER_S_MIN + 1
    return RETRY_AFTER_S_MIN + secrets.randbelow(spread)
