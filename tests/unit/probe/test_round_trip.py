"""The STAMP sender on a simulated path: long sessions, chosen fates, hostile datagrams."""

from __future__ import annotations

from itertools import pairwise

import pytest

from omega_core.limits import (
    STREAM_DURATION_NS_MAX,
    STREAM_PACKETS_MAX,
    STREAM_PERIOD_NS_MIN,
    WAITING_TIME_NS,
    packet_count,
)
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.stamp import (
    ERROR_ESTIMATE_UNSYNCHRONISED,
    ReflectorPacket,
    decode_sender,
    encode_reflector,
)
from omega_probe.round_trip import HURRIED_NS_MIN, PATIENCE_NS_MIN, StampSender
from support.simulated_stamp import (
    LOST_DOWN,
    LOST_UP,
    SSID,
    START_NS,
    Fate,
    SimulatedPath,
    sender,
)

PERIOD_NS = 20 * NS_PER_MS
UNIX_NS = 1_790_000_000 * NS_PER_S


def reply_to(data: bytes, **changes: int) -> bytes:
    """Return an honest answer to a packet, with some fields changed."""
    packet = decode_sender(data)
    fields = {
        "sequence": packet.sequence,
        "replied_unix_ns": UNIX_NS,
        "ssid": packet.ssid,
        "received_unix_ns": UNIX_NS,
        "sender_sequence": packet.sequence,
        "sender_sent_unix_ns": packet.sent_unix_ns,
        "sender_error_estimate": ERROR_ESTIMATE_UNSYNCHRONISED,
        "ttl": 64,
    }
    return encode_reflector(ReflectorPacket(**{**fields, **changes}))


def due(machine: StampSender, now_ns: int) -> bytes:
    """Return the packet that is due; the test has seen to it that there is one."""
    data = machine.datagram_to_send(now_ns, UNIX_NS + now_ns)
    assert data is not None
    return data


def test_a_ten_second_stream_reports_every_packet_without_sleeping() -> None:
    machine = sender(packet_count(10 * NS_PER_S, PERIOD_NS))
    path = SimulatedPath(machine, {7: LOST_UP, 8: LOST_DOWN, 500: LOST_UP})
    path.run()
    outcome = machine.outcome()
    assert len(outcome.rtt_us) == 501
    assert [i for i, rtt_us in enumerate(outcome.rtt_us) if rtt_us is None] == [7, 8, 500]
    assert set(outcome.rtt_us) - {None} == {30_000}, "the reflector's 50 us are not the path's"
    assert (outcome.late_sends, outcome.strange, outcome.duplicates_down) == (0, 0, 0)


def test_the_longest_stream_of_the_limits_runs() -> None:
    machine = sender(
        packet_count(STREAM_DURATION_NS_MAX, STREAM_PERIOD_NS_MIN), period_ns=STREAM_PERIOD_NS_MIN
    )
    SimulatedPath(machine).run()
    assert len(machine.outcome().rtt_us) == STREAM_PACKETS_MAX


def test_packets_leave_one_period_apart_from_a_phase_after_the_start() -> None:
    machine = sender(4, phase_ns=3 * NS_PER_MS)
    path = SimulatedPath(machine)
    path.run()
    assert [at_ns - START_NS for at_ns in path.sent_ns] == [
        3 * NS_PER_MS + step * PERIOD_NS for step in range(4)
    ]


def test_the_stream_ends_with_the_last_answer_and_does_not_wait_on() -> None:
    machine = sender(3)
    path = SimulatedPath(machine)
    path.run()
    assert path.now_ns - START_NS < 2 * PERIOD_NS + 31 * NS_PER_MS
    assert machine.outcome().waiting_time_us == WAITING_TIME_NS // 1_000


