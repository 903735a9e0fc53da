import { type MessagePort, parentPort } from "node:worker_threads";
import type { Reply, Request } from "./decoders.node.js";
import { toRawImage } from "./read.node.js";

/* The program of a thread that decodes: an image at a time, pixels are handed over without a copy. */

const port = parentPort as MessagePort;
let current: { readonly id: number; readonly controller: AbortController } | undefined;

port.on("message", async (request: Request) => {
  if ("abort" in request) {
    if (current?.id === request.abort) current.controller.abort();
    return;
  }
  const { id, options } = request;
  const controller = new AbortController();
  current = { id, controller };
  const reply = await decode(request, { ...options, signal: controller.signal });
  port.postMessage(reply, "image" in reply ? [reply.image.data.buffer as ArrayBuffer] : []);
});

async function decode(
  { id, input }: Exclude<Request, { abort: number }>,
  options: Exclude<Request, { abort: number }>["options"],
): Promise<Reply> {
  const start = performance.now();
  try {
    const image = await toRawImage(input, options);
    return { id, image, milliseconds: performance.now() - start };
  } catch (error) {
    const { code, message, stack } = Object(error) as Partial<NodeJS.ErrnoException>;
    return { id, code: code ?? "", message: message ?? String(error), stack };
  }
}
