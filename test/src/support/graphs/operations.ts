import {
  add,
  avgPool,
  batchNorm,
  batchNormLeakyRelu,
  concat,
  leakyRelu,
  matmul,
  maxPool,
  mul,
  narrow,
  relu,
  reshape,
  resizeNearest,
  softmax,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import { type NdArray, sizeOf } from "../../reference/array.js";
import { normalize } from "../../reference/batchnorm.js";
import { map, zip } from "../../reference/elementwise.js";
import * as reference from "../../reference/matmul.js";
import * as movement from "../../reference/movement.js";
import { pool } from "../../reference/pool.js";
import { nearest } from "../../reference/resize.js";
import * as soft from "../../reference/softmax.js";
import type { Builder, Maker, Shape } from "./builder.js";

const SLOPES = [0, 0.1, 0.2, 1, 1.5, -0.4];

const leaky = (slope: number) => (v: number) => (v >= 0 ? v : v * slope);

/** A batch norm, some with an activation of their own. */
export const norm: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const channels = b.shapes[x][3];
  const eps = b.random.pick([1e-5, 1e-3, 0.1]);
  const slope = b.random.uniform() < 0.3 ? b.random.pick([0, 0.1, 0.7]) : undefined;
  const weights = [0.5, undefined, 0.8, 0.5].map((deviation) => b.weight([channels], deviation));
  b.add({
    text: `norm ${eps}${slope === undefined ? "" : ` activated ${slope}`}`,
    inputs: [x],
    weights,
    shape: b.shapes[x],
    run: ([v], [mean, variance, gamma, beta]) => {
      if (slope === undefined) return batchNorm(v, { mean, variance, gamma, beta }, eps);
      const layer = { gamma, beta, runningMean: mean, runningVariance: variance };
      return batchNormLeakyRelu(v, { ...layer, eps, momentum: 0.1, training: false }, slope);
    },
    expect: ([v], [mean, variance, gamma, beta]) => {
      const y = normalize(v, mean.data, variance.data, gamma, beta, eps);
      return slope === undefined ? y : map(y, leaky(slope));
    },
  });
};

export const activation: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const slope = b.random.pick(SLOPES);
  const run = (v: Tensor) => (slope === 0 ? relu(v) : leakyRelu(v, slope));
  b.map(`leaky ${slope}`, [x], b.shapes[x], run, (v) => map(v, leaky(slope)));
};

export const sum: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const y = b.other(x, (shape) => `${shape}` === `${b.shapes[x]}`);
  const both = (u: NdArray, v: NdArray) => zip(u, v, (p, q) => p + q);
  b.map("add", [x, y], b.shapes[x], (u, v) => add(u, v), both);
};

/** Another image of as many channels, enlarged or reduced to this one's size, and the sum of both. */
export const upsampledSum: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const y = b.other(x, (shape) => shape[0] === n && shape[3] === c);
  const resized = (v: NdArray) =>
    nearest(
      v,
      {
        size: [h, w],
        scale: [h / v.shape[1], w / v.shape[2]],
        coordinates: "asymmetric",
      },
      "floor",
    );
  const flipped = b.random.uniform() < 0.5;
  b.map(
    `upsampled sum${flipped ? " flipped" : ""}`,
    [x, y],
    b.shapes[x],
    (u, v) => {
      const up = resizeNearest(v, { size: [h, w] });
      return flipped ? add(up, u) : add(u, up);
    },
    (u, v) => zip(u, resized(v), (p, q) => p + q),
  );
};

export const join: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const axis = b.random.pick([3, 3, 3, 1, 2]);
  const like = (shape: Shape) => shape.every((n, k) => k === axis || n === b.shapes[x][k]);
  const parts = [x, ...Array.from({ length: b.random.integer(1, 2) }, () => b.image(like)!)];
  concatenate(b, parts, axis);
};

export function concatenate(b: Builder, parts: readonly number[], axis: number): void {
  const total = parts.reduce((n, part) => n + b.shapes[part][axis], 0);
  b.map(
    `concat ${axis}`,
    parts,
    b.shapes[parts[0]].map((n, k) => (k === axis ? total : n)),
    (...values) => concat(values, axis),
    (...values) => movement.concat(values, axis),
  );
}

export const pooled: Maker = (b) => {
  const x = b.image(([, h, w]) => h >= 2 && w >= 2);
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const most = b.random.uniform() < 0.5;
  const window = {
    kernel: [2, 2],
    stride: [2, 2],
    dilation: [1, 1],
    before: [0, 0],
    after: [0, 0],
  };
  b.map(
    most ? "max pool" : "average pool",
    [x],
    [n, h >> 1, w >> 1, c],
    (v) => (most ? maxPool : avgPool)(v, { kernelSize: 2, stride: 2 }),
    (v) =>
      pool(v, window, (values) =>
        most ? Math.max(...values) : values.reduce((p, q) => p + q, 0) / values.length,
      ),
  );
};

export const scalar: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const k = b.random.uniform(-1.2, 1.2);
  const times = b.random.uniform() < 0.5;
  const run = (v: Tensor) => (times ? mul(v, k) : add(v, k));
  const f = (v: number) => (times ? v * k : v + k);
  b.map(`${times ? "mul" : "add"} ${k}`, [x], b.shapes[x], run, (v) => map(v, f));
};

export const sliced: Maker = (b) => {
  const x = b.image((shape) => shape[3] > 1);
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const start = b.random.integer(0, c - 1);
  const length = b.random.integer(1, c - start);
  b.map(
    `channels ${start} to ${start + length}`,
    [x],
    [n, h, w, length],
    (v) => narrow(v, 3, start, length),
    (v) => {
      const all = [n, h, w].map((count) => ({ first: 0, step: 1, count }));
      return movement.take(v, [...all, { first: start, step: 1, count: length }]);
    },
  );
};

/** The same elements as another image. */
export const reshaped: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const shape = b.random.pick([
    [n, w, h, c],
    [n, h * w, 1, c],
    [1, n * h, w, c],
  ]);
  b.map(
    `reshape ${shape}`,
    [x],
    shape,
    (v) => reshape(v, shape),
    (v) => ({ shape, data: v.data }),
  );
};

/** Rows of an image by a weight, then softmax: what ends a network. */
export const classify: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const c = b.shapes[x][3];
  const rows = sizeOf(b.shapes[x]) / c;
  const classes = b.random.integer(2, 5);
  b.add({
    text: `classify ${classes}`,
    inputs: [x],
    weights: [b.weight([c, classes], 0.5)],
    shape: [rows, classes],
    run: ([v], [weight]) => softmax(matmul(reshape(v, [rows, c]), weight)),
    expect: ([v], [weight]) =>
      soft.softmax(reference.matmul({ shape: [rows, c], data: v.data }, weight), 1),
  });
};
