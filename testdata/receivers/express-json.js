// The receiver that people write first: express.json() parses the body, and the
// handler verifies what JSON.stringify makes of it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { listen, refused, secret, verified } from './report.js';

const name = 'express-json';
const app = express();
app.use(express.json());
app.post('/', (req, res) => {
  const payload = req.get('X-VoxParse-Timestamp') + '.' + JSON.stringify(req.body);
  const expected = Buffer.from(createHmac('sha256', secret()).update(payload).digest('hex'));
  const given = ['X-VoxParse-Signature', 'X-VoxParse-Signature-Previous'].map((h) => Buffer.from(req.get(h) ?? ''));
  if (!given.some((g) => g.length === expected.length && timingSafeEqual(g, expected))) {
    refused(name, 'no signature matches', req.headers);
    return res.sendStatus(401);
  }
  verified(name, req.body, req.headers);
  res.sendStatus(200);
});
listen(name, app);
