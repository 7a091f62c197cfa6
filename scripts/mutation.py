"""Change the verifier and the decision engine in thousands of small ways; count what no test sees.

A *mutant* is a module with one change: `<` for `<=`, 1 for 2, a decorator taken away. The operators
are those of cosmic-ray. `mutation.toml` says which modules are changed, which operators are left
out and why, and which tests must notice.

Theory of operation. cosmic-ray starts a new interpreter for each mutant: two seconds to import what
no mutant touches. Here one process a module (the *nursery*) imports once all that the tests need
and that does not depend on the module; each mutant is a fork of it, which imports the changed
module from memory, then those that depend on it, and runs the tests in its own process. No file is
ever changed, so the work tree stays clean whatever dies.

A mutant is killed when a test fails or nothing can be imported, and *timed out* (which counts as
killed) when it takes several times the processor time of the unchanged module; processor time, so
that a busy machine kills none. Not counted are mutants that are no Python, and those that change
nothing but an annotation, which no test can see.

Usage: python scripts/mutation.py [MODULE ...] [--workers N] [--sample N]      (make mutation)
Leaves with 1 where fewer mutants of a module are killed than `mutation.toml` asks for.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import grimp
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "mutation"
SOURCES = [ROOT / name for name in ("core", "probe", "acceptance_profiles", "agent", "server")]
PACKAGES = ("omega_core", "omega_probe", "omega_acceptance", "omega_agent", "omega_server")
OF_TESTS = ("support", "lab", "conftest", "tests", "test_")
CPU_FACTOR, CPU_EXTRA_S = 2, 2  # a loop that was made endless is found out after this
WALL_FACTOR = 20  # of the processor's time: for a mutant that sleeps
NO_TEST_FAILED, SOME_TEST_FAILED = 0, 1
SAMPLE_SEED = 20_260_101
LOADED = "loaded"  # the names of all modules that the tests have imported, one a line


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module: by which operator, in which line, and the whole changed source."""

    operator: str
    line: int
    before: str
    after: str
    source: str

    def told(self) -> dict[str, str | int]:
        """Return what is told of it: all but the source."""
        return {
            "operator": self.operator,
            "line": self.line,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """A module and the tests that must notice its mutants."""

    name: str
    path: Path
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How many mutants are tried at a time, and the file during whose life none is begun."""

    workers: int
    pause_while: Path | None

    def is_paused(self) -> bool:
        """Say whether somebody asks for quiet."""
        return self.pause_while is not None and self.pause_while.exists()


def mutants_of(path: Path, *, excluded: re.Pattern[str]) -> Iterator[Mutant]:
    """Yield every mutant of a module that is Python and differs in more than an annotation."""
    source = path.read_text(encoding="utf-8")
    nodes, plain = list(ast_nodes(get_ast(source))), _without_annotations(source)
    for name in operator_names():
        operator_class = get_operator(name)
        if excluded.search(name) or operator_class.arguments():
            continue
        operator = operator_class()
        places = [(node, at) for node in nodes for at in operator.mutation_positions(node)]
        for occurrence, (node, ((line, _), _)) in enumerate(places):
            changed = mutate_code(source, operator, occurrence)
            if changed is None or node.parent.type == "parameters":  # the `*` of a signature
                continue
            with suppress(SyntaxError):
                if _without_annotations(changed) != plain:
                    before, after = _changed_lines(source, changed)
                    yield Mutant(name.rpartition("/")[2], line, before, after, changed)


def _without_annotations(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
            for local in (each for each in ast.walk(node) if isinstance(each, ast.AnnAssign)):
                local.annotation = ast.Constant(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        compile(source, "mutant", "exec")  # finds what parsing alone does not
    return ast.dump(tree)


def _changed_lines(source: str, changed: str) -> tuple[str, str]:
    """Return the lines in which two sources differ, without those around them."""
    old, new = source.splitlines(), changed.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return " ".join(map(str.strip, old)), " ".join(map(str.strip, new))


class _Changed(MetaPathFinder):
    """Imports one module from a source in memory."""

    def __init__(self, target: Target, source: str) -> None:
        self.target = target
        self.source = source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the one module; leave the others to those who are asked next."""
        del path, target
        if name != self.target.name:
            return None
        loader = _FromMemory(name, str(self.target.path))
        loader.changed = self.source
        return spec_from_file_location(name, self.target.path, loader=loader)


class _FromMemory(SourceFileLoader):
    changed = ""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the changed source; no cache is read or written."""
        del fullname
        return compile(self.changed, self.path, "exec", dont_inherit=True)


def nursery(target: Target, mutants: Sequence[Mutant], told: Path, options: Options) -> None:
    """Try all mutants of a module in forks of this process; append a line of JSON for each."""
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch)
        limit_s = CPU_EXTRA_S + int(CPU_FACTOR * _unchanged_takes_s(target, where))
        _preload(target, (where / LOADED).read_text(encoding="utf-8").split())
        _unchanged_takes_s(target, where)  # what is imported already must not fail a test either
        gc.freeze()
        with told.open("a", encoding="utf-8") as lines:
            for mutant, outcome in _try_all(target, mutants, where, limit_s, options):
                lines.write(json.dumps({"outcome": outcome, **mutant.told()}) + "\n")
                lines.flush()


def _unchanged_takes_s(target: Target, scratch: Path) -> float:
    """Run the tests on the module as it is; return the processor's time, or leave if one fails."""
    before_s = _cpu_of_children_s()
    source = target.path.read_text(encoding="utf-8")
    _, status = os.waitpid(_fork(partial(_run_tests, target, source, scratch)), 0)
    if os.waitstatus_to_exitcode(status) != NO_TEST_FAILED:
        sys.exit(f"{target.name}: its tests fail without any change; run them with pytest first")
    return _cpu_of_children_s() - before_s


def _try_all(
    target: Target, mutants: Sequence[Mutant], scratch: Path, limit_s: int, options: Options
) -> Iterator[tuple[Mutant, str]]:
    waiting, alive = list(reversed(mutants)), dict[int, tuple[Mutant, float]]()
    while waiting or alive:
        while waiting and len(alive) < options.workers and not options.is_paused():
            mutant = waiting.pop()
            child = _fork(partial(_limited, target, mutant.source, scratch, limit_s))
            alive[child] = mutant, time.monotonic() + WALL_FACTOR * limit_s
        child, status = os.waitpid(-1, os.WNOHANG) if alive else (0, 0)
        if child:
            yield alive.pop(child)[0], _outcome(os.waitstatus_to_exitcode(status))
            continue
        for late in [each for each, (_, until) in alive.items() if time.monotonic() > until]:
            os.kill(late, signal.SIGKILL)
        time.sleep(0.005)


def _outcome(code: int) -> str:
    if code == NO_TEST_FAILED:
        return "survived"
    return "timed out" if code in {-signal.SIGXCPU, -signal.SIGKILL} else "killed"


def _limited(target: Target, source: str, scratch: Path, limit_s: int) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
    return _run_tests(target, source, scratch)


def _run_tests(target: Target, source: str, scratch: Path) -> int:
    """Run the tests of a target with this source for it; tell the first time what was imported."""
    sys.meta_path.insert(0, _Changed(target, source))
    where = scratch / str(os.getpid())
    code = pytest.main(
        [
            *("-q", "-x", "-p", "no:cacheprovider", "--assert=plain", "--timeout=0"),
            *("-m", "not slow", f"--basetemp={where}", "-o", "tmp_path_retention_policy=none"),
            *target.tests,
        ]
    )
    if not (scratch / LOADED).exists():
        (scratch / LOADED).write_text("\n".join(sys.modules), encoding="utf-8")
    return NO_TEST_FAILED if code == pytest.ExitCode.OK else SOME_TEST_FAILED


def _preload(target: Target, names: Sequence[str]) -> None:
    """Import what the tests need, but for tests and what depends on the target."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    dependent = {target.name, *graph.find_downstream_modules(target.name)}
    for name in names:
        if name not in dependent and not name.startswith(OF_TESTS):
            with suppress(ImportError):
                importlib.import_module(name)


def _fork(run: Callable[[], int]) -> int:
    """Return the process that runs a function, silently, and leaves with what it returns."""
    child = os.fork()
    if child:
        return child
    code = SOME_TEST_FAILED
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        code = run()
    finally:
        os._exit(code)


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="only these; else all")
    parser.add_argument("--workers", type=int, default=1, help="mutants at a time (1)")
    parser.add_argument("--sample", type=int, help="try only so many of each module, at random")
    parser.add_argument("--again", action="store_true", help="only those not killed last time")
    parser.add_argument("--pause-while", type=Path, help="begin none while this file exists")
    chosen = parser.parse_args()
    config = tomllib.loads((ROOT / "mutation.toml").read_text(encoding="utf-8"))
    unknown = set(chosen.modules) - set(config["modules"])
    if unknown:
        parser.error(f"not in mutation.toml: {', '.join(sorted(unknown))}")
    _prepare()
    excluded = re.compile("|".join(config["exclude_operators"]))
    options = Options(chosen.workers, chosen.pause_while)
    weak = []
    for name in chosen.modules or config["modules"]:
        target = Target(name, _path_of(name), tuple(config["modules"][name]["tests"]))
        mutants = list(mutants_of(target.path, excluded=excluded))
        if chosen.sample is not None and chosen.sample < len(mutants):
            mutants = random.Random(SAMPLE_SEED).sample(mutants, chosen.sample)  # noqa: S311 no secret
        told = RESULTS / f"{name}.jsonl"
        known = _killed_before(told) if chosen.again else []
        kept = [each for each in known if any(_is_of(each, mutant) for mutant in mutants)]
        mutants = [each for each in mutants if not any(_is_of(killed, each) for killed in kept)]
        told.write_text("".join(json.dumps(each) + "\n" for each in kept), encoding="utf-8")
        # A process of its own, so that what is imported for one module is not there for the next.
        tried = multiprocessing.get_context("fork").Process(
            target=nursery, args=(target, mutants, told, options)
        )
        tried.start()
        tried.join()
        if tried.exitcode:
            return 1
        if _tell(name, told) < config["killed_min_percent"]:
            weak.append(name)
    if weak:
        print(f"Below {config['killed_min_percent']} %: {', '.join(weak)}")
    return 1 if weak else 0


def _prepare() -> None:
    os.chdir(ROOT)
    RESULTS.mkdir(parents=True, exist_ok=True)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    sys.path[:0] = [str(each) for each in SOURCES]
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(RESULTS / "pycache")


def _path_of(name: str) -> Path:
    relative = Path(*name.split(".")).with_suffix(".py")
    return next(source / relative for source in SOURCES if (source / relative).exists())


def _killed_before(told: Path) -> list[dict[str, str | int]]:
    """Return what is known of the mutants that were killed the last time, or timed out."""
    if not told.exists():
        return []
    results = map(json.loads, told.read_text(encoding="utf-8").splitlines())
    return [each for each in results if each["outcome"] != "survived"]


def _is_of(result: dict[str, str | int], mutant: Mutant) -> bool:
    return {**result, **mutant.told()} == result


def _tell(name: str, told: Path) -> float:
    """Print what became of the mutants of a module; return how many in a hundred were killed."""
    results = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    outcomes = Counter(result["outcome"] for result in results)
    survived = [result for result in results if result["outcome"] == "survived"]
    percent = 100 * (1 - len(survived) / len(results)) if results else 100.0
    print(
        f"{name}: {len(results)} mutants, {outcomes['killed']} killed, "
        f"{outcomes['timed out']} timed out, {len(survived)} survived: {percent:.1f} %",
        flush=True,
    )
    for each in sorted(survived, key=lambda result: int(result["line"])):
        print(f"    line {each['line']}, {each['operator']}")
        print(f"      - {each['before']}\n      + {each['after']}", flush=True)
    return percent


if __name__ == "__main__":
    sys.exit(main())
