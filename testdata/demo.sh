#!/usr/bin/env bash
# The whole journey on a real recording, in a temporary home: fetch the model,
# start a daemon, register a webhook, submit, and let a receiver written with
# stock libraries verify what arrives. Called by `make demo` with the folder of
# the built programs.
set -euo pipefail
bin=$(cd "${1:?usage: demo.sh BIN}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
recording=$here/audio/sense_and_sensibility_01_austen_64kb-0870.wav

# A short path: Unix sockets allow about 100 bytes.
home=$(mktemp -d /tmp/vpdemo.XXXXXX)
receiver=
finish() {
	"$bin/voxparse" daemon stop >/dev/null 2>&1 || true
	[ -z "$receiver" ] || kill "$receiver" 2>/dev/null || true
	rm -rf "$home"
}
trap finish EXIT

# Models and compiled code are kept between demos; everything else is new.
models=${VOXPARSE_MODELS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/voxparse-demo/models}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/voxparse-demo
mkdir -p "$models" "$cache" "$home/run"
chmod 700 "$home/run"
export HOME=$home XDG_CONFIG_HOME=$home/config XDG_DATA_HOME=$home/data XDG_STATE_HOME=$home/state
export XDG_CACHE_HOME=$cache XDG_RUNTIME_DIR=$home/run VOXPARSE_MODELS_DIR=$models VOXPARSE_NO_KEYRING=1
export npm_config_cache=$cache/npm

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

step "1. The default model"
"$bin/voxparse" models pull

step "2. A daemon in $home"
"$bin/voxparse" daemon start
"$bin/voxparse" status

step "3. A receiver that verifies with the stock library, and a webhook for it"
port_file=$home/receiver.json
secret_file=$home/secret
touch "$secret_file"
node "$here/receivers/standardwebhooks.js" --port 0 --secret-file "$secret_file" >"$port_file" &
receiver=$!
for _ in $(seq 100); do
	port=$(sed -n 's/.*"port": *\([0-9]*\).*/\1/p' "$port_file" | head -n 1)
	[ -n "$port" ] && break
	sleep 0.1
done
[ -n "$port" ] || { echo "the receiver did not start" >&2; exit 1; }
"$bin/voxparse" webhooks add "http://127.0.0.1:$port/" --json | sed -n 's/.*"secret": *"\(whsec_[0-9a-f]*\)".*/\1/p' >"$secret_file"
[ -s "$secret_file" ] || { echo "webhooks add gave no secret" >&2; exit 1; }

step "4. Submit $(basename "$recording")"
job=$("$bin/voxparse" transcribe --async -q --metadata ticket_id=T-1234 --metadata agent=jane "$recording")
echo "accepted: $job"
"$bin/voxparse" jobs wait "$job" >/dev/null

step "5. The transcript"
"$bin/voxparse" jobs show "$job" -f txt

step "6. The event, as the receiver verified it"
for _ in $(seq 100); do
	grep -q '"verified": *true' "$port_file" && break
	sleep 0.1
done
grep '"verified": *true' "$port_file" || { echo "no verified event arrived" >&2; "$bin/voxparse" webhooks deliveries; exit 1; }

step "Done: file, job, transcript, signed webhook, verified by stock code."
