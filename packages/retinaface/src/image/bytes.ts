/** Bytes that are in memory already, or undefined for a path, a URL or something else. */
export async function bytesInMemory(source: unknown): Promise<Uint8Array | undefined> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  return undefined;
}

/** Names a value's kind for a message. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return value.constructor?.name ?? "object";
}
