"""What limited a rate, one unit on either side of each bound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.derive import metrics_of
from omega_core.environment import Interface, Medium
from omega_core.evidence import Ended, Evidence, GoodputRun
from omega_core.limit_cause import limit_cause, load_limit_cause, with_limit_causes
from omega_core.metrics import Direction, LimitCause
from omega_core.units import US_PER_S
from support.facts import goodput_run
from support.windows import window

SECONDS = 5
SPAN_US = SECONDS * US_PER_S
RATE_BPS = 290_000_000
GIGABIT = Interface(
    name="eth0", medium=Medium.ETHERNET, link_rate_bps=10**9, duplex="full", mtu_bytes=1_500
)


def limited(direction: Direction, **sender: Any) -> GoodputRun:  # noqa: ANN401 - fields of the fact
    """Return a run of four flows whose senders' kernels all say so."""
    run = goodput_run(direction, duration_us=SPAN_US)
    return replace(run, senders=tuple(replace(each, **sender) for each in run.senders))


@pytest.mark.parametrize(
    ("sender", "down", "up"),
    [
        pytest.param({}, LimitCause.PATH, LimitCause.PATH, id="the network all the time"),
        pytest.param(
            {"busy_us": SPAN_US * 9 // 10}, LimitCause.PATH, LimitCause.PATH, id="a tenth idle"
        ),
        pytest.param(
            {"busy_us": SPAN_US * 9 // 10 - 5},
            LimitCause.TEST_POINT,
            LimitCause.PROBE_HOST,
            id="more than a tenth idle: the sender did not feed the socket",
        ),
        pytest.param(
            {"send_buffer_limited_us": SPAN_US // 5 + 5},
            LimitCause.TEST_POINT,
            LimitCause.PROBE_HOST,
            id="the sender's buffer",
        ),
        pytest.param(
            {"receive_window_limited_us": SPAN_US // 5},
            LimitCause.PATH,
            LimitCause.PATH,
            id="a fifth by the window",
        ),
        pytest.param(
            {"receive_window_limited_us": SPAN_US // 5 + 5},
            LimitCause.PROBE_HOST,
            LimitCause.TEST_POINT,
            id="more than a fifth: the receiver",
        ),
        pytest.param(
            {
                "busy_us": SPAN_US * 19 // 20,
                "receive_window_limited_us": SPAN_US // 10,
                "send_buffer_limited_us": SPAN_US // 10,
            },
            LimitCause.UNKNOWN,
            LimitCause.UNKNOWN,
            id="a little of everything",
        ),
        pytest.param({"busy_us": 0}, LimitCause.UNKNOWN, LimitCause.UNKNOWN, id="it told nothing"),
    ],
)
def test_what_the_senders_kernel_says(
    sender: dict[str, int], down: LimitCause, up: LimitCause
) -> None:
    for direction, cause in ((Direction.DOWN, down), (Direction.UP, up)):
        runs = [limited(direction, **sender)]
        found = limit_cause(runs, direction, rate_bps=RATE_BPS, interface=GIGABIT)
        assert found is cause, direction


@pytest.mark.parametrize(
    ("link_rate_bps", "cause"),
    [
        pytest.param(100_000_000, LimitCause.LAN, id="as fast as the host's own link"),
        pytest.param(100_000_001, LimitCause.PATH, id="one bit per second below that"),
        pytest.param(None, LimitCause.PATH, id="the host does not say"),
    ],
)
def test_the_hosts_own_link(link_rate_bps: int | None, cause: LimitCause) -> None:
    interface = replace(GIGABIT, link_rate_bps=link_rate_bps)
    runs = [limited(Direction.DOWN)]
    found = limit_cause(runs, Direction.DOWN, rate_bps=93_000_000, interface=interface)
    assert found is cause


def test_a_sender_that_was_held_back_tells_nothing_of_the_line() -> None:
    runs = [limited(Direction.UP), replace(limited(Direction.UP, busy_us=0), held_back=True)]
    found = limit_cause(runs, Direction.UP, rate_bps=RATE_BPS, interface=None)
    assert found is LimitCause.GRANT


def test_runs_that_were_cut_short_or_went_the_other_way_explain_nothing() -> None:
    lost = replace(limited(Direction.DOWN), ended=Ended.LINK_LOST)
    runs = [limited(Direction.UP), lost]
    assert limit_cause(runs, Direction.DOWN, rate_bps=RATE_BPS, interface=GIGABIT) is None
    assert limit_cause(runs, Direction.UP, rate_bps=None, interface=GIGABIT) is None


def test_a_flow_of_less_than_a_second_is_not_asked() -> None:
    run = goodput_run(Direction.DOWN, duration_us=US_PER_S - 1)
    found = limit_cause([run], Direction.DOWN, rate_bps=RATE_BPS, interface=GIGABIT)
    assert found is LimitCause.UNKNOWN


def test_each_rate_carries_its_cause_and_nothing_else_does() -> None:
    runs = (limited(Direction.DOWN, receive_window_limited_us=SPAN_US), limited(Direction.UP))
    metrics = metrics_of(Evidence(goodput=runs))
    found = with_limit_causes(metrics, Evidence(goodput=runs), GIGABIT)
    assert found["goodput_bps_down"].limited_by is LimitCause.PROBE_HOST
    assert found["goodput_bps_up"].limited_by is LimitCause.PATH
    told = {name for name, each in found.items() if each.limited_by is not None}
    assert told == {"goodput_bps_down", "goodput_bps_up"}
    assert {name: replace(each, limited_by=None) for name, each in found.items()} == metrics


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(
    ("made", "changes", "cause"),
    [
        pytest.param({"queue_us": 3_000}, {}, LimitCause.PATH, id="a queue that grew"),
        pytest.param({"lost_ppm": 2_000}, {}, LimitCause.PATH, id="packets dropped on the way"),
        pytest.param(
            {"lost_ppm": 2_000},
            {"idle_loss_ppm": 2_000},
            "sender",
            id="as many as are lost without load",
        ),
        pytest.param({}, {"filled": True}, LimitCause.PATH, id="a buffer that was full"),
        pytest.param({}, {}, "sender", id="neither: what was told was not sent"),
        pytest.param({}, {"ended": Ended.BUDGET}, LimitCause.GRANT, id="no octets left before"),
        pytest.param(
            {"queue_us": 3_000}, {"ended": Ended.BUDGET}, LimitCause.PATH, id="but after a queue"
        ),
        pytest.param({"offered": RATE_BPS}, {}, LimitCause.UNKNOWN, id="all that was told came"),
        pytest.param(
            {"queue_us": 3_000}, {"host_drops": 10**5}, "receiver", id="the receiving host's drops"
        ),
    ],
)
def test_what_limited_a_capacity(
    direction: Direction, made: dict[str, Any], changes: dict[str, Any], cause: LimitCause | str
) -> None:
    fields = {"fixed_bps": RATE_BPS, "offered": 2 * RATE_BPS, "direction": direction, **made}
    run = replace(window(RATE_BPS, **fields), fixed_bps=None, **changes)
    ends = (LimitCause.TEST_POINT, LimitCause.PROBE_HOST)
    sender, receiver = ends if direction is Direction.DOWN else ends[::-1]
    expected = {"sender": sender, "receiver": receiver}.get(cause, cause)
    assert load_limit_cause([run], direction, interface=GIGABIT) is expected


def test_a_capacity_that_is_the_own_link_is_the_lans() -> None:
    hundred = replace(GIGABIT, link_rate_bps=300_000_000)
    run = replace(window(RATE_BPS, fixed_bps=RATE_BPS, queue_us=3_000), fixed_bps=None)
    own = load_limit_cause([run], Direction.UP, interface=hundred)
    assert own is LimitCause.LAN
    metrics = metrics_of(Evidence(capacity=(run,)))
    found = with_limit_causes(metrics, Evidence(capacity=(run,)), hundred)
    assert found["capacity_bps_up"].limited_by is LimitCause.LAN
    assert found["capacity_bps_down"].limited_by is None


def test_where_nothing_was_shown_nothing_is_known() -> None:
    assert load_limit_cause([], Direction.UP, interface=None) is LimitCause.UNKNOWN
