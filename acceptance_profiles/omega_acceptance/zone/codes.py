"""The codes of a zone finding; what people read of them stands in `words`.

The parts of a line follow RFC 7398, near to far:

    device --LAN-- box --access-- first operator hop --core-- test point --beyond-- references
            Z0     Z1     Z2                            Z3                 Z4
"""

from __future__ import annotations

from enum import StrEnum


class Zone(StrEnum):
    """Where a fault lies."""

    LAN = "Z0"  # between the device and the box: cable or Wi-Fi
    CPE = "Z1"  # the box itself
    ACCESS = "Z2"  # from the box to the first operator hop
    CORE = "Z3"  # from there to the test point
    BEYOND = "Z4"  # past the test point: names, other networks, one family
    NONE = "none"  # nothing was found
    UNKNOWN = "unknown"  # a needed part was not observed, or the evidence does not decide


class Symptom(StrEnum):
    """What is wrong, as it shows."""

    LINK_DOWN = "link_down"  # nothing gets past a point
    NOT_FORWARDING = "not_forwarding"  # the box answers, and passes nothing on
    TEST_POINT_SILENT = "test_point_silent"  # references answer, the test point does not
    LOSS = "loss"
    ONE_WAY = "one_way"  # nearly everything is lost, in one direction only
    DELAY = "delay"
    RATE = "rate"
    NAMES = "names"  # no name is resolved
    MTU_HOLE = "mtu_hole"  # large packets vanish without a word
    PORTAL = "portal"  # somebody else answers in the Controller's place
    FAILED = "failed"  # the plan is not kept, and nothing says where
    SPOILED = "spoiled"  # the run is invalid: it says nothing about the line
    NOT_SEEN = "not_seen"  # too little was observed


class Point(StrEnum):
    """A point of the path that can be good or bad."""

    DEVICE = "device"
    GATEWAY = "gateway"
    OPERATOR_HOP = "operator_hop"
    TEST_POINT = "test_point"
    REFERENCE = "reference"


class Confidence(StrEnum):
    """How often a finding of this class is wrong at most, by the rule's own reckoning."""

    CERTAIN = "certain"  # 1 in 100
    LIKELY = "likely"  # 1 in 20
    PRESUMED = "presumed"  # 1 in 4
    OPEN = "open"  # nothing is claimed


class Reason(StrEnum):
    """What the confidence rests on."""

    HOST_SAYS = "host_says"  # the host's own network says so: no carrier, no address
    HOP_SAYS = "hop_says"  # a router on the way said so
    SILENT_BEYOND = "silent_beyond"  # nothing answers behind the last good point
    SERVER_SAYS = "server_says"  # name servers answered, or refused
    COUNTS = "counts"  # counts of packets, weighed against each other
    GROWTH = "growth"  # the delay grows there
    QUEUE = "queue"  # a queue forms there under load
    USUAL = "usual"  # seen from here it can't be told; it nearly always is there
    NEIGHBOURS = "neighbours"  # other lines of the sector tell it apart
    FEW_SAMPLES = "few_samples"
    NOT_OBSERVED = "not_observed"
    CONFLICT = "conflict"  # what was seen contradicts itself
    ALL_GOOD = "all_good"
    RUN_SPOILED = "run_spoiled"


class Scope(StrEnum):
    """Whether the line alone is hit, or others of its sector too."""

    LINE = "line"
    SECTOR = "sector"


class Condition(StrEnum):
    """What is worth knowing about the path and is no fault."""

    CGNAT = "cgnat"
    DOUBLE_NAT = "double_nat"
    TUNNEL = "tunnel"
    PORTAL = "portal"
    WIFI = "wifi"
    NO_IPV6 = "no_ipv6"
    SOME_NAMES_DEAD = "some_names_dead"
    HOP_LIMITS_ANSWERS = "hop_limits_answers"
    OUTAGES_LATELY = "outages_lately"


class FactCode(StrEnum):
    """One fact behind a finding."""

    NO_CARRIER = "no_carrier"
    NO_GATEWAY = "no_gateway"
    GATEWAY_SILENT = "gateway_silent"
    ANSWERS = "answers"  # of `samples` packets `value` were answered at a point
    UNREACHABLE_SAID = "unreachable_said"
    BOX_RESOLVES = "box_resolves"
    LOSS_SHARE = "loss_share"
    LOSS_BEGINS = "loss_begins"  # how likely the loss begins in this part
    DELAY_PART = "delay_part"  # what a part adds to the round trip
    QUEUE_GROWS = "queue_grows"  # the round trip to a point under load, less that on the quiet line
    RATE_SHORT = "rate_short"
    SERVER_DEAD = "server_dead"
    SERVER_GOOD = "server_good"
    MTU_PASSED = "mtu_passed"
    MTU_FAILED = "mtu_failed"
    LAST_LARGE = "last_large"  # the last hop that large packets reach
    SECTOR_ALIKE = "sector_alike"
    OUTAGES = "outages"
    SPOILED_BY = "spoiled_by"


class Criticality(StrEnum):
    """How much the customer misses."""

    BLOCKING = "blocking"
    DEGRADED = "degraded"
    MINOR = "minor"
    NO_FAULT = "no_fault"


class Advice(StrEnum):
    """What the customer can do."""

    USE_CABLE = "use_cable"
    CHECK_CABLES = "check_cables"
    MOVE_CLOSER = "move_closer"
    RESTART_DEVICE = "restart_device"
    RESTART_BOX = "restart_box"
    TELL_LAMPS = "tell_lamps"
    STOP_TRAFFIC = "stop_traffic"
    CLOSE_TUNNEL = "close_tunnel"
    OTHER_DEVICE = "other_device"
    SIGN_IN = "sign_in"
    NOTHING_AT_HOME = "nothing_at_home"
    LEAVE_PROBE = "leave_probe"
    LINE_IS_GOOD = "line_is_good"


class NextStep(StrEnum):
    """What is to be done by whom."""

    SELF_HELP = "self_help"
    TEST_AGAIN = "test_again"
    SWAP_BOX = "swap_box"
    DISPATCH = "dispatch"  # level 2
    JOIN_SECTOR = "join_sector"
    ESCALATE_L3 = "escalate_l3"
    INFORM = "inform"
    MEND_TEST_POINT = "mend_test_point"
    FOLLOW_UP = "follow_up"
    OFFER_CLOSING = "offer_closing"
