"""Kill server, agent and ticket system at drawn moments, and count what is lost or doubled.

    python scripts/kill_trials.py --times 100 --seed 1

Prints the counts, and each fault with what is needed to repeat it; leaves with 1 if there is one.
The moments are drawn from the seed; what they meet depends on the machine too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from support.kill_trial import KillTrial


def main() -> int:
    """Run the trial and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omega-kills-") as folder:
        found = KillTrial(Path(folder), asked.seed).run(asked.times)
    print(f"killed: {dict(sorted(found.kills.items()))}, {found.kills.total()} in all")
    print(f"instructions: {found.instructions}, ended {dict(sorted(found.ended.items()))}")
    print(f"records on tickets: {found.records}, notes in the ticket system: {found.notes}")
    print(f"faults: {len(found.faults)}")
    for each in found.faults:
        print(f"  {each}")
    if found.faults:
        print(f"again: python scripts/kill_trials.py --times {asked.times} --seed {asked.seed}")
    return bool(found.faults)


if __name__ == "__main__":
    sys.exit(main())
