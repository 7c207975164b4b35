// Drive @huggingface/inference. Reads a list of calls from stdin, writes what each gave to stdout.
//
// A call is {name, url, method, arguments}; {"file": base64, "type": …} in its arguments becomes a
// Blob. What it gave is {value}, or {error} if it threw; a stream's value is the list of its events.

import { InferenceClient } from "@huggingface/inference";

function revive(value) {
  if (value === null || typeof value !== "object") return value;
  if (typeof value.file === "string") {
    return new Blob([Buffer.from(value.file, "base64")], { type: value.type });
  }
  if (Array.isArray(value)) return value.map(revive);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revive(part)]));
}

async function plain(value) {
  if (value instanceof Blob) {
    const bytes = Buffer.from(await value.arrayBuffer());
    return { file: bytes.toString("base64"), type: value.type };
  }
  if (typeof value?.[Symbol.asyncIterator] === "function") {
    const events = [];
    for await (const event of value) events.push(event);
    return events;
  }
  return value;
}

async function perform({ url, method, arguments: given }) {
  const client = new InferenceClient("", { endpointUrl: url });
  try {
    // A stream's method returns a generator, not a promise; awaiting it does no harm.
    return { value: await plain(await client[method](revive(given))) };
  } catch (error) {
    return { error: String(error) };
  }
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const told = {};
for (const call of JSON.parse(text)) told[call.name] = await perform(call);
process.stdout.write(JSON.stringify(told));
