import { keep } from "../core/scope.js";
import { type Tensor, zeros } from "../core/tensor.js";
import type { Parameter } from "../nn/parameter.js";
import { copyElements, isLaidOut, type Layout, layOut, layoutOf } from "./flat.js";

/** Parameters that have taken part in the same steps so far, and the optimizer's memory of them. */
export interface Chunk {
  readonly parameters: readonly Parameter[];
  /** Steps taken. */
  step: number;
  /** Where the parameters lie in what is flat over them. */
  readonly layout: Layout;
  /** Flat over the parameters, by name. */
  readonly buffers: Readonly<Record<string, Tensor>>;
  /** What compiled steps share: the parameters side by side, and their gradients. */
  flat?: { readonly parameters: Tensor; readonly gradients: Tensor; partial?: Tensor };
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
  const layout = layoutOf(parameters);
  const flat = () => keep(zeros(parameters[0].device, [layout.size]));
  const buffers = names.map((name) => [name, flat()] as const);
  return { parameters, step, layout, buffers: Object.fromEntries(buffers) };
}

export function disposeChunk({ buffers, flat }: Chunk): void {
  for (const tensor of [...Object.values(buffers), ...Object.values(flat ?? {})]) tensor.dispose();
}

/** Lays a chunk's parameters side by side in memory, with room for their gradients. */
export function flatten(chunk: Chunk): NonNullable<Chunk["flat"]> {
  if (!chunk.flat || !isFlat(chunk)) {
    const parameters = layOut(chunk.parameters, chunk.layout);
    const gradients = keep(zeros(parameters.device, [chunk.layout.size]));
    for (const tensor of Object.values(chunk.flat ?? {})) tensor.dispose();
    chunk.flat = { parameters, gradients };
  }
  return chunk.flat;
}

/** Whether a chunk's parameters lie side by side. */
export function isFlat({ flat, parameters, layout }: Chunk): boolean {
  return flat !== undefined && isLaidOut(flat.parameters, parameters, layout);
}

/** Every parameter with its offset in the chunk. */
export function* placesOf(chunk: Chunk): Generator<[Parameter, Place]> {
  for (const [i, parameter] of chunk.parameters.entries()) {
    yield [parameter, { chunk, offset: chunk.layout.offsets[i] }];
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
