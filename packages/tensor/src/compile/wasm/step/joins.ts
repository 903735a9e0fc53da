/** Which kernels of a step need not wait for those before them. */
import type { BufferBinding } from "../../../device/bind-groups.js";

/** Memory that a kernel reads or writes. */
export interface Access {
  readonly binding: BufferBinding;
  readonly writes: boolean;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
}

/**
 * For each kernel, whether it may run while the ones before it are unfinished, back to the last that waited: none of
 * them writes what it reads or writes, or reads what it writes. Threads then do not meet in between.
 */
export function joining(kernels: readonly (readonly Access[])[]): boolean[] {
  let group = new Map<unknown, Span[]>();
  return kernels.map((accesses, i) => {
    const joins = i > 0 && !accesses.some((access) => isInTheWay(group, access));
    if (!joins) group = new Map();
    for (const { binding, writes } of accesses) {
      const spans = group.get(binding.buffer) ?? [];
      group.set(binding.buffer, spans);
      spans.push({ ...extent(binding), writes });
    }
    return joins;
  });
}

function isInTheWay(group: ReadonlyMap<unknown, readonly Span[]>, access: Access): boolean {
  const { from, to } = extent(access.binding);
  const others = group.get(access.binding.buffer) ?? [];
  return others.some(
    (other) => (other.writes || access.writes) && other.from < to && from < other.to,
  );
}

function extent({ offset = 0, size = Number.POSITIVE_INFINITY }: BufferBinding) {
  return { from: offset, to: offset + size };
}
