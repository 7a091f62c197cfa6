"""The campaign of this device, on its disk: one at a time, there again after the power was away.

An attempt is written down before it is made and again when its record is in the outbox. If the
power goes between the two, the record is found by its place in the device's chain, and the attempt
is completed from it; one that left no record counts for nothing.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from omega_acceptance.errors import ProfileError
from omega_acceptance.rules.state import Attempt, CampaignState, contract_of, in_contract_layer
from omega_acceptance.schema import AcceptanceProfile, profile_from_content
from omega_agent.errors import WrongUseError, not_kept
from omega_agent.home import Home
from omega_agent.kept_bundles import posted_bundles, waiting_bundles
from omega_core.bundle import Bundle
from omega_core.canonical import NotPlainJsonError
from omega_core.envelope import EnvelopeError, parse_envelope
from omega_core.evidence import Evidence, Family
from omega_core.files import write_durably
from omega_core.limits import CAMPAIGN_BYTES_MAX, CAMPAIGN_RUN_S_MAX
from omega_core.metrics import Direction
from omega_core.models import ContentError, model_bytes, parse_model
from omega_core.record import Record
from omega_core.units import US_PER_S
from omega_core.verdict import Verdict

_OWNER_ONLY = 0o600
_FOLDER = 0o700
NOT_MEASURED = "not_measured"


class CampaignBook:
    """Where the state of the campaign stands; whoever writes holds the device, `Home.measuring`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def load(self) -> CampaignState | None:
        """Return the campaign under way, None where there is none; raises WrongUseError."""
        path = self._home.campaign_file
        try:
            with path.open("rb") as file:
                data = file.read(CAMPAIGN_BYTES_MAX + 1)
            return parse_model(CampaignState, data)
        except FileNotFoundError:
            return None
        except (NotPlainJsonError, ContentError) as error:
            raise WrongUseError("campaign_file", path=path, why=error) from None
        except OSError as error:
            raise not_kept(path, error) from error

    def current(self) -> CampaignState:
        """Return the campaign under way, with its last attempt completed from its record.

        Raises WrongUseError where there is none.
        """
        state = self.load()
        if state is None:
            raise WrongUseError("campaign_none", path=self._home.campaign_file)
        return self._completed(state)

    def store(self, state: CampaignState) -> None:
        """Keep the state durably; raises StorageError."""
        self._home.make()
        write_durably(self._home.campaign_file, model_bytes(state), mode=_OWNER_ONLY)

    def put_away(self, state: CampaignState) -> Path:
        """Keep the state under the campaign's name, free the place, and return where it stands."""
        folder = self._home.campaigns
        path = folder / f"{state.id}.json"
        try:
            folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
            write_durably(path, model_bytes(state), mode=_OWNER_ONLY)
            self._home.campaign_file.unlink()
        except OSError as error:
            raise not_kept(path, error) from error
        return path

    def last_plan(self) -> str | None:
        """Return the plan of the last record with one that this device has posted."""
        for bundle in posted_bundles(self._home):
            record = _record_in(bundle)
            if record is not None and record.plan_id is not None:
                return record.plan_id
        return None

    def _completed(self, state: CampaignState) -> CampaignState:
        last = state.attempts[-1] if state.attempts else None
        if last is None or last.ended_unix_us is not None:
            return state
        found = self._sealed_at(last.seq, state.id)
        if found is None:
            return state
        bundle, record = found
        profile = _profile_in(bundle)
        ended = last.started_unix_us + CAMPAIGN_RUN_S_MAX * US_PER_S
        attempt = attempt_of(record, _digest_of(bundle), profile, last, ended)
        return state.closed(attempt, contract_of(profile) if profile else None)

    def _sealed_at(self, seq: int, campaign_id: str) -> tuple[Bundle, Record] | None:
        """Return the record of a campaign at a place of the chain, if it waits or was posted."""
        for bundle in chain(waiting_bundles(self._home), posted_bundles(self._home)):
            record = _record_in(bundle)
            campaign = record.session.campaign if record else None
            if record is None or record.chain.seq != seq or campaign is None:
                continue
            if campaign.id == campaign_id:
                return bundle, record
        return None


def attempt_of(
    record: Record,
    digest: str,
    profile: AcceptanceProfile | None,
    opened: Attempt,
    ended_unix_us: int,
) -> Attempt:
    """Return how an attempt ended, from its record: whether it counts, and which rates it found."""
    down, up = (_rate(record, profile, direction) for direction in Direction)
    judged, because = record.preview, None
    if judged is not None and judged.verdict is Verdict.INVALID:
        because = judged.faults[0].value
    elif down is None or up is None:
        because = NOT_MEASURED
    return Attempt(
        seq=opened.seq,
        started_unix_us=opened.started_unix_us,
        ended_unix_us=ended_unix_us,
        invalid_because=because,
        record_digest=digest,
        down_bps=down,
        up_bps=up,
    )


def _rate(record: Record, profile: AcceptanceProfile | None, direction: Direction) -> int | None:
    """Return the goodput of one direction in the contract's layer; None where there is none."""
    value = record.metrics[f"goodput_bps_{direction}"].value
    if value is None or profile is None:
        return None
    return in_contract_layer(profile, value, _family(record.evidence, direction))


def _family(evidence: Evidence, direction: Direction) -> Family:
    families = [run.family for run in evidence.goodput if run.direction is direction]
    return families[0] if families else 4


def _record_in(bundle: Bundle) -> Record | None:
    try:
        return parse_model(Record, parse_envelope(bundle.record.encode("utf-8")).payload)
    except (EnvelopeError, NotPlainJsonError, ContentError):
        return None


def _digest_of(bundle: Bundle) -> str:
    return parse_envelope(bundle.record.encode("utf-8")).payload_digest


def _profile_in(bundle: Bundle) -> AcceptanceProfile | None:
    if bundle.profile is None:
        return None
    try:
        return profile_from_content(bundle.profile)
    except ProfileError:
        return None
