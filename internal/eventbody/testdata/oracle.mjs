// Judges JSON texts as JavaScript sees them. One question a line on stdin, one
// JSON answer a line on stdout.
//   "metadata BASE64": may it be echoed, and as what? Written from the contract
//                      and not from the Go code.
//   "body BASE64":     does it survive JSON.parse and JSON.stringify?
import { createInterface } from 'node:readline';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\],:]|true|false|null/g;

// The exact decimal value of a JSON number as [digits, power of ten].
function decimal(text) {
  const [, whole, fraction = '', power = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  let digits = (whole + fraction).replace(/^0+/, '');
  let exponent = BigInt(power) - BigInt(fraction.length);
  while (digits.endsWith('0')) {
    digits = digits.slice(0, -1);
    exponent += 1n;
  }
  return digits === '' ? '0' : `${digits}e${exponent}`;
}

function judge(bytes) {
  if (bytes.length > 4096) return 'size';
  let text;
  try {
    text = utf8.decode(bytes);
  } catch {
    return 'utf-8';
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return 'syntax';
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'no object';
  const stack = [];
  const tokens = text.match(token);
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i];
    if (t === '{' || t === '[') stack.push(new Set());
    if (stack.length > 64) return 'depth';
    if (t === '}' || t === ']') stack.pop();
    if (t[0] === '"') {
      const s = JSON.parse(t);
      if (!s.isWellFormed()) return 'surrogate';
      if (tokens[i + 1] === ':') {
        if (s === '__proto__') return 'proto';
        if (stack.at(-1).has(s)) return 'duplicate';
        stack.at(-1).add(s);
      }
    }
    if (/^[-\d]/.test(t)) {
      const n = Number(t);
      if (!Number.isFinite(n) || Object.is(n, -0)) return 'number';
      if (decimal(t) !== decimal(JSON.stringify(n))) return 'number';
    }
  }
  const out = JSON.stringify(value);
  if (Buffer.byteLength(out) > 4096) return 'size';
  return { out };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, data = ''] = line.split(' ');
  const bytes = Buffer.from(data, 'base64');
  let answer;
  if (kind === 'metadata') {
    const verdict = judge(bytes);
    answer = typeof verdict === 'string' ? { why: verdict } : { ok: true, out: Buffer.from(verdict.out).toString('base64') };
  } else {
    const text = bytes.toString('utf8');
    let again = '';
    try {
      again = JSON.stringify(JSON.parse(text));
    } catch (e) {
      again = String(e);
    }
    answer = { ok: Buffer.from(again).equals(bytes), out: Buffer.from(again).toString('base64') };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
