import { inflateSync } from "node:zlib";

/** What was deflated, zlib's header around it, from base64. Node's streams would take three times as long. */
export function inflate(base64: string): BufferSource | Promise<BufferSource> {
  return inflateSync(Buffer.from(base64, "base64"));
}
