#!/usr/bin/env bash
# Every benchmark, one package after another, so that none disturbs another:
# the packages are those with a Benchmark function in their tests.
# `bench.sh list` names them. Called by `make bench`; PKG=./daemon limits it to one package. The recognizer's
# memory and speed at other lengths: VOXPARSE_BENCH_SECONDS=10800, and with a file
# of your own: VOXPARSE_BENCH_AUDIO=/path/to/file.mp3 (both PKG=./cmd/voxparse-engine).
# Each runs RUNS times (3), and what is printed of a figure is the lowest and the highest.
# The disk's own sync time comes first: what is durable cannot be faster.
set -euo pipefail
cd "$(dirname "$0")/.."
export VOXPARSE_NO_KEYRING=1
export VOXPARSE_BENCH_ROWS=${VOXPARSE_BENCH_ROWS:-1000000}
export VOXPARSE_SEARCH_TRANSCRIPTS=${VOXPARSE_SEARCH_TRANSCRIPTS:-100000}
packages=$(git grep -l --untracked '^func Benchmark' -- '*_test.go' | while read -r file; do echo "./${file%/*}"; done | sort -u)
if [ "${1:-}" = list ]; then
	printf '%s\n' "$packages"
	exit
fi
runs=${RUNS:-3}
if [ -z "${PKG:-}" ]; then
	printf '\n== a sync of this disk\n'
	go test -run '^$' -bench '^BenchmarkSync$' -count "$runs" ./store/boltstore | testdata/ranges.awk
fi
for pkg in ${PKG:-$packages}; do
	printf '\n== %s\n' "$pkg"
	if [ "$pkg" = ./internal/redact ]; then # how well, too
		go test -count=1 -v -run 'LabeledSet|HeldOut' "$pkg" | grep -E 'lines,|\|'
	fi
	go test -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-1s}" -count "$runs" -timeout 120m "$pkg" | testdata/ranges.awk
done
