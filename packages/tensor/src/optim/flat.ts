/**
 * Many small tensors as one long one. A network has hundreds of parameters, most of them tiny: to update
 * each by a dispatch of its own costs more than the arithmetic (software adapter: 100 µs a dispatch against
 * 10 µs a copy), so optimizers copy them into one buffer, update that at once, and copy them back. Where a
 * compiled step has laid them side by side in memory (`layOut`), there is nothing to copy.
 */
import { keep } from "../core/scope.js";
import { Storage } from "../core/storage.js";
import { empty, type Tensor, zeros } from "../core/tensor.js";

/** Elements between tensors laid side by side, so that each can be bound on its own: 256 bytes. */
const SPACING = 64;

/** Where tensors lie in a flat one that has room between them for their alignment. */
export interface Layout {
  readonly offsets: readonly number[];
  readonly size: number;
}

/** Places for tensors side by side. */
export function layoutOf(tensors: readonly Tensor[]): Layout {
  const offsets: number[] = [];
  let size = 0;
  for (const tensor of tensors) {
    offsets.push(size);
    size += Math.ceil(tensor.size / SPACING) * SPACING;
  }
  return { offsets, size };
}

/** Copies f32 tensors into one, in order and without room between them. */
export function gather(tensors: readonly Tensor[]): Tensor {
  const offsets: number[] = [];
  let size = 0;
  for (const tensor of tensors) {
    offsets.push(size);
    size += tensor.size;
  }
  return gatherTo(tensors, { offsets, size });
}

/** Copies f32 tensors to their places in a new one; what is between them is undefined. */
export function gatherTo(tensors: readonly Tensor[], { offsets, size }: Layout): Tensor {
  const flat = empty(tensors[0].device, [size]);
  for (const [i, tensor] of tensors.entries()) {
    copyElements(tensor, 0, flat, offsets[i], tensor.size);
  }
  return flat;
}

/** Copies the parts of a flat tensor back to where `gatherTo` took them from. */
export function scatterFrom(flat: Tensor, tensors: readonly Tensor[], { offsets }: Layout): void {
  for (const [i, tensor] of tensors.entries()) {
    copyElements(flat, offsets[i], tensor, 0, tensor.size);
  }
}

/** As `scatterFrom`, of what `gather` made. */
export function scatter(flat: Tensor, tensors: readonly Tensor[]): void {
  let at = 0;
  for (const tensor of tensors) {
    copyElements(flat, at, tensor, 0, tensor.size);
    at += tensor.size;
  }
}

/**
 * Moves f32 tensors into one buffer, each to its place there: the tensors are the same as before, and what is
 * done to the flat one that is returned is done to them. What is between them is zero.
 */
export function layOut(tensors: readonly Tensor[], layout: Layout): Tensor {
  const flat = keep(zeros(tensors[0].device, [layout.size]));
  for (const [i, tensor] of tensors.entries()) {
    tensor.moveTo(sliceOf(flat, layout.offsets[i], tensor.size));
  }
  return flat;
}

/** Whether tensors (still) lie in a flat one as `layOut` placed them. */
export function isLaidOut(flat: Tensor, tensors: readonly Tensor[], { offsets }: Layout): boolean {
  if (flat.isDisposed) return false;
  return tensors.every(({ storage }, i) => {
    return storage.parent === flat.storage && storage.offset === offsets[i] * 4;
  });
}

/** Memory of `size` elements from `offset` on of a flat tensor. */
export function sliceOf(flat: Tensor, offset: number, size: number): Storage {
  return Storage.slice(flat.storage, offset * 4, size * 4);
}

/** Copies elements of 4 bytes from a place in one tensor to a place in another. */
export function copyElements(
  source: Tensor,
  from: number,
  target: Tensor,
  to: number,
  count: number,
): void {
  const [a, b] = [source.storage, target.storage];
  if (count === 0) return;
  source.device.copy(
    a.buffer.buffer,
    a.offset + from * 4,
    b.buffer.buffer,
    b.offset + to * 4,
    count * 4,
  );
}
