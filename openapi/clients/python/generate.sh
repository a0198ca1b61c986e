#!/usr/bin/env bash
# Make the package parley_client from the OpenAPI document; fails on any warning.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf parley_client
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python without_304.py ../../openapi.json "$work/openapi.json"
openapi-python-client generate --path "$work/openapi.json" --config config.yaml --output-path parley_client --meta none \
  --fail-on-warning
python unions.py ../../openapi.json parley_client
