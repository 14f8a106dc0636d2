#!/bin/sh
# Verify a voxparse webhook with a shell. body.json holds the request's body,
# byte for byte. Usage: SIGNATURE=… TIMESTAMP=… SECRET=whsec_… sh verify.sh body.json
#
# To have one sent to you:
#   curl --unix-socket "$XDG_RUNTIME_DIR/voxparse/voxparse.sock" \
#     -H 'Content-Type: application/json' -d '{"url":"http://127.0.0.1:3000/hooks"}' http://localhost/v1/webhooks
set -eu
expected=$( { printf '%s.' "$TIMESTAMP"; cat "$1"; } | openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.*= *//')
if [ "$expected" = "$SIGNATURE" ]; then
  echo valid
else
  echo "invalid: expected $expected" >&2
  exit 1
fi
