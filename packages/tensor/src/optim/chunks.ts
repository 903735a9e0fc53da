import { keep } from "../core/scope.js";
import { type Tensor, zeros } from "../core/tensor.js";
import type { Parameter } from "../nn/parameter.js";
import { copyElements, totalSize } from "./flat.js";

/** Parameters that have taken part in the same steps so far, and the optimizer's memory of them. */
export interface Chunk {
  readonly parameters: readonly Parameter[];
  /** Steps taken. */
  step: number;
  /** Flat over the parameters in order, by name. */
  readonly buffers: Readonly<Record<string, Tensor>>;
}

/** Where a parameter's memory lies in its chunk. */
export interface Place {
  readonly chunk: Chunk;
  readonly offset: number;
}

/** A chunk whose memory is zero. */
export function makeChunk(
  parameters: readonly Parameter[],
  step: number,
  names: readonly string[],
): Chunk {
  const size = totalSize(parameters);
  const buffers = names.map((name) => [name, keep(zeros(parameters[0].device, [size]))] as const);
  return { parameters, step, buffers: Object.fromEntries(buffers) };
}

export function disposeChunk({ buffers }: Chunk): void {
  for (const buffer of Object.values(buffers)) buffer.dispose();
}

/** Every parameter with its offset in the chunk. */
export function* placesOf(chunk: Chunk): Generator<[Parameter, Place]> {
  let offset = 0;
  for (const parameter of chunk.parameters) {
    yield [parameter, { chunk, offset }];
    offset += parameter.size;
  }
}

/**
 * Chunks of which each is wholly active or not: the given ones if they are so already, else new ones that
 * take the old ones' memory over.
 */
export function regroup(
  chunks: readonly Chunk[],
  active: readonly Parameter[],
  names: readonly string[],
): Chunk[] {
  const isActive = new Set(active);
  const known = new Map(chunks.flatMap((chunk) => [...placesOf(chunk)]));
  const whole = ({ parameters }: Chunk) =>
    parameters.every((p) => isActive.has(p) === isActive.has(parameters[0]));
  if (chunks.every(whole) && active.every((p) => known.has(p))) return [...chunks];
  const groups = new Map<string, Parameter[]>();
  for (const parameter of new Set([...known.keys(), ...active])) {
    const key = `${isActive.has(parameter)} ${known.get(parameter)?.chunk.step ?? 0}`;
    const group = groups.get(key);
    if (group) group.push(parameter);
    else groups.set(key, [parameter]);
  }
  const made = [...groups].map(([key, parameters]) =>
    makeChunk(parameters, Number(key.split(" ")[1]), names),
  );
  for (const chunk of made) {
    for (const [parameter, { offset }] of placesOf(chunk)) {
      const old = known.get(parameter);
      if (!old) continue;
      for (const [name, buffer] of Object.entries(old.chunk.buffers)) {
        copyElements(buffer, old.offset, chunk.buffers[name], offset, parameter.size);
      }
    }
  }
  for (const chunk of chunks) disposeChunk(chunk);
  return made;
}
