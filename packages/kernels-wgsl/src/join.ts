/**
 * Tensors joined along an axis by one dispatch, and one cut up again: what is joined are rows of several buffers, side by
 * side. An invocation has an element of the whole (four where all lengths allow) and finds the part that it is in by
 * comparing; what that costs is less than a dispatch for each part, 0.1 ms on llvmpipe whatever it does (2026-11-29).
 */
import {
  type BufferSpec,
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
} from "./define.js";
import type { Kernel } from "./kernel.js";

/** Rows of each part, as many as there are of the whole. */
export interface JoinSpec {
  readonly rows: number;
  /** Elements of a row of each part. */
  readonly lengths: readonly number[];
  readonly type?: ElementType;
}

/** With the whole as many buffers as every device binds. */
export const MOST_JOINED = 7;

/** Bindings: the parts, then the whole. */
export function joinRows(spec: JoinSpec): Kernel {
  return rowsKernel("join", spec, true);
}

/** Bindings: the whole, then the parts. */
export function cutRows(spec: JoinSpec): Kernel {
  return rowsKernel("cut", spec, false);
}

function rowsKernel(
  name: string,
  { rows, lengths, type = "f32" }: JoinSpec,
  joins: boolean,
): Kernel {
  const width = lengths.every((length) => length % 4 === 0) ? 4 : 1;
  const element = scalarOrVector(type, width);
  const of = (joined: boolean) => (joined === joins ? input : output);
  const parts = lengths.map((_, k): BufferSpec => of(true)(`part${k}`, element));
  const whole = of(false)("whole", element);
  const sizes = lengths.map((length) => length / width);
  const total = sizes.reduce((a, b) => a + b, 0);
  const move = (k: number): string => {
    const part = `part${k}[row * p.length${k} + at]`;
    return joins ? `whole[i] = ${part};` : `${part} = whole[i];`;
  };
  const last = lengths.length - 1;
  const tries = lengths.slice(0, -1).map(
    (_, k) => `  if (at < p.length${k}) {
    ${move(k)}
    return;
  }
  at -= p.length${k};`,
  );
  return defineKernel({
    name,
    buffers: joins ? [...parts, whole] : [whole, ...parts],
    params: {
      total,
      ...Object.fromEntries(sizes.map((size, k) => [`length${k}`, size])),
    },
    count: rows * total,
    body: `  let row = i / p.total;
  var at = i - row * p.total;
${tries.join("\n")}
  ${move(last)}`,
    flops: 0,
    bytes: 2 * elementSize(type) * rows * total * width,
  });
}
