"""What it costs to check, seal and judge a record, on one core.

    python bench/verify.py [--files N] [--repeats N]

Bundles of three sizes are written to the disk and read back; each figure is the median over the
repeats, in milliseconds of one core. *Open* is envelope, signature and schema of the record alone;
*verify* is everything that `omega verify` does with a bundle: grant, observation, receipt, keys,
proof of inclusion, profile, metrics, verdict judged again. *Seal* is canonical JSON, signature and
envelope, *judge* the metrics and the verdict. Beside them, in the same run, what nobody can go
below in Python: Ed25519 of `cryptography` over the same octets, and `json.loads` of them. Last, a
folder of N bundles is checked as `omega verify FOLDER` does it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "probe", "acceptance_profiles", "agent", "server", "tests")
]

from omega_acceptance.evaluate import evaluate  # noqa: E402 - the path is set above
from omega_agent.verify import verify  # noqa: E402
from omega_agent.verify_folder import folder_report  # noqa: E402
from omega_agent.verify_report import Standing  # noqa: E402
from omega_core.envelope import (  # noqa: E402
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
    pre_authentication,
    seal_content,
)
from omega_core.evidence import Evidence  # noqa: E402
from omega_core.metrics import Direction  # noqa: E402
from omega_core.models import content_of, parse_model  # noqa: E402
from omega_core.record import Chain, Record  # noqa: E402
from omega_core.units import US_PER_S  # noqa: E402
from omega_core.verdict import Mode  # noqa: E402
from support.agent_story import Story  # noqa: E402
from support.builders import AGENT_KEY, SERVER_KEY  # noqa: E402
from support.facts import evidence, goodput_run, idle_stream, working_stream  # noqa: E402
from support.logged import logged  # noqa: E402
from support_bench import Table  # noqa: E402

TRUSTED = [SERVER_KEY.public]
HEADS = ("session", "octets", "open", "a second", "verify", "a second", "seal", "judge", "floor")


def light() -> Evidence:
    """Return what a quick look leaves: a second of packets, one short run."""
    run = goodput_run(flows=1, duration_us=2 * US_PER_S)
    return evidence(idle=(idle_stream(packets=50),), goodput=(run,))


def full() -> Evidence:
    """Return what a long acceptance leaves: 3,500 packets, eight runs, a stream beside each."""
    runs = tuple(
        goodput_run(direction, run=number, flows=2)
        for number, direction in enumerate([*Direction] * 4)
    )
    delays = [20_000 + 37 * number % 9_000 for number in range(3_500)]
    streams = tuple(working_stream(run.direction, run=run.run) for run in runs)
    return evidence(idle=(idle_stream(rtt_us=delays),), goodput=runs, working=streams)


SESSIONS: dict[str, tuple[Mode, Callable[[], Evidence]]] = {
    "light": (Mode.QUICK, light),
    "standard": (Mode.STANDARD, evidence),
    "full": (Mode.STANDARD, full),
}


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median of the processor's time for a call."""
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        spent.append(1_000 * (time.process_time() - started))
    return statistics.median(spent)


def opened(path: Path) -> Record:
    """Return the record in the envelope on the disk, its signature and schema checked."""
    sealed = parse_envelope(path.read_bytes())
    keys = keys_by_id([AGENT_KEY.public])
    return parse_model(Record, open_sealed(sealed, PayloadType.RECORD, keys))


def checked(path: Path) -> None:
    """Check a bundle; raises RuntimeError for one that is not valid and trusted."""
    report = verify(path.read_bytes(), trusted=TRUSTED)
    if report.standing is not Standing.TRUSTED:
        raise RuntimeError(f"{report.failed}: {report.detail}")


def row(name: str, folder: Path, repeats: int) -> tuple[str, ...]:
    """Return the figures of one kind of session."""
    mode, facts = SESSIONS[name]
    story = Story(mode=mode, evidence=facts())
    bundle, profile = logged(story.bundle()), story.profile
    if profile is None:
        raise RuntimeError("the story has a profile")
    file, record_file = folder / f"{name}.json", folder / f"{name}.record"
    file.write_bytes(bundle.to_bytes())
    record_file.write_bytes(bundle.record.encode())
    record, sealed = opened(record_file), parse_envelope(bundle.record.encode())
    message = pre_authentication(sealed.payload_type, sealed.payload)
    signature = sealed.signatures[0].octets

    def floor() -> None:
        if not AGENT_KEY.public.verifies(message, signature):
            raise RuntimeError("the signature does not hold")
        json.loads(sealed.payload)

    open_ms = milliseconds(partial(opened, record_file), repeats)
    verify_ms = milliseconds(partial(checked, file), repeats)
    seal_ms = milliseconds(
        lambda: seal_content(content_of(record), PayloadType.RECORD, AGENT_KEY), repeats
    )
    judge = partial(
        evaluate,
        profile,
        mode,
        evidence=record.evidence,
        environment=record.environment,
        faults=record.validity,
    )
    return (
        name,
        f"{len(sealed.payload)}",
        f"{open_ms:.2f}",
        f"{1_000 / open_ms:.0f}",
        f"{verify_ms:.2f}",
        f"{1_000 / verify_ms:.0f}",
        f"{seal_ms:.2f}",
        f"{milliseconds(judge, repeats):.2f}",
        f"{milliseconds(floor, repeats):.2f}",
    )


def folder_seconds(folder: Path, files: int) -> float:
    """Return the seconds that a folder of so many records of one device takes."""
    story = Story(mode=Mode.QUICK, evidence=light())
    before = None
    for number in range(files):
        story.chain = Chain(seq=number, prev=before)
        bundle = logged(story.bundle())
        before = parse_envelope(bundle.record.encode()).payload_digest
        (folder / f"{number:06}.json").write_bytes(bundle.to_bytes())
    started = time.perf_counter()
    contents = ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
    report = folder_report(contents, partial(verify, trusted=TRUSTED))
    if report.valid_and_trusted != files or report.missing:
        raise RuntimeError(f"{report.valid_and_trusted} of {files} are valid and trusted")
    return time.perf_counter() - started


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=101)
    arguments = parser.parse_args()
    title = f"Records: milliseconds of one core, median of {arguments.repeats}"
    table = Table(title, HEADS)
    with tempfile.TemporaryDirectory(prefix="omega-bench-", dir=Path.cwd()) as scratch:
        for name in SESSIONS:
            table.row(*row(name, Path(scratch), arguments.repeats))
        table.print()
        folder = Path(scratch) / "folder"
        folder.mkdir()
        seconds = folder_seconds(folder, arguments.files)
    print(f"\nA folder of {arguments.files} light records: {seconds:.1f} s")


if __name__ == "__main__":
    main()
