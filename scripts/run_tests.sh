#!/usr/bin/env bash
# Run pytest; arguments are pytest's, but for two of our own:
#
#   --coverage  count the lines that ran, added to what an earlier run has counted
#   --gates     afterwards, fail unless enough of them have run
#
# Tests in which nothing is timed share the processors; those that measure have them to themselves.
# Lab tests need network namespaces. As root they just run. Without root, but with user namespaces,
# they run in a second pytest inside one. Without either they are skipped and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
gates=
arguments=()
covered=()
for argument in "$@"; do
  case "$argument" in
    --coverage) covered=(--cov --cov-append --cov-report=) ;;
    --gates) gates=yes ;;
    *) arguments+=("$argument") ;;
  esac
done

shared=(tests/unit tests/property tests/architecture tests/contract)
pytest "${covered[@]}" "${arguments[@]}" -n logical "${shared[@]}"
pytest "${covered[@]}" "${arguments[@]}" "${shared[@]/#/--ignore=}"
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
