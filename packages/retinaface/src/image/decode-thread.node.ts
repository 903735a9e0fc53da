import { type MessagePort, parentPort } from "node:worker_threads";
import {
  encodePixels,
  type Outcome,
  type Reply,
  type Request,
  type Work,
} from "./decoders.node.js";
import { toRawImage } from "./read.node.js";

/* The program of a thread that decodes and encodes: an image at a time, pixels are handed over without a copy. */

const port = parentPort as MessagePort;
let current: { readonly id: number; readonly controller: AbortController } | undefined;

port.on("message", async (request: Request) => {
  if ("abort" in request) {
    if (current?.id === request.abort) current.controller.abort();
    return;
  }
  const { id } = request;
  const controller = new AbortController();
  current = { id, controller };
  const reply = await answer(request, id, controller.signal);
  port.postMessage(reply, "outcome" in reply ? [memoryOf(reply.outcome)] : []);
});

async function answer(work: Work, id: number, signal: AbortSignal): Promise<Reply> {
  try {
    return { id, outcome: await outcomeOf(work, signal) };
  } catch (error) {
    const { code, message, stack } = Object(error) as Partial<NodeJS.ErrnoException>;
    return { id, code: code ?? "", message: message ?? String(error), stack };
  }
}

async function outcomeOf(work: Work, signal: AbortSignal): Promise<Outcome> {
  if ("encoding" in work) {
    // Of its own memory: what is small lies in memory that others use too.
    return { bytes: new Uint8Array(await encodePixels(work.encoding, work.image)) };
  }
  const start = performance.now();
  const image = await toRawImage(work.input, { ...work.options, signal });
  return { image, milliseconds: performance.now() - start };
}

function memoryOf(outcome: Outcome): ArrayBuffer {
  const bytes = "bytes" in outcome ? outcome.bytes : outcome.image.data;
  return bytes.buffer as ArrayBuffer;
}
