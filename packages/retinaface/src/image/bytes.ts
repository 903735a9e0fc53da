import { ReadError } from "../errors.js";

const isShared = (value: unknown): value is SharedArrayBuffer =>
  typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer;

/**
 * A copy, in memory of its own, of bytes that a caller holds: whatever becomes of theirs, shared memory among
 * it. Memory that was transferred away has no bytes. Undefined for anything else.
 */
export function copyOf(source: unknown): Uint8Array<ArrayBuffer> | undefined {
  const whole = source instanceof ArrayBuffer || isShared(source);
  if (!whole && !ArrayBuffer.isView(source)) return undefined;
  if (source.byteLength === 0) return new Uint8Array();
  const bytes = whole
    ? new Uint8Array(source)
    : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** A copy of bytes that are in memory already, or undefined for a path, a URL or something else. */
export async function bytesInMemory(source: unknown): Promise<Uint8Array | undefined> {
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  return copyOf(source);
}

/** Text from outside in a message, of which some is enough. */
export function brief(text: unknown): string {
  const whole = String(text);
  return whole.length > 120 ? `${whole.slice(0, 100)}… (${whole.length} characters)` : whole;
}

/** Whether a URL is one that has its bytes with it or in this process: `data:` or `blob:`. */
export function holdsBytes(source: unknown): boolean {
  return (
    (typeof source === "string" || source instanceof URL) && /^(?:data|blob):/i.test(`${source}`)
  );
}

/** What a URL stands for. @throws ReadError where it cannot be had; the signal's reason. */
export async function fetchBytes(source: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(source, { signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    const why = holdsBytes(source)
      ? "it is malformed, or was revoked"
      : "the server did not answer or does not allow this page to read it";
    throw new ReadError(`cannot fetch ${brief(source)}: ${why}`, { cause });
  }
  if (!response.ok) {
    throw new ReadError(`cannot fetch ${brief(source)}: the server answered ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** Names a value's kind for a message. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== "object") return brief(value);
  return value.constructor?.name ?? "object";
}
