#!/usr/bin/env bash
# The other name of auto_transformer.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/auto_transformer.sh" "$@"
