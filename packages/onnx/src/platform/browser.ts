/** The bytes at an address. @throws TypeError where there is no answer, RangeError for one that is an error */
export async function readFileBytes(place: string | URL): Promise<Uint8Array> {
  const answer = await fetch(place);
  if (!answer.ok) throw new RangeError(`${place} answers ${answer.status}: name an ONNX file`);
  return new Uint8Array(await answer.arrayBuffer());
}
