// A receiver of voxparse webhooks; no packages needed. Run it with:
//   VOXPARSE_WEBHOOK_SECRET=whsec_… PORT=3000 node receiver.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.VOXPARSE_WEBHOOK_SECRET;
const tolerance = 5 * 60 * 1000; // ms
const seen = new Set(); // event ids; keep them in your database

function verify(body, headers) {
  const timestamp = headers["x-voxparse-timestamp"] ?? "";
  const age = Math.abs(Date.now() - Date.parse(timestamp));
  if (!(age <= tolerance)) return false;
  const expected = createHmac("sha256", secret).update(timestamp + ".").update(body).digest("hex");
  return ["x-voxparse-signature", "x-voxparse-signature-previous"].some((name) => {
    const got = headers[name] ?? "";
    return got.length === expected.length && timingSafeEqual(Buffer.from(got), Buffer.from(expected));
  });
}

createServer((req, res) => {
  const chunks = [];
  req.on("data", (c) => chunks.push(c));
  req.on("end", () => {
    const body = Buffer.concat(chunks); // the bytes as they came: verify before you parse
    if (!verify(body, req.headers)) return res.writeHead(401).end();
    const event = JSON.parse(body);
    if (!seen.has(event.event_id)) {
      seen.add(event.event_id); // an event can come twice
      console.log(event.event, event.data.job_id ?? "", event.data.result?.text ?? event.data.error ?? "");
    }
    res.writeHead(204).end();
  });
}).listen(process.env.PORT ?? 3000, "127.0.0.1", function () {
  console.log(`listening on ${this.address().port}`);
});
