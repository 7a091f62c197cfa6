"""Grants at the test point: honoured by the server's public key alone, each of them once.

Theory of operation. The test point has no database and asks nobody. What it needs stands in the
grant, under the server's signature: for which test point, for which addresses, from when to when.
`check` looks at it in the order size, signature, content, and raises one named refusal; `spend`
marks it used once a session has really been opened, so that a refusal for want of room does not
cost the probe its grant. Spent grants are remembered until they would be refused as expired anyway;
what was issued before this test point started may have been used before, and is refused too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omega_core import limits
from omega_core.control import Grant
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    Sealed,
    keys_by_id,
    open_sealed,
    parse_envelope,
)
from omega_core.keys import PublicKey, from_base64url
from omega_core.models import ContentError, NotPlainJsonError, parse_model
from omega_core.units import US_PER_S
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.codes import Code, RefusalError


@dataclass(frozen=True, slots=True)
class CheckedGrant:
    """A grant that holds for this test point, this peer and this moment."""

    content: Grant
    digest: str
    secret: bytes
    addresses: frozenset[str]


class GrantDesk:
    """Checks grants and remembers the spent ones. Times are UTC in microseconds."""

    def __init__(
        self,
        *,
        server_keys: Sequence[PublicKey],
        test_point: str,
        own_key: PublicKey,
        started_unix_us: int,
    ) -> None:
        self._keys = keys_by_id(server_keys)
        self._test_point = test_point
        self._own_key = own_key.text
        self._started_unix_us = started_unix_us
        self._spent: dict[str, int] = {}

    def check(self, envelope: str, *, peer: str, now_unix_us: int) -> CheckedGrant:
        """Return the grant; raises RefusalError with the first thing that is wrong with it."""
        sealed = _parse(envelope)
        grant = self._open(sealed)
        self._check_place(grant)
        self._check_time(grant, now_unix_us)
        addresses, secret = _addresses_and_secret(grant)
        if normalised(peer) not in addresses:
            raise RefusalError(
                Code.GRANT_OTHER_ADDRESS, f"the grant is for another address than {peer}"
            )
        if sealed.payload_digest in self._spent:
            raise RefusalError(Code.GRANT_SPENT, "the grant has been used: ask for a new one")
        return CheckedGrant(grant, sealed.payload_digest, secret, addresses)

    def spend(self, grant: CheckedGrant, *, now_unix_us: int) -> None:
        """Remember that the grant is used; raises RefusalError when there are too many to."""
        if len(self._spent) >= limits.SPENT_GRANTS_MAX:
            self._forget(now_unix_us)
        if len(self._spent) >= limits.SPENT_GRANTS_MAX:
            raise RefusalError(
                Code.BUSY,
                "too many grants have been used here of late",
                retry_after_s=limits.GRANT_LATE_S,
            )
        late_us = limits.GRANT_LATE_S * US_PER_S
        self._spent[grant.digest] = grant.content.not_after_unix_us + late_us

    def _open(self, sealed: Sealed) -> Grant:
        try:
            return parse_model(Grant, open_sealed(sealed, PayloadType.GRANT, self._keys))
        except EnvelopeError as error:
            if error.check in {"key_missing", "key_id"}:
                raise RefusalError(
                    Code.GRANT_UNKNOWN_KEY, "the grant is not signed by this test point's server"
                ) from error
            raise RefusalError(Code.GRANT_INVALID, f"the grant fails {error}") from error
        except (NotPlainJsonError, ContentError) as error:
            raise RefusalError(Code.GRANT_INVALID, f"the grant fails schema: {error}") from error

    def _check_place(self, grant: Grant) -> None:
        if grant.test_point.id != self._test_point:
            raise RefusalError(
                Code.GRANT_OTHER_TEST_POINT,
                f"the grant is for another test point than {self._test_point}",
            )
        if grant.test_point.key != self._own_key:
            raise RefusalError(
                Code.GRANT_OTHER_TEST_POINT, "the grant names another key than this test point has"
            )

    def _check_time(self, grant: Grant, now_unix_us: int) -> None:
        early_us, late_us = limits.GRANT_EARLY_S * US_PER_S, limits.GRANT_LATE_S * US_PER_S
        if now_unix_us < grant.not_before_unix_us - early_us:
            raise RefusalError(
                Code.GRANT_EARLY,
                "the grant is not yet valid: do the clocks of server and test point agree?",
            )
        if now_unix_us > grant.not_after_unix_us + late_us:
            raise RefusalError(Code.GRANT_EXPIRED, "the grant has expired: ask for a new one")
        if grant.issued_unix_us < self._started_unix_us - early_us:
            raise RefusalError(
                Code.GRANT_SPENT,
                "the grant is older than this test point's start and may have been used:"
                " ask for a new one",
            )

    def _forget(self, now_unix_us: int) -> None:
        self._spent = {
            digest: until_us for digest, until_us in self._spent.items() if until_us >= now_unix_us
        }


def _addresses_and_secret(grant: Grant) -> tuple[frozenset[str], bytes]:
    """Return what the schema only knows as text; where it is wrong the server signed a defect."""
    try:
        addresses = frozenset(normalised(address) for address in grant.addresses)
        return addresses, from_base64url(grant.session_secret)
    except ValueError as error:
        raise RefusalError(Code.GRANT_INVALID, f"the grant fails schema: {error}") from error


def _parse(envelope: str) -> Sealed:
    try:
        return parse_envelope(envelope.encode("utf-8"))
    except EnvelopeError as error:
        raise RefusalError(Code.GRANT_INVALID, f"the grant fails {error}") from error
