"""What the plan demands of the measuring host, so that a run can say anything about the line.

Pure: facts of the environment against the profile. What the probe finds by itself (other traffic,
a tunnel, a clock that was set) is in the record's validity already; here is what only the plan can
tell, and the agent, the Collector and the verifier all ask the same question:

    medium_not_allowed    the host is attached by something else than the plan takes (Wi-Fi)
    nic_rate_below_plan   its link is slower than what is sold, or carries one way at a time

A rate or a medium that the host does not tell is no breach: the environment says that it is
unknown. On loopback there is no line, and nothing to demand.
"""

from __future__ import annotations

from omega_acceptance.layers import Layer, ratio
from omega_acceptance.profile import AcceptanceProfile
from omega_core.environment import Environment, Interface, Medium
from omega_core.metrics import Direction
from omega_core.units import PPM
from omega_core.verdict import Fault

_CARRIED_BY: dict[Medium, Medium] = {Medium.PPP: Medium.ETHERNET}
"""PPP runs over the access itself, on the CPE; it is allowed where Ethernet is."""
_JUDGED_ELSEWHERE = {Medium.LOOPBACK, Medium.TUNNEL}


def breaches(profile: AcceptanceProfile, environment: Environment) -> tuple[Fault, ...]:
    """Return which of the plan's demands on the host do not hold."""
    interface = environment.interface
    if interface is None or interface.medium in _JUDGED_ELSEWHERE:
        return ()
    found = []
    media = {*profile.preconditions.media}
    if not media & {interface.medium, _CARRIED_BY.get(interface.medium)}:
        found.append(Fault.MEDIUM_NOT_ALLOWED)
    if interface.duplex == "half" or _too_slow(profile, interface):
        found.append(Fault.NIC_RATE_BELOW_PLAN)
    return tuple(found)


def _too_slow(profile: AcceptanceProfile, interface: Interface) -> bool:
    if interface.link_rate_bps is None:
        return False
    sold_bps = max(profile.contracted.rates(each).provisioned_bps for each in Direction)
    needed_bps = int(sold_bps * ratio(profile.packet(), of=profile.layer, into=Layer.ETHERNET))
    share_ppm = profile.preconditions.nic_rate_min_share_ppm
    return interface.link_rate_bps * PPM < needed_bps * share_ppm
