// The receiver that people write first: express.json() parses the body, and the
// handler verifies what JSON.stringify makes of it. It knows one signature header
// and nothing of rotations.
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { listen, refused, secret, verified } from './report.js';

const name = 'express-json';
const app = express();
app.use(express.json());
app.post('/', (req, res) => {
  const payload = req.get('X-VoxParse-Timestamp') + '.' + JSON.stringify(req.body);
  const expected = Buffer.from(createHmac('sha256', secret()).update(payload).digest('hex'));
  const given = Buffer.from(req.get('X-VoxParse-Signature') ?? '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    refused(name, 'no signature matches', req.headers);
    return res.sendStatus(401);
  }
  verified(name, req.body, req.headers);
  res.sendStatus(200);
});
listen(name, app);
