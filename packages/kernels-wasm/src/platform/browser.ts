/** What was deflated, zlib's header around it, from base64. */
export async function inflate(base64: string): Promise<BufferSource> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(inflated).arrayBuffer();
}
