// The stock library "svix", as its own documentation shows it.
import express from 'express';
import { Webhook } from 'svix';
import { listen, refused, secret, verified } from './report.js';

const name = 'svix';
const app = express();
app.post('/', express.raw({ type: 'application/json' }), (req, res) => {
  let event;
  try {
    event = new Webhook(secret()).verify(req.body.toString('utf8'), req.headers);
  } catch (error) {
    refused(name, error, req.headers);
    return res.sendStatus(401);
  }
  // Some versions hand back the parsed event, some nothing.
  verified(name, event?.event_id ? event : JSON.parse(req.body.toString('utf8')), req.headers);
  res.sendStatus(200);
});
listen(name, app);
