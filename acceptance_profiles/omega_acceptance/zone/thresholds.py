"""The numbers of the rule, version 1. Changing one is a new version of the rule.

They are Omega defaults. What a plan promises comes first where it says something, then the line's
own birth certificate; these stand where both are silent.
"""

from __future__ import annotations

from typing import Final

from omega_acceptance.zone.codes import Zone
from omega_core.units import US_PER_MS

# Loss
LOSS_PPM_MAX: Final = 5_000  # what plans of home lines allow; above it a caller notices
LOSS_FALSE_ALARM_PPM: Final = 5_000  # of a line exactly at the limit; of a good one far less
LOSS_DOUBT_PPM: Final = 50_000  # a line at the limit loses so many so seldom: not called good
LOSS_PACKETS_MIN: Final = 50  # of a sample that says anything about loss
LOSS_OF_GOOD_PPM: Final = 1_000  # what a part without a fault loses
LOSS_SIZES_PPM: Final = (
    10_000, 20_000, 30_000, 50_000, 70_000, 100_000, 150_000, 200_000,
    300_000, 450_000, 600_000, 800_000, 950_000,
)  # fmt: skip # sizes of a fault that are weighed, alike
BEGINS_PRESUMED: Final = 0.8
BEGINS_LIKELY: Final = 0.95
BEGINS_CERTAIN: Final = 0.99
HOP_LIMITS: Final = 0.8  # hops that limit how often they say that a time ran out: Linux does
ECHO_LIMITS: Final = 0.05  # hosts and routers that limit their answers to echo questions
LIMIT_STEPS: Final = 16  # how finely what a limiting router leaves out is weighed
PRIOR: Final = {Zone.LAN: 0.25, Zone.ACCESS: 0.35, Zone.CORE: 0.2, Zone.BEYOND: 0.2}
ONE_WAY_SHARE_PPM: Final = 900_000  # of the losses: the other direction has a tenth of them at most
ONE_WAY_LOSSES_MIN: Final = 5  # of fewer the direction is chance: 1 in 16 for four of four
ONE_WAY_DEAD_PPM: Final = 900_000  # lost in a direction: it is dead, not lossy

# Delay
PART_US_MAX: Final = {
    Zone.LAN: 25 * US_PER_MS,  # Wi-Fi of a home takes 2 to 10
    Zone.ACCESS: 100 * US_PER_MS,  # WiMAX takes 30 to 70; a satellite needs a plan that says so
    Zone.CORE: 45 * US_PER_MS,  # 3,000 km of fibre and back, and the test point is nearer
    Zone.BEYOND: 70 * US_PER_MS,  # references are to be chosen near
}
GROWN_US_MIN: Final = 30 * US_PER_MS  # over the birth certificate; less is another hour of the day
GROWN_SHARE: Final = 2  # and more than one part in so many
QUICK_PERCENT: Final = 10  # of the answers of a stop: what it takes when it is not busy
SPEAKS_SLOWLY_US: Final = 4 * US_PER_MS  # slower than those behind it: it takes long to speak
ANSWERS_MIN: Final = 3  # fewer say nothing about delay

# Rate
QUEUE_US_MIN: Final = 30 * US_PER_MS  # growth under load; less is what schedulers add
QUEUE_SHARE: Final = 2  # a nearer point that has half of the growth is behind the queue, too
POLICED_PPM_MIN: Final = 150_000  # lost under load without a queue: somebody drops what is too much
ONCE_SHORT_PPM: Final = 900_000  # of the promised rate: one window below it is looked into
FALLEN_SHARE_PPM: Final = 700_000  # of the rate of the birth certificate
BLOCKING_SHARE_PPM: Final = 100_000  # of the promised rate: nobody works with a tenth

# Sector
SECTOR_BAD_MIN: Final = 2  # lines alike, besides this one
SECTOR_BAD_SHARE_PPM: Final = 500_000
SECTOR_GOOD_MIN: Final = 3  # good neighbours that clear what is shared
SECTOR_CLEAR_SHARE_PPM: Final = 200_000

PROBES_MIN: Final = 4  # unanswered packets before a point counts as silent
SMALL_OCTETS_MAX: Final = 300  # a trace of larger packets asks about their size
