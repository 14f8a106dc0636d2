// What every receiver here shares: its arguments and its lines on stdout.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, 'secret-file': { type: 'string' } },
});

// The secret is read for every request, so that a test can make the webhook
// after the receiver, and rotate its secret.
export function secret() {
  const text = values['secret-file'] ? readFileSync(values['secret-file'], 'utf8') : (process.env.VOXPARSE_WEBHOOK_SECRET ?? '');
  return text.trim();
}

export function say(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

export function verified(name, event, headers) {
  say({
    verified: true,
    receiver: name,
    event_id: event.event_id,
    event: event.event,
    job_id: event.data?.job_id,
    delivery_id: headers['x-voxparse-delivery-id'],
    attempt: Number(headers['x-voxparse-attempt']),
  });
}

export function refused(name, why, headers) {
  say({ verified: false, receiver: name, reason: String(why), event_id: headers['x-voxparse-event-id'] });
}

export function listen(name, app) {
  const server = app.listen(Number(values.port), '127.0.0.1', () => {
    say({ receiver: name, port: server.address().port });
  });
  process.on('SIGTERM', () => process.exit(0));
  // A receiver ends with the program that started it, if that holds its stdin.
  if (process.env.RECEIVER_ENDS_WITH_STDIN) process.stdin.resume().on('end', () => process.exit(0));
}
