/**
 * A small float64 autograd: whole networks, their losses and their updates, to compare training with.
 * Written from the definitions, with plain loops; it shares nothing with the library.
 */

/** A node of the graph: values, and how its gradient flows on. */
export class Var {
  readonly grad: Float64Array;

  constructor(
    readonly shape: readonly number[],
    readonly data: Float64Array,
    readonly parents: readonly Var[] = [],
    readonly flow: (grad: Float64Array) => void = () => {},
  ) {
    this.grad = new Float64Array(data.length);
  }
}

/** A leaf. */
export function leaf(shape: readonly number[], values: ArrayLike<number>): Var {
  return new Var(shape, Float64Array.from(values));
}

/** Adds the gradient of a one-element result to every node below it. */
export function backward(root: Var): void {
  const order: Var[] = [];
  const seen = new Set<Var>();
  const visit = (node: Var) => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const parent of node.parents) visit(parent);
    order.push(node);
  };
  visit(root);
  root.grad[0] = 1;
  for (const node of order.reverse()) node.flow(node.grad);
}

function elementwise(x: Var, f: (v: number) => number, slope: (v: number) => number): Var {
  return new Var(x.shape, x.data.map(f), [x], (g) => {
    for (let i = 0; i < g.length; i++) x.grad[i] += g[i] * slope(x.data[i]);
  });
}

/** x where positive, else slope · x; slope 0 is ReLU. */
export function leakyRelu(x: Var, slope: number): Var {
  return elementwise(
    x,
    (v) => (v >= 0 ? v : v * slope),
    (v) => (v > 0 ? 1 : slope),
  );
}

export function scale(x: Var, factor: number): Var {
  return elementwise(
    x,
    (v) => v * factor,
    () => factor,
  );
}

/** a + b, equal shapes. */
export function add(a: Var, b: Var): Var {
  return new Var(
    a.shape,
    a.data.map((v, i) => v + b.data[i]),
    [a, b],
    (g) => {
      for (let i = 0; i < g.length; i++) {
        a.grad[i] += g[i];
        b.grad[i] += g[i];
      }
    },
  );
}

/** Σ weight · term(x, i) over all elements, with `slope` the derivative of `term`. */
export function weightedSum(
  x: Var,
  weights: ArrayLike<number>,
  term: (v: number, i: number) => number,
  slope: (v: number, i: number) => number,
): Var {
  let total = 0;
  for (let i = 0; i < x.data.length; i++) if (weights[i]) total += weights[i] * term(x.data[i], i);
  return new Var([], Float64Array.of(total), [x], ([g]) => {
    for (let i = 0; i < x.data.length; i++) {
      if (weights[i]) x.grad[i] += g * weights[i] * slope(x.data[i], i);
    }
  });
}

/** What of a convolution is not in its shapes. */
export interface ConvOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

/** NHWC input, OIHW weight. */
export function conv2d(
  x: Var,
  weight: Var,
  bias: Var | undefined,
  { stride = 1, padding = 0, groups = 1 }: ConvOptions = {},
): Var {
  const [batch, height, width, channels] = x.shape;
  const [outputs, perGroup, kh, kw] = weight.shape;
  const rows = Math.floor((height + 2 * padding - kh) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - kw) / stride) + 1;
  const outPerGroup = outputs / groups;
  const eachProduct = (visit: (y: number, x: number, w: number) => void) => {
    for (let pixel = 0; pixel < batch * rows * columns; pixel++) {
      const column = pixel % columns;
      const row = Math.floor(pixel / columns) % rows;
      const n = Math.floor(pixel / (columns * rows));
      for (let tap = 0; tap < kh * kw; tap++) {
        const iy = row * stride + Math.floor(tap / kw) - padding;
        const ix = column * stride + (tap % kw) - padding;
        if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
        const from = ((n * height + iy) * width + ix) * channels;
        for (let o = 0; o < outputs; o++) {
          const first = from + Math.floor(o / outPerGroup) * perGroup;
          const taps = o * perGroup * kh * kw + tap;
          for (let c = 0; c < perGroup; c++) {
            visit(pixel * outputs + o, first + c, taps + c * kh * kw);
          }
        }
      }
    }
  };
  const data = new Float64Array(batch * rows * columns * outputs);
  if (bias) for (let i = 0; i < data.length; i++) data[i] = bias.data[i % outputs];
  eachProduct((to, from, w) => {
    data[to] += x.data[from] * weight.data[w];
  });
  const parents = bias ? [x, weight, bias] : [x, weight];
  return new Var([batch, rows, columns, outputs], data, parents, (g) => {
    eachProduct((to, from, w) => {
      x.grad[from] += g[to] * weight.data[w];
      weight.grad[w] += g[to] * x.data[from];
    });
    if (bias) for (let i = 0; i < g.length; i++) bias.grad[i % outputs] += g[i];
  });
}

