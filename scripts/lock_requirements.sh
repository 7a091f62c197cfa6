#!/usr/bin/env bash
# Pin every dependency with its hashes. The files name no index: whoever installs chooses one.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
  pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
    "$@"
}
pin --output-file=requirements.lock pyproject.toml
pin --extra=server --output-file=requirements-server.lock pyproject.toml
pin --extra=server --extra=path --extra=dev --output-file=requirements-dev.lock pyproject.toml
# Beside the tools of everyday, at their versions: only `make mutation` needs it.
echo "cosmic-ray>=8.7" |
  pin --constraint=requirements-dev.lock --output-file=requirements-mutation.lock -
