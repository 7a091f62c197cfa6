"""Progress on stderr, in each of its forms; results never come here."""

from __future__ import annotations

import io
import json
import threading

import pytest

from omega_agent.display_bar import BarDisplay
from omega_agent.displays import Display, JsonDisplay, LineDisplay
from omega_agent.emitters import display
from omega_agent.errors import WrongUseError
from omega_agent.texts import Language, Speaker
from omega_core.evidence import Ended, TaskEnd
from omega_probe.events import Event, Notice, PhaseEnded, PhaseProgress, PhaseStarted


def ended(task: str, how: Ended = Ended.COMPLETED, **headline: int) -> PhaseEnded:
    end = TaskEnd(task=task, ended=how, started_offset_us=0, duration_us=5_000_000)
    return PhaseEnded(end=end, headline=headline)


STORY: tuple[Event, ...] = (
    PhaseStarted(task="idle", expected_us=4_200_000),
    PhaseProgress(task="idle", done_us=2_000_000, expected_us=4_200_000, rtt_us=20_400),
    Notice(code="no_route_ipv6"),
    ended("idle", idle_rtt_us_p50=20_400, loss_ppm_down=0),
    PhaseStarted(task="goodput_down", expected_us=5_000_000),
    PhaseProgress(
        task="goodput_down", done_us=1_000_000, expected_us=5_000_000, rate_bps=94_100_000
    ),
    ended("goodput_down", Ended.LINK_LOST),
    ended("goodput_up", Ended.SKIPPED),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(style: str, stream: io.StringIO, language: Language = "en") -> str:
    stop = threading.Event()
    with display(style, Speaker(language), stop, stream) as shown:
        for event in STORY:
            shown.emit(event)
    return stream.getvalue()


def test_lines_tell_beginnings_and_ends() -> None:
    assert told("lines", io.StringIO()).splitlines() == [
        "Delay and loss on the quiet line, about 5 s ...",
        "  this host has no IPv6 route to the server",
        "  idle round trip, p50 20.4 ms, packet loss down 0 %",
        "TCP goodput down, about 5 s ...",
        "  the line was lost",
    ]


def test_lines_in_french() -> None:
    lines = told("lines", io.StringIO(), "fr").splitlines()
    assert lines[0] == "Délai et pertes, ligne au repos, environ 5 s ..."
    assert lines[2].replace("\u00a0", " ") == (
        "  aller-retour au repos, p50 20,4 ms, perte de paquets descendante 0 %"
    )


def test_json_is_one_object_a_line_with_every_field() -> None:
    lines = [json.loads(line) for line in told("json", io.StringIO()).splitlines()]
    assert [line["event"] for line in lines] == [
        "phase_started",
        "phase_progress",
        "notice",
        "phase_ended",
        "phase_started",
        "phase_progress",
        "phase_ended",
        "phase_ended",
    ]
    assert lines[1]["rtt_us"] == 20_400
    assert lines[3]["headline"] == {"idle_rtt_us_p50": 20_400, "loss_ppm_down": 0}
    assert (lines[6]["task"], lines[6]["ended"]) == ("goodput_down", "link_lost")


def test_none_is_nothing() -> None:
    assert told("none", io.StringIO()) == ""


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        pytest.param(Terminal(), BarDisplay, id="a terminal gets the bar"),
        pytest.param(io.StringIO(), LineDisplay, id="a pipe gets lines"),
    ],
)
def test_auto_looks_where_it_goes(stream: io.StringIO, kind: type[Display]) -> None:
    assert type(display("auto", Speaker("en"), threading.Event(), stream)) is kind


def test_json_is_never_chosen_by_itself() -> None:
    shown = display("json", Speaker("en"), threading.Event(), Terminal())
    assert type(shown) is JsonDisplay


def test_refuses_a_style_we_do_not_have() -> None:
    with pytest.raises(WrongUseError, match="auto, bar, lines, json, none"):
        display("loud", Speaker("en"), threading.Event(), io.StringIO())


def test_the_bar_leaves_a_line_for_each_task_and_gives_the_cursor_back() -> None:
    written = told("bar", Terminal())
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l") >= 0
    last = written.rpartition("TCP goodput down")[2]
    assert "the line was lost" in last
    assert "idle round trip, p50 20.4 ms" in written
    assert "TCP goodput up" not in written


def test_the_cursor_comes_back_however_it_ends() -> None:
    stream = Terminal()

    def interrupted() -> None:
        with display("bar", Speaker("en"), threading.Event(), stream) as shown:
            shown.emit(STORY[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().rstrip("\n").endswith("\x1b[?25h")


@pytest.mark.parametrize("style", ["lines", "json", "bar"])
def test_says_once_that_ctrl_c_was_heard(style: str) -> None:
    stop, stream = threading.Event(), io.StringIO()
    with display(style, Speaker("en"), stop, stream) as shown:
        shown.emit(STORY[0])
        assert "Stopping" not in stream.getvalue()
        stop.set()
        shown.emit(STORY[1])
        shown.emit(STORY[3])
    assert stream.getvalue().count("Stopping; what was measured is kept") == 1


def test_a_task_run_twice_has_two_lines() -> None:
    stream = io.StringIO()
    with display("bar", Speaker("en"), threading.Event(), stream) as shown:
        for rate_bps in (1_000_000, 2_000_000):
            shown.emit(PhaseStarted(task="goodput_up", expected_us=1))
            shown.emit(ended("goodput_up", goodput_bps_up=rate_bps))
    assert "1 Mbit/s" in stream.getvalue()
    assert "2 Mbit/s" in stream.getvalue()