/** Running statistics of a batch norm, changed in place by training. */
export interface Running {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Batch norm over all but the last axis; with the batch's statistics when `training`. */
export function batchNorm(x: Var, gamma: Var, beta: Var, running: Running, training: boolean): Var {
  const eps = 1e-5;
  const channels = gamma.data.length;
  const rows = x.data.length / channels;
  const mean = training ? new Float64Array(channels) : running.mean.slice();
  const variance = training ? new Float64Array(channels) : running.variance.slice();
  if (training) {
    for (let i = 0; i < x.data.length; i++) mean[i % channels] += x.data[i] / rows;
    for (let i = 0; i < x.data.length; i++) {
      variance[i % channels] += (x.data[i] - mean[i % channels]) ** 2 / rows;
    }
    for (let c = 0; c < channels; c++) {
      running.mean[c] += 0.1 * (mean[c] - running.mean[c]);
      running.variance[c] += 0.1 * ((variance[c] * rows) / (rows - 1) - running.variance[c]);
    }
  }
  const root = variance.map((v) => Math.sqrt(v + eps));
  const normal = x.data.map((v, i) => (v - mean[i % channels]) / root[i % channels]);
  const data = normal.map((v, i) => v * gamma.data[i % channels] + beta.data[i % channels]);
  return new Var(x.shape, data, [x, gamma, beta], (g) => {
    const sum = new Float64Array(channels);
    const dot = new Float64Array(channels);
    for (let i = 0; i < g.length; i++) {
      sum[i % channels] += g[i];
      dot[i % channels] += g[i] * normal[i];
    }
    for (let c = 0; c < channels; c++) {
      beta.grad[c] += sum[c];
      gamma.grad[c] += dot[c];
    }
    for (let i = 0; i < g.length; i++) {
      const c = i % channels;
      const through = training ? (sum[c] + normal[i] * dot[c]) / rows : 0;
      x.grad[i] += (gamma.data[c] / root[c]) * (g[i] - through);
    }
  });
}

/** Picks elements: y[i] = x[source[i]]. */
function pick(x: Var, shape: readonly number[], source: Int32Array): Var {
  const data = Float64Array.from(source, (from) => x.data[from]);
  return new Var(shape, data, [x], (g) => {
    for (let i = 0; i < g.length; i++) x.grad[source[i]] += g[i];
  });
}

/** Nearest neighbour to a size of rows and columns. */
export function upsample(x: Var, rows: number, columns: number): Var {
  const [batch, height, width, channels] = x.shape;
  const source = new Int32Array(batch * rows * columns * channels);
  for (let i = 0; i < source.length; i++) {
    const c = i % channels;
    const pixel = Math.floor(i / channels);
    const column = Math.floor(((pixel % columns) * width) / columns);
    const row = Math.floor(((Math.floor(pixel / columns) % rows) * height) / rows);
    const n = Math.floor(pixel / (columns * rows));
    source[i] = ((n * height + row) * width + column) * channels + c;
  }
  return pick(x, [batch, rows, columns, channels], source);
}

/** Joins along one axis. */
export function concat(parts: readonly Var[], axis: number): Var {
  const [{ shape }] = parts;
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const widths = parts.map((p) => p.data.length / outer);
  const width = widths.reduce((a, b) => a + b, 0);
  const data = new Float64Array(outer * width);
  const eachRow = (visit: (part: Var, at: number, from: number, length: number) => void) => {
    for (let o = 0; o < outer; o++) {
      let at = o * width;
      for (const [k, part] of parts.entries()) {
        visit(part, at, o * widths[k], widths[k]);
        at += widths[k];
      }
    }
  };
  eachRow((part, at, from, length) => data.set(part.data.subarray(from, from + length), at));
  const extent = parts.reduce((total, part) => total + part.shape[axis], 0);
  const joined = shape.map((n, k) => (k === axis ? extent : n));
  return new Var(joined, data, parts, (g) => {
    eachRow((part, at, from, length) => {
      for (let i = 0; i < length; i++) part.grad[from + i] += g[at + i];
    });
  });
}

/** The same elements under another shape. */
export function reshape(x: Var, shape: readonly number[]): Var {
  return pick(x, shape, Int32Array.from(x.data.keys()));
}
