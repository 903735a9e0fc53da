import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers one request; the last of a server's answers is given again to further requests. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Uint8Array,
) => void | Promise<void>;

export interface FileServer {
  readonly url: string;
  /** The `Range` header of each request so far. */
  readonly ranges: (string | undefined)[];
  /** Replaces the answers still to come. */
  answer(...answers: Answer[]): void;
  close(): Promise<void>;
}

function startOfRange(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
}

/** A correct server: the whole, or the range asked for. */
export const sendRange: Answer = (request, response, body) => {
  const start = startOfRange(request);
  const headers: Record<string, string | number> = { "content-length": body.length - start };
  if (start > 0) headers["content-range"] = `bytes ${start}-${body.length - 1}/${body.length}`;
  response.writeHead(start > 0 ? 206 : 200, headers).end(body.subarray(start));
};

/** Like {@link sendRange}, but the connection breaks after `count` bytes. */
export function breakAfter(count: number): Answer {
  return (request, response, body) => {
    const start = startOfRange(request);
    const headers: Record<string, string | number> = { "content-length": body.length - start };
    if (start > 0) headers["content-range"] = `bytes ${start}-${body.length - 1}/${body.length}`;
    response.writeHead(start > 0 ? 206 : 200, headers);
    response.write(body.subarray(start, start + count), () => response.destroy());
  };
}

/** The whole, whatever range is asked for. */
export const ignoreRange: Answer = (_request, response, body) => {
  response.writeHead(200, { "content-length": body.length }).end(body);
};

/** An error without content. */
export function status(code: number): Answer {
  return (_request, response) => void response.writeHead(code).end("no");
}

/** Other bytes than those asked for, in one piece or without a stated length. */
export function sendOther(other: Uint8Array, chunked = false): Answer {
  return (_request, response) => {
    const headers = chunked ? undefined : { "content-length": other.length };
    response.writeHead(200, headers).end(other);
  };
}

/** Headers and `count` bytes, then silence. */
export function stallAfter(count: number): Answer {
  return (_request, response, body) => {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, count));
  };
}

/** Serves `body` on this machine as the answers say. */
export async function startFileServer(body: Uint8Array, ...first: Answer[]): Promise<FileServer> {
  let answers = first;
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const answer = answers.length > 1 ? answers.shift()! : answers[0];
    void answer(request, response, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/file.pth`,
    ranges,
    answer: (...next) => {
      answers = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
