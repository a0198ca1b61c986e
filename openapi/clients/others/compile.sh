#!/usr/bin/env bash
# Make clients in Go and in TypeScript (fetch) by openapi-generator, and compile them; what the machine lacks is left out.
# It needs Java, and Go or Node. Where no proxy of Go modules can be reached, GO_VALIDATOR is the folder of
# gopkg.in/validator.v2 (Debian: golang-gopkg-validator.v2-dev, /usr/share/gocode/src/gopkg.in/validator.v2).
set -euo pipefail
cd "$(dirname "$0")"
command -v java >/dev/null || { echo "(no Java here: clients in Go and TypeScript by openapi-generator are left out)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python references.py ../../openapi.json "$work/openapi.json"

generate() {
  openapi-generator-cli generate --generator-name "$1" --input-spec "$work/openapi.json" --output "$work/$1" \
    --skip-validate-spec --additional-properties "$2" >"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
}

if command -v go >/dev/null; then
  generate go enumClassPrefix=true
  sed -i "s/^go .*/$(go version | sed -E 's/.*go([0-9]+\.[0-9]+).*/go \1/')/" "$work/go/go.mod"
  if [ -n "${GO_VALIDATOR:-}" ]; then
    cp -rL "$GO_VALIDATOR" "$work/validator"
    printf 'module gopkg.in/validator.v2\n' >"$work/validator/go.mod"
    printf '\nreplace gopkg.in/validator.v2 => %s\n' "$work/validator" >>"$work/go/go.mod"
  fi
  (cd "$work/go" && GOFLAGS=-mod=mod go build ./... && GOFLAGS=-mod=mod go vet .)
  echo "Go: $(find "$work/go" -name '*.go' | wc -l) files compile"
else
  echo "(no Go here: its client is left out)"
fi

if [ -x ../node_modules/.bin/tsc ]; then
  generate typescript-fetch withoutRuntimeChecks=true
  ../node_modules/.bin/tsc --strict --noEmit --target es2022 --module es2022 --moduleResolution bundler --lib es2022,dom \
    "$work/typescript-fetch/index.ts"
  echo "TypeScript (fetch): $(find "$work/typescript-fetch" -name '*.ts' | wc -l) files compile"
else
  echo "(no TypeScript here: its client is left out)"
fi
