// The official openai client, as its users have it, against a voxparse daemon:
// node openai-client.js BASE_URL KEY AUDIO. It prints one line for each thing
// that it tried.
import fs from "node:fs";
import OpenAI from "openai";

const [baseURL, apiKey, audio] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const ask = (more) => client.audio.transcriptions.create({ file: fs.createReadStream(audio), model: "whisper-1", ...more });
const say = (what, value) => console.log(what, typeof value === "string" ? value.trim() : JSON.stringify(value));

const models = [];
for await (const model of client.models.list()) models.push(model.id);
say("models", models.slice(0, 2));

const plain = await ask({});
say("json", plain.text);
for (const response_format of ["text", "srt", "vtt"]) say(response_format, (await ask({ response_format })).split("\n")[0] || "(empty)");

const verbose = await ask({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"], language: "en", temperature: 0 });
const inOrder = verbose.words.every((w, i, all) => w.end >= w.start && (i === 0 || w.start >= all[i - 1].start));
say("verbose", { language: verbose.language, duration: verbose.duration > 1, segments: verbose.segments.length > 0, words: verbose.words.length > 5, inOrder });

let heard = "";
for await (const event of await ask({ stream: true })) {
  if (event.type === "transcript.text.delta") heard += event.delta;
  if (event.type === "transcript.text.done") say("stream", { whole: event.text === heard, same: event.text === plain.text });
}

// Every failure is an error of the client's own kinds.
const fails = async (what, act) => {
  try {
    await act();
    say(what, "no error");
  } catch (error) {
    say(what, { name: error.constructor.name, status: error.status, code: error.code, param: error.param });
  }
};
await fails("unknown model", () => ask({ model: "gpt-9" }));
await fails("not audio", () => client.audio.transcriptions.create({ file: fs.createReadStream(process.argv[1]), model: "whisper-1" }));
await fails("translation", () => client.audio.translations.create({ file: fs.createReadStream(audio), model: "whisper-1" }));
await fails("wrong key", () => new OpenAI({ baseURL, apiKey: "vp_wrong" }).models.list());
await fails("stream of silence", async () => {
  const silence = Buffer.alloc(44 + 64000);
  silence.write("RIFF", 0), silence.writeUInt32LE(36 + 64000, 4), silence.write("WAVEfmt ", 8), silence.writeUInt32LE(16, 16);
  silence.writeUInt16LE(1, 20), silence.writeUInt16LE(1, 22), silence.writeUInt32LE(16000, 24), silence.writeUInt32LE(32000, 28);
  silence.writeUInt16LE(2, 32), silence.writeUInt16LE(16, 34), silence.write("data", 36), silence.writeUInt32LE(64000, 40);
  const file = await OpenAI.toFile(silence, "silence.wav");
  for await (const event of await client.audio.transcriptions.create({ file, model: "whisper-1", stream: true })) say("event", event);
});
