/** What was deflated, zlib's header around it, from base64. */
export async function inflate(base64: string): Promise<BufferSource> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const writing = writer.write(bytes).then(() => writer.close());
  const [chunks] = await Promise.all([chunksOf(readable), writing]);
  const whole = new Uint8Array(chunks.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
  }
  return chunks;
}
