"""A receiver in Python, standard library only.

It verifies both signature schemes and says on stdout what it made of each
request. Arguments: --port N (0: any) and --secret-file FILE, which is read
again for every request.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--secret-file")
args = parser.parse_args()
NAME = "python"


def secret():
    if args.secret_file:
        with open(args.secret_file, encoding="utf-8") as f:
            return f.read().strip()
    return os.environ.get("VOXPARSE_WEBHOOK_SECRET", "").strip()


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def own(body, headers):
    payload = headers.get("X-VoxParse-Timestamp", "").encode() + b"." + body
    expected = hmac.new(secret().encode(), payload, hashlib.sha256).hexdigest()
    given = [headers.get(h, "") for h in ("X-VoxParse-Signature", "X-VoxParse-Signature-Previous")]
    return any([hmac.compare_digest(expected, g) for g in given])


def standard(body, headers):
    key = base64.b64decode(secret().removeprefix("whsec_"), validate=True)
    payload = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, payload, hashlib.sha256).digest()).decode()
    return any([hmac.compare_digest(expected, g) for g in headers.get("webhook-signature", "").split(" ")])


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ok = own(body, self.headers) and standard(body, self.headers)
        if ok:
            event = json.loads(body)
            say(
                verified=True,
                receiver=NAME,
                event_id=event["event_id"],
                event=event["event"],
                job_id=event["data"].get("job_id"),
                delivery_id=self.headers.get("X-VoxParse-Delivery-Id"),
                attempt=int(self.headers.get("X-VoxParse-Attempt", 0)),
            )
        else:
            say(verified=False, receiver=NAME, reason="no signature matches", event_id=self.headers.get("X-VoxParse-Event-Id"))
        self.send_response(200 if ok else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


server = ThreadingHTTPServer(("127.0.0.1", args.port), Receiver)
say(receiver=NAME, port=server.server_port)
if os.environ.get("RECEIVER_ENDS_WITH_STDIN"):
    threading.Thread(target=end_with_stdin, daemon=True).start()
server.serve_forever()
