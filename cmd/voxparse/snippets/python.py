"""A receiver of voxparse webhooks; standard library only. Run it with:
VOXPARSE_WEBHOOK_SECRET=whsec_… PORT=3000 python3 receiver.py"""

import hashlib
import hmac
import json
import os
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["VOXPARSE_WEBHOOK_SECRET"]
TOLERANCE = timedelta(minutes=5)
seen = set()  # event ids; keep them in your database


def verify(body: bytes, headers) -> bool:
    timestamp = headers.get("X-VoxParse-Timestamp", "")
    try:
        signed = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except ValueError:
        return False
    if abs(datetime.now(timezone.utc) - signed) > TOLERANCE:
        return False
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    given = (headers.get("X-VoxParse-Signature", ""), headers.get("X-VoxParse-Signature-Previous", ""))
    return any(hmac.compare_digest(expected.encode(), g.encode()) for g in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        # The bytes as they came: verify before you parse.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not verify(body, self.headers):
            self.send_response(401)
        else:
            event = json.loads(body)
            if event["event_id"] not in seen:  # an event can come twice
                seen.add(event["event_id"])
                data = event["data"]
                print(event["event"], data.get("job_id", ""), (data.get("result") or {}).get("text", data.get("error", "")), flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver)
print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
