"""The door to the server: what each answer means, and what is never followed or believed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from omega_agent.errors import BusyError, NoAnswerError, WrongAnswerError, WrongUseError
from omega_agent.server_url import parse_server_url
from omega_agent.uplink import ANSWER_TIMEOUT_S, Uplink
from omega_core.errors import ExitCode, OmegaError, RefusedError
from omega_core.limits import ANSWER_BYTES_MAX
from omega_core.units import NS_PER_S
from support.clock import HandClock
from support.collector_peer import Meeting, answer, body, page, plain, portal

_INFO = {
    "schema_version": 1,
    "software": "omega-acceptance 0.1.0",
    "server_key": "A" * 43,
    "now_unix_us": 1,
}


def uplink(meeting: Meeting, *, url: str = "http://127.0.0.1:8600", **options: object) -> Uplink:
    return Uplink(
        parse_server_url(url),
        software="omega test",
        clock=options.pop("clock", HandClock()),  # type: ignore[arg-type] # a clock, if any
        transport=httpx.MockTransport(meeting),
        insecure=bool(options.pop("insecure", False)),
    )


def raises(error: Exception) -> Meeting:
    def meet(_request: httpx.Request) -> httpx.Response:
        raise error

    return meet


@pytest.mark.parametrize(
    ("meeting", "expected", "words"),
    [
        pytest.param(raises(httpx.ConnectError("no")), NoAnswerError, "no answer", id="no route"),
        pytest.param(
            raises(httpx.ConnectTimeout("no")), NoAnswerError, "no answer in time", id="silence"
        ),
        pytest.param(raises(httpx.ReadTimeout("no")), NoAnswerError, "in time", id="half of it"),
        pytest.param(raises(httpx.ReadError("no")), NoAnswerError, "no answer", id="cut"),
        pytest.param(
            raises(httpx.RemoteProtocolError("no")), WrongAnswerError, "like an Omega", id="no HTTP"
        ),
        pytest.param(portal, WrongAnswerError, "HTTP 302", id="a portal's redirect"),
        pytest.param(page, WrongAnswerError, "can't be read", id="a portal's page"),
        pytest.param(plain({}), WrongAnswerError, "can't be read", id="another message"),
        pytest.param(
            plain({**_INFO, "more": 1}), WrongAnswerError, "can't be read", id="a newer message"
        ),
        pytest.param(
            plain({**_INFO, "now_unix_us": -1}), WrongAnswerError, "can't be read", id="bad number"
        ),
        pytest.param(body(b"\xff"), WrongAnswerError, "can't be read", id="no text"),
        pytest.param(plain({"error": 1}, 404), WrongAnswerError, "HTTP 404", id="another server"),
        pytest.param(body(b"", 500), WrongAnswerError, "HTTP 500", id="a broken proxy"),
        pytest.param(
            body(b" " * (ANSWER_BYTES_MAX + 1)), WrongAnswerError, "more than any", id="too large"
        ),
        pytest.param(answer(404, "sheet_unknown"), RefusedError, "sheet_unknown", id="a refusal"),
        pytest.param(answer(503, "busy"), BusyError, "because of busy", id="later"),
        pytest.param(answer(429, "quota_exceeded"), BusyError, "quota", id="too often"),
        pytest.param(answer(409, "in_progress"), BusyError, "in_progress", id="being stored"),
    ],
)
def test_what_an_answer_means(meeting: Meeting, expected: type[OmegaError], words: str) -> None:
    with uplink(meeting) as to_server, pytest.raises(expected, match=words) as raised:
        to_server.server_info()
    assert type(raised.value) is expected


def test_a_good_answer_is_the_message() -> None:
    with uplink(plain(_INFO)) as to_server:
        assert to_server.server_info().server_key == "A" * 43


def test_a_refusal_keeps_its_code_and_who_can_mend_it() -> None:
    with (
        uplink(answer(403, "plan_not_activated")) as to_server,
        pytest.raises(RefusedError) as raised,
    ):
        to_server.request_session(b"{}")
    assert raised.value.code == "plan_not_activated"
    assert raised.value.who_acts == "operator: see to it"
    assert raised.value.exit_code == ExitCode.USAGE


def test_busy_is_no_refusal_for_the_shell() -> None:
    with (
        uplink(answer(503, "busy", retry_after_s=9)) as to_server,
        pytest.raises(BusyError) as raised,
    ):
        to_server.server_info()
    assert (raised.value.exit_code, raised.value.retry_after_s) == (ExitCode.UNAVAILABLE, 9)


def test_an_answer_that_never_ends_is_cut_off() -> None:
    clock = HandClock()

    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.pass_ns(NS_PER_S)
                yield b" "

    with (
        uplink(lambda _: httpx.Response(200, stream=Dripping()), clock=clock) as to_server,
        pytest.raises(NoAnswerError, match="not finished"),
    ):
        to_server.server_info()
    assert clock.at_monotonic_ns >= ANSWER_TIMEOUT_S * NS_PER_S


def test_asks_below_the_path_of_the_server() -> None:
    asked: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return plain(_INFO)(request)

    with uplink(note, url="http://127.0.0.1:8600/omega/") as to_server:
        to_server.server_info()
    assert asked == ["http://127.0.0.1:8600/omega/v1/server"]


def test_says_what_is_sent_and_by_what() -> None:
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"digest": "0" * 64})

    with uplink(note) as to_server:
        to_server.post_observation(b"{}")
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].headers["user-agent"] == "omega test"


@pytest.mark.parametrize("url", ["http://8.8.8.8", "http://[2a00:1450::1]:8600"])
def test_plain_http_to_a_public_address_must_be_meant(url: str) -> None:
    with pytest.raises(WrongUseError, match="plain http on a public address"):
        uplink(page, url=url)
    with uplink(page, url=url, insecure=True), uplink(page, url=url.replace("http:", "https:")):
        pass


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with uplink(plain(_INFO)) as to_server:
        assert to_server.server_info().schema_version == 1


@pytest.mark.parametrize(
    ("url", "insecure", "mode"),
    [
        ("https://omega.example", False, ssl.CERT_REQUIRED),
        ("https://omega.example", True, ssl.CERT_NONE),
    ],
)
def test_a_certificate_is_checked_unless_that_is_not_meant(
    url: str, mode: ssl.VerifyMode, *, insecure: bool
) -> None:
    with uplink(page, url=url, insecure=insecure) as to_server:
        assert to_server._tls().verify_mode is mode


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda up: up.address_proof(4), id="address"),
        pytest.param(lambda up: up.enrol(b"{}"), id="enrol"),
        pytest.param(lambda up: up.request_session(b"{}"), id="session"),
        pytest.param(lambda up: up.post_record(b"{}", "0" * 64), id="record"),
        pytest.param(lambda up: up.record_proof("0" * 64), id="proof"),
        pytest.param(lambda up: up.consistency(1, 2), id="consistency"),
    ],
)
def test_every_call_speaks_of_silence_alike(call: Callable[[Uplink], object]) -> None:
    with (
        uplink(raises(httpx.ConnectTimeout("no"))) as to_server,
        pytest.raises(NoAnswerError, match=r"no answer from http://127\.0\.0\.1:8600"),
    ):
        call(to_server)


def test_a_page_is_no_answer_to_an_observation() -> None:
    with uplink(page) as to_server, pytest.raises(WrongAnswerError):
        to_server.post_observation(b"{}")


def test_a_receipt_is_handed_on_byte_for_byte() -> None:
    content = json.dumps({"any": "bytes"}).encode()
    with uplink(body(content, 201)) as to_server:
        assert to_server.post_record(b"{}", "0" * 64) == content


def test_a_proof_is_handed_on_as_text() -> None:
    with uplink(body("a proof — of it\n".encode())) as to_server:
        assert to_server.record_proof("0" * 64) == "a proof — of it\n"
    with uplink(body(b"\xff")) as to_server, pytest.raises(WrongAnswerError):
        to_server.record_proof("0" * 64)
