"""The example of docs/testing.md runs, and the document quotes it as it stands here."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from lab import links
from lab.link import Fate
from lab.streams import stream
from lab.topology import Lab

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/testing.md"


def example() -> None:
    with Lab(links.named("lossy-2")) as lab:
        lab.link.watch(8620)  # log the packets of this UDP port
        with stream(lab.customer, lab.server) as sent:  # any program or socket would do
            sent.send(100, ip_bytes=72, spacing_ns=5_000_000)
            lab.link.up.set(rate_bps=500_000)  # while it runs; also .cut() and .mend()
            sent.settle(quiet_ns=100_000_000)
        print(lab.customer.run(["ip", "route", "get", lab.server.v4]).stdout)  # noqa: T201
        up = lab.link.truth().up
    lost = [packet.sequence for packet in up.packets if packet.fate is Fate.LOST]
    assert up.is_sound()
    assert sorted(lost) == sorted({*range(100)} - {*sent.delays_ns()})


@pytest.mark.lab
def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example()
    assert "dev eth0" in capsys.readouterr().out


def test_the_document_quotes_the_example_and_names_every_link() -> None:
    text = DOCUMENT.read_text()
    assert inspect.getsource(example) in text
    for name in links.LINKS:
        assert f"`{name}`" in text
