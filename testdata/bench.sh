#!/usr/bin/env bash
# Every benchmark, one package after another, so that none disturbs another.
# Called by `make bench`; PKG=./daemon limits it to one package.
set -euo pipefail
cd "$(dirname "$0")/.."
export VOXPARSE_NO_KEYRING=1
export VOXPARSE_SEARCH_TRANSCRIPTS=${VOXPARSE_SEARCH_TRANSCRIPTS:-100000}
for pkg in ${PKG:-./daemon ./store ./webhook ./watch ./cmd/voxparse-engine ./analysis ./redact ./polish ./search ./transcript ./models}; do
	printf '\n== %s\n' "$pkg"
	if [ "$pkg" = ./redact ]; then # how well, too
		go test -count=1 -v -run 'LabelledSet|HeldOut' "$pkg" | grep -E 'lines,|\|'
	fi
	go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" -timeout 60m "$pkg"
done
