#!/usr/bin/env bash
# Run pytest; arguments are pytest's, but for three of our own:
#
#   --coverage  count the lines that ran, added to what an earlier run has counted
#   --gates     afterwards, fail unless enough of them have run
#   --together  also tests that start whole programs share the processors; one that fails beside
#               others is run again by itself, and has to pass then; so has one that measures, and
#               failed among an hour of others
#
# Tests in which nothing is timed share the processors; those that measure have them to themselves.
# Lab tests need network namespaces. As root they just run. Without root, but with user namespaces,
# they run in a second pytest inside one. Without either they are skipped and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
gates=
together=
arguments=(--durations=25 --durations-min=10)  # what makes a run long is named at its end
covered=()
for argument in "$@"; do
  case "$argument" in
    --coverage) covered=(--cov --cov-append --cov-report=) ;;
    --gates) gates=yes ;;
    --together) together=yes ;;
    *) arguments+=("$argument") ;;
  esac
done

untimed=(tests/unit tests/property tests/architecture tests/contract)
if [ -z "$together" ]; then
  # Whole parts of the server, that measure nothing. Their slow tests start programs: see below.
  untimed+=(tests/integration/test_{check_ins,keys,lines_api,pages,people_api,ticket_api}.py
    tests/integration/test_connector_{server,systems}.py
    tests/integration/test_server_{api,bad_input,pooling,process,store_trouble}.py
    tests/integration/test_watch_outbox.py)
fi
# The longest first, and who is done takes over from who is not: nobody waits for one at the end.
programs=(tests/lab/test_zone_cases.py tests/lab/test_ten_agents.py tests/lab/test_chain.py
  tests/lab/test_watched_line.py tests/lab/test_path_diagnosis.py tests/browser tests/integration)
# They mostly wait, so there may be more of them than processors.
waiting=$(($(nproc) + 1))
done_already=("${untimed[@]/#/--ignore=}")
pytest "${covered[@]}" "${arguments[@]}" -n logical "${untimed[@]}"
if [ -n "$together" ]; then
  done_already+=("${programs[@]/#/--ignore=}")
  code=0
  pytest "${covered[@]}" "${arguments[@]}" -n "$waiting" --dist worksteal "${programs[@]}" || code=$?
  if [ "$code" = 1 ]; then
    echo "Those that failed run once more, by themselves."
    pytest "${covered[@]}" "${arguments[@]}" --last-failed "${programs[@]}"
  elif [ "$code" != 0 ]; then
    exit "$code"
  fi
fi
code=0
pytest "${covered[@]}" "${arguments[@]}" "${done_already[@]}" || code=$?
if [ "$code" = 1 ] && [ -n "$together" ]; then
  echo "Those that failed run once more, when all else is over."
  pytest "${covered[@]}" "${arguments[@]}" --last-failed "${done_already[@]}"
elif [ "$code" != 0 ]; then
  exit "$code"
fi
if [ "$(id -u)" != 0 ] && PYTHONPATH=tests python -m lab.privilege true 2>/dev/null; then
  echo "Not root: the lab tests run once more, inside a user namespace."
  PYTHONPATH=tests python -m lab.privilege \
    pytest "${covered[@]}" "${arguments[@]}" tests/lab
fi
if [ -n "$gates" ]; then
  coverage report --skip-covered --fail-under=90
  # What judges people's lines has no line that was never tried.
  coverage report --include='core/*,acceptance_profiles/*' --omit='core/omega_core/sockets/*' \
    --show-missing --skip-covered --fail-under=100
fi
