#!/usr/bin/env bash
# Lint openapi/openapi.json: no error and no warning under redocly's recommended rules and spectral's rules for OpenAPI.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

node_modules/.bin/redocly lint --config lint/redocly.yaml --format json ../openapi.json >"$work/redocly.json" \
  2>"$work/redocly.log" || true
python3 - "$work/redocly.json" <<'PY' || { cat "$work/redocly.log"; exit 1; }
import json
import sys

found = json.load(open(sys.argv[1]))
for each in found["problems"]:
    print(each["severity"], each["ruleId"], each["location"][0].get("pointer"), each["message"])
print(f"redocly: {found['totals']['errors']} errors, {found['totals']['warnings']} warnings")
sys.exit(bool(found["problems"]))
PY

python3 lint/short_unions.py ../openapi.json "$work/short.json"
node_modules/.bin/spectral lint --ruleset lint/spectral.yaml --fail-severity hint "$work/short.json"
