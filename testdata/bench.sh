#!/usr/bin/env bash
# Every benchmark, one package after another, so that none disturbs another.
# Called by `make bench`; PKG=./daemon limits it to one package. The recogniser's
# memory and speed at other lengths: VOXPARSE_BENCH_SECONDS=10800, and with a file
# of your own: VOXPARSE_BENCH_AUDIO=/path/to/file.mp3 (both PKG=./cmd/voxparse-engine).
set -euo pipefail
cd "$(dirname "$0")/.."
export VOXPARSE_NO_KEYRING=1
export VOXPARSE_BENCH_ROWS=${VOXPARSE_BENCH_ROWS:-1000000}
export VOXPARSE_SEARCH_TRANSCRIPTS=${VOXPARSE_SEARCH_TRANSCRIPTS:-100000}
for pkg in ${PKG:-./daemon ./store ./webhook ./watch ./engine ./cmd/voxparse ./cmd/voxparse-engine ./analysis ./redact ./polish ./search ./transcript ./models}; do
	printf '\n== %s\n' "$pkg"
	if [ "$pkg" = ./redact ]; then # how well, too
		go test -count=1 -v -run 'LabelledSet|HeldOut' "$pkg" | grep -E 'lines,|\|'
	fi
	go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" -timeout 60m "$pkg"
done
