#!/usr/bin/env bash
# Pin every dependency with its hashes. The files name no index: whoever installs chooses one.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
  pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
    "$@" pyproject.toml
}
pin --output-file=requirements.lock
pin --extra=server --output-file=requirements-server.lock
pin --extra=server --extra=path --extra=dev --output-file=requirements-dev.lock
