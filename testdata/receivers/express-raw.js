// The receiver that people should write: the raw body is verified, then parsed.
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { listen, refused, secret, verified } from './report.js';

const name = 'express-raw';
const app = express();
app.post('/', express.raw({ type: 'application/json' }), (req, res) => {
  const expected = createHmac('sha256', secret())
    .update(req.get('X-VoxParse-Timestamp') + '.')
    .update(req.body)
    .digest();
  const given = ['X-VoxParse-Signature', 'X-VoxParse-Signature-Previous'].map((h) => Buffer.from(req.get(h) ?? '', 'hex'));
  if (!given.some((g) => g.length === expected.length && timingSafeEqual(g, expected))) {
    refused(name, 'no signature matches', req.headers);
    return res.sendStatus(401);
  }
  verified(name, JSON.parse(req.body.toString('utf8')), req.headers);
  res.sendStatus(200);
});
listen(name, app);