def test_a_dead_line_ends_one_waiting_time_after_the_last_packet() -> None:
    machine = sender(3)
    path = SimulatedPath(machine, usual=LOST_UP)
    path.run()
    assert path.now_ns - START_NS == 2 * PERIOD_NS + WAITING_TIME_NS + 1
    assert machine.outcome().rtt_us == (None, None, None)
    assert machine.next_wakeup_ns() is None


@pytest.mark.parametrize(
    ("rtt_ns", "waited_ns"),
    [
        pytest.param(30 * NS_PER_MS, PATIENCE_NS_MIN, id="short path: the least patience"),
        pytest.param(200 * NS_PER_MS, 2 * NS_PER_S, id="ten round trips of a longer one"),
        pytest.param(600 * NS_PER_MS, WAITING_TIME_NS, id="satellite: never beyond Tmax"),
    ],
)
def test_what_is_missing_at_the_end_gets_patience_by_the_path(rtt_ns: int, waited_ns: int) -> None:
    machine = sender(40)
    usual = Fate(up_ns=(rtt_ns // 2,), down_ns=(rtt_ns // 2,), held_ns=0)
    path = SimulatedPath(machine, {39: LOST_DOWN}, usual=usual)
    path.run()
    assert path.now_ns - START_NS == 39 * PERIOD_NS + waited_ns + 1
    assert machine.outcome().waiting_time_us == waited_ns // 1_000


@pytest.mark.parametrize(
    ("delay_ns", "answered"),
    [
        pytest.param(WAITING_TIME_NS, True, id="exactly the waiting time"),
        pytest.param(WAITING_TIME_NS + 1, False, id="one nanosecond later"),
    ],
)
def test_the_waiting_time_is_inclusive(delay_ns: int, *, answered: bool) -> None:
    machine = sender(1)
    SimulatedPath(machine, usual=Fate(up_ns=(0,), down_ns=(delay_ns,), held_ns=0)).run()
    assert (machine.outcome().rtt_us != (None,)) is answered


def test_a_late_answer_is_a_loss_and_its_copy_no_rescue() -> None:
    machine = sender(200)
    late = Fate(down_ns=(WAITING_TIME_NS, WAITING_TIME_NS + NS_PER_MS))
    SimulatedPath(machine, {0: late}).run()
    outcome = machine.outcome()
    assert outcome.rtt_us[0] is None
    assert outcome.replies_received == 199
    assert 0 in outcome.reflected.values(), "it still proves that the packet got there"


def test_a_packet_in_flight_is_not_called_lost() -> None:
    machine = sender(2)
    due(machine, START_NS)
    with pytest.raises(RuntimeError, match="not complete"):
        machine.outcome()


def test_duplicates_are_counted_apart_by_direction() -> None:
    machine = sender(5)
    copied_up = Fate(up_ns=(10 * NS_PER_MS, 11 * NS_PER_MS))
    copied_down = Fate(down_ns=(20 * NS_PER_MS, 21 * NS_PER_MS, 22 * NS_PER_MS))
    path = SimulatedPath(machine, {1: copied_up, 2: copied_down})
    path.run()
    outcome = machine.outcome()
    assert None not in outcome.rtt_us
    assert outcome.replies_received == 6, "two replies to packet 1"
    assert outcome.duplicates_down == 2
    assert path.report.duplicates == 1


def test_a_duplicate_never_shortens_the_round_trip_of_the_first() -> None:
    machine = sender(1)
    data = due(machine, START_NS)
    machine.datagram_received(reply_to(data), START_NS + 5 * NS_PER_MS)
    machine.datagram_received(reply_to(data), START_NS + 1 * NS_PER_MS)
    assert machine.outcome().rtt_us == (5_000,)


def test_reordering_of_replies_is_counted_as_rfc_4737_does() -> None:
    machine = sender(5)
    overtaken = Fate(down_ns=(50 * NS_PER_MS,))
    SimulatedPath(machine, {1: overtaken}).run()
    outcome = machine.outcome()
    assert outcome.reordered_down == 1, "only the packet that came late, not those that overtook it"
    assert outcome.rtt_us[1] == 60_000


def test_a_packet_overtaken_on_the_way_up_is_not_reordered_on_the_way_down() -> None:
    machine = sender(5)
    path = SimulatedPath(machine, {1: Fate(up_ns=(50 * NS_PER_MS,))})
    path.run()
    assert path.report.reordered == 1
    assert machine.outcome().reordered_down == 0, "its reply left last and arrived last"


def test_a_reply_that_arrives_with_the_end_of_the_patience_still_counts() -> None:
    machine = sender(2)
    first, last_ns = due(machine, START_NS), START_NS + PERIOD_NS
    last = due(machine, last_ns)
    machine.datagram_received(reply_to(first), START_NS + NS_PER_MS)
    end_ns = last_ns + PATIENCE_NS_MIN
    assert machine.datagram_to_send(end_ns, UNIX_NS) is None
    machine.datagram_received(reply_to(last), end_ns)
    assert machine.outcome().rtt_us == (1_000, PATIENCE_NS_MIN // 1_000)


def test_a_stream_whose_sending_is_ended_waits_for_what_is_on_its_way() -> None:
    machine = sender(100, hurried=True)
    first, second_ns = due(machine, START_NS), START_NS + PERIOD_NS
    second = due(machine, second_ns)
    machine.datagram_received(reply_to(first), START_NS + NS_PER_MS)
    machine.end_sending()
    third_ns = second_ns + PERIOD_NS
    assert machine.datagram_to_send(third_ns, UNIX_NS) is None
    assert machine.next_wakeup_ns() == second_ns + HURRIED_NS_MIN + 1
    machine.datagram_received(reply_to(second), third_ns)
    assert machine.next_wakeup_ns() is None
    assert machine.outcome().rtt_us == (1_000, PERIOD_NS // 1_000)


@pytest.mark.parametrize("longest_ms", [1, 400])
def test_what_is_missing_then_is_waited_for_half_as_long_again_as_the_longest(
    longest_ms: int,
) -> None:
    machine = sender(100, hurried=True)
    first = due(machine, START_NS)
    last_ns = START_NS + PERIOD_NS
    due(machine, last_ns)
    machine.datagram_received(reply_to(first), START_NS + longest_ms * NS_PER_MS)
    machine.end_sending()
    end_ns = last_ns + max(HURRIED_NS_MIN, longest_ms * NS_PER_MS * 3 // 2)
    assert machine.next_wakeup_ns() == end_ns + 1
    assert machine.datagram_to_send(end_ns + 1, UNIX_NS) is None
    assert machine.outcome().rtt_us == (longest_ms * 1_000, None)


def test_sending_may_be_ended_before_it_began_or_after_all_was_answered() -> None:
    never = sender(100)
    never.end_sending()
    assert never.datagram_to_send(START_NS, UNIX_NS) is None
    assert never.outcome().rtt_us == ()
    answered = sender(100)
    answered.datagram_received(reply_to(due(answered, START_NS)), START_NS + 1_000)
    answered.end_sending()
    assert answered.next_wakeup_ns() == 0
    assert answered.datagram_to_send(START_NS + 2_000, UNIX_NS) is None
    assert len(answered.outcome().rtt_us) == 1


def test_a_late_driver_is_counted_and_sends_no_burst() -> None:
    machine = sender(5)
    due(machine, START_NS)
    late_ns = START_NS + 3 * PERIOD_NS
    due(machine, late_ns)
    assert machine.datagram_to_send(late_ns, UNIX_NS) is None
    assert machine.next_wakeup_ns() == late_ns + PERIOD_NS // 2
    due(machine, late_ns + PERIOD_NS // 2)
    assert machine.next_wakeup_ns() == late_ns + PERIOD_NS
    machine.stop(late_ns)
    assert machine.outcome().late_sends == 2


@pytest.mark.parametrize(
    ("lateness_ns", "late"),
    [
        pytest.param(PERIOD_NS // 10, 0, id="a tenth of the period is on time"),
        pytest.param(PERIOD_NS // 10 + 1, 1, id="a nanosecond more is late"),
    ],
)
def test_lateness_begins_at_a_tenth_of_the_period(lateness_ns: int, late: int) -> None:
    machine = sender(2)
    due(machine, START_NS)
    due(machine, START_NS + PERIOD_NS + lateness_ns)
    machine.stop(START_NS + PERIOD_NS)
    assert machine.outcome().late_sends == late


def test_the_time_of_sending_is_what_the_driver_says_last() -> None:
    machine = sender(1)
    data = due(machine, START_NS)
    machine.departed(START_NS + 700_000)
    machine.datagram_received(reply_to(data), START_NS + 10_700_000)
    assert machine.outcome().rtt_us == (10_000,)


@pytest.mark.parametrize(
    "held_ns",
    [
        pytest.param(-NS_PER_MS, id="T3 before T2: the reflector's clock was set back"),
        pytest.param(10 * NS_PER_MS + 1, id="held longer than the whole round trip"),
    ],
)
def test_an_impossible_turnaround_is_not_subtracted(held_ns: int) -> None:
    machine = sender(1)
    data = due(machine, START_NS)
    answer = reply_to(data, replied_unix_ns=UNIX_NS + held_ns)
    machine.datagram_received(answer, START_NS + 10 * NS_PER_MS)
    assert machine.outcome().rtt_us == (10_000,)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ssid": SSID + 1}, id="another session's identifier"),
        pytest.param({"sender_sequence": 1}, id="a packet that was never sent"),
        pytest.param({"sender_sent_unix_ns": UNIX_NS - 5}, id="a T1 that was never stamped"),
    ],
)
def test_a_forged_reply_is_counted_as_strange_and_nothing_else(changes: dict[str, int]) -> None:
    machine = sender(2)
    data = due(machine, START_NS)
    machine.datagram_received(reply_to(data, **changes), START_NS + NS_PER_MS)
    machine.stop(START_NS + 10 * NS_PER_S)
    outcome = machine.outcome()
    assert outcome.strange == 1
    assert outcome.rtt_us == (None,)
    assert outcome.replies_received == 0


def test_a_flood_of_copies_fills_no_memory() -> None:
    machine = sender(2)
    data = due(machine, START_NS)
    for number in range(1_000):
        machine.datagram_received(reply_to(data, sequence=number), START_NS + NS_PER_MS)
    machine.stop(START_NS + 10 * NS_PER_S)
    assert len(machine.outcome().reflected) <= 8


def test_an_authenticated_stream_runs_and_believes_no_other_key() -> None:
    key, wrong = b"k" * 32, b"w" * 32
    machine = StampSender(count=3, period_ns=PERIOD_NS, ssid=SSID, key=key)
    assert machine.packet_octets == 112
    SimulatedPath(machine, key=key).run()
    assert None not in machine.outcome().rtt_us

    other = StampSender(count=1, period_ns=PERIOD_NS, ssid=SSID, key=key)
    data = due(other, START_NS)
    packet = decode_sender(data, key=key)
    forged = encode_reflector(
        ReflectorPacket(0, UNIX_NS, SSID, UNIX_NS, 0, packet.sent_unix_ns, 0x1601, 64), key=wrong
    )
    other.datagram_received(forged, START_NS + NS_PER_MS)
    other.stop(START_NS + 10 * NS_PER_S)
    assert other.outcome().rtt_us == (None,)


def test_stopping_cuts_off_at_the_first_packet_that_may_still_be_answered() -> None:
    machine = sender(500)
    path = SimulatedPath(machine, {3: LOST_UP})
    path.run(until_ns=4 * NS_PER_S)
    machine.stop(path.now_ns)
    outcome = machine.outcome()
    assert outcome.rtt_us[3] is None, "its patience was over: it is lost"
    assert None not in outcome.rtt_us[4:]
    assert len(outcome.rtt_us) == 199, "packets 199 and 200 were on the way when stop was said"
    assert machine.next_wakeup_ns() is None


def test_a_better_time_of_sending_counts_before_and_after_the_reply() -> None:
    machine = sender(3)
    for number in range(2):
        data = due(machine, START_NS + number * PERIOD_NS)
        if number:
            machine.departed(START_NS + number * PERIOD_NS + 30_000, number)
        arrived_ns = START_NS + number * PERIOD_NS + NS_PER_MS
        machine.datagram_received(reply_to(data, sequence=number), arrived_ns)
        if not number:
            machine.departed(START_NS + 30_000, number)
    machine.departed(START_NS, 2)  # of a packet that was never sent: nothing
    machine.stop(START_NS + NS_PER_S)
    assert machine.outcome().rtt_us == (970, 970)


def test_packets_follow_closer_from_the_one_after_the_next() -> None:
    machine = sender(6)
    sent: list[int] = []
    while (due_ns := machine.next_wakeup_ns()) is not None and len(sent) < 6:
        due_ns = max(due_ns, START_NS)
        if machine.datagram_to_send(due_ns, UNIX_NS) is not None:
            sent.append(due_ns)
        if len(sent) == 2:
            machine.respace(PERIOD_NS // 2)
    gaps = [after - before for before, after in pairwise(sent)]
    assert gaps == [PERIOD_NS, PERIOD_NS, *[PERIOD_NS // 2] * 3]
    assert machine.spacings_us == ((0, PERIOD_NS // 1_000), (2, PERIOD_NS // 2_000))
    machine.stop(sent[-1] + 10 * NS_PER_S)
    assert machine.outcome().late_sends == 0


def test_a_hurried_stream_gives_up_sooner_and_keeps_what_it_has() -> None:
    machine = StampSender(count=500, period_ns=PERIOD_NS, ssid=SSID, phase_ns=0, hurried=True)
    path = SimulatedPath(machine, {180: LOST_UP})
    path.run(until_ns=4 * NS_PER_S)
    machine.stop(path.now_ns)
    outcome = machine.outcome()
    assert outcome.rtt_us[180] is None, "0.4 s is more than it waits, a second would not be"
    assert len(outcome.rtt_us) == 199
    assert outcome.waiting_time_us == 200_000


def test_stopping_before_the_first_packet_leaves_an_empty_sample() -> None:
    machine = sender(5)
    machine.stop(START_NS)
    assert machine.outcome().rtt_us == ()
    assert machine.datagram_to_send(START_NS, UNIX_NS) is None


def test_nothing_changes_a_complete_sample() -> None:
    machine = sender(1)
    data = due(machine, START_NS)
    machine.datagram_received(reply_to(data), START_NS + NS_PER_MS)
    before = machine.outcome()
    machine.datagram_received(reply_to(data), START_NS + NS_PER_MS)
    machine.stop(START_NS + NS_PER_S)
    assert machine.outcome() == before


@pytest.mark.parametrize(
    ("count", "period_ns", "phase_ns", "waiting_time_ns"),
    [
        pytest.param(0, 1, 0, 1, id="no packet"),
        pytest.param(STREAM_PACKETS_MAX + 1, 1, 0, 1, id="one packet too many"),
        pytest.param(1, 0, 0, 1, id="no period"),
        pytest.param(1, 1, -1, 1, id="a start before now"),
        pytest.param(1, 1, 0, 0, id="no waiting time"),
    ],
)
def test_a_stream_beyond_the_limits_is_refused(
    count: int, period_ns: int, phase_ns: int, waiting_time_ns: int
) -> None:
    with pytest.raises(ValueError, match=r"count|positive"):
        StampSender(
            count=count,
            period_ns=period_ns,
            ssid=SSID,
            phase_ns=phase_ns,
            waiting_time_ns=waiting_time_ns,
        )
