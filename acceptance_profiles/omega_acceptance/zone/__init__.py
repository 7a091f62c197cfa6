"""The fault's zone: which part of the line a fault lies in, told from one record. Pure.

    given      what is looked at: the record's facts, and what is known besides
    thresholds the numbers of the rule, with their reasons
    stops      the path's points, near to far, each with what was heard of it
    down, loss, delay, rate, names, mtu
               one look each: is there such a fault, and in which part does it begin
    locate     the walk over all looks, and what to do next
    telling    sentences for customer, clerk and engineer, from codes alone
    edge       the JSON form

`locate` is for agent and server alike: the agent's finding is a preview.
"""

from omega_acceptance.zone.codes import Zone
from omega_acceptance.zone.finding import ZoneFinding
from omega_acceptance.zone.given import Baseline, LineSeen, SectorView
from omega_acceptance.zone.locate import locate

__all__ = ["Baseline", "LineSeen", "SectorView", "Zone", "ZoneFinding", "locate"]
