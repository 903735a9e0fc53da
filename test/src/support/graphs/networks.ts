/** What networks other than convolutional ones are made of, for random networks. */
import {
  abs,
  cos,
  cumsum,
  elu,
  erf,
  expm1,
  flip,
  gather,
  gatherElements,
  gelu,
  groupNorm,
  layerNorm,
  maximum,
  mean,
  minimum,
  mul,
  pad,
  permute,
  prelu,
  reshape,
  resizeBilinear,
  scaledDotProductAttention,
  scatterAdd,
  selu,
  sigmoid,
  sin,
  softplus,
  softsign,
  sort,
  square,
  type Tensor,
  tanh,
  tensor,
  topk,
  where,
} from "@retinaface-webgpu/tensor";
import { at, broadcastAt, build, type NdArray, sizeOf } from "../../reference/array.js";
import { map, zip } from "../../reference/elementwise.js";
import * as gathered from "../../reference/gather.js";
import { matmul, transposed } from "../../reference/matmul.js";
import { erf as erfOf, normalCdf } from "../../reference/normal.js";
import { bilinear } from "../../reference/resize.js";
import { softmax } from "../../reference/softmax.js";
import { sort as sorted } from "../../reference/sort.js";
import type { Maker } from "./builder.js";

type Curve = readonly [run: (x: Tensor) => Tensor, of: (v: number) => number];

const CURVES: Readonly<Record<string, Curve>> = {
  gelu: [gelu, (v) => v * normalCdf(v)],
  erf: [erf, erfOf],
  tanh: [tanh, Math.tanh],
  sigmoid: [sigmoid, (v) => 1 / (1 + Math.exp(-v))],
  softplus: [softplus, (v) => Math.log1p(Math.exp(-Math.abs(v))) + Math.max(v, 0)],
  softsign: [softsign, (v) => v / (1 + Math.abs(v))],
  elu: [elu, (v) => (v > 0 ? v : Math.expm1(v))],
  selu: [selu, (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * Math.expm1(v))],
  "expm1 of the least": [(x) => expm1(minimum(x, 2)), (v) => Math.expm1(Math.min(v, 2))],
  "sine of the sigmoid": [(x) => sin(sigmoid(x)), (v) => Math.sin(1 / (1 + Math.exp(-v)))],
  "cosine of the sigmoid": [(x) => cos(sigmoid(x)), (v) => Math.cos(1 / (1 + Math.exp(-v)))],
  "square of the absolute, at most 9": [
    (x) => minimum(square(abs(x)), 9),
    (v) => Math.min(v * v, 9),
  ],
};

/** A function of one element. */
export const curve: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const name = b.random.pick(Object.keys(CURVES));
  const [run, of] = CURVES[name];
  b.map(name, [x], b.shapes[x], run, (v) => map(v, of));
};

/** Less the mean, over the deviation, of what lies at the same `place`. */
function standardized(
  x: NdArray,
  eps: number,
  place: (index: readonly number[]) => string,
): NdArray {
  const groups = new Map<string, number[]>();
  const keys = [...build(x.shape, () => 0).data.keys()].map((flat) => {
    let rest = flat;
    const index = [...x.shape].reverse().map((n) => {
      const i = rest % n;
      rest = Math.floor(rest / n);
      return i;
    });
    return place(index.reverse());
  });
  for (const [i, key] of keys.entries()) {
    groups.set(key, [...(groups.get(key) ?? []), x.data[i]]);
  }
  const average = (values: readonly number[]) => values.reduce((p, q) => p + q, 0) / values.length;
  const moments = new Map(
    [...groups].map(([key, values]) => {
      const middle = average(values);
      return [key, [middle, average(values.map((v) => (v - middle) ** 2))]];
    }),
  );
  const data = x.data.map((v, i) => {
    const [middle, variance] = moments.get(keys[i])!;
    return (v - middle) / Math.sqrt(variance + eps);
  });
  return { shape: x.shape, data };
}

const affine = (y: NdArray, weight: NdArray, bias: NdArray) =>
  zip(
    zip(y, weight, (p, q) => p * q),
    bias,
    (p, q) => p + q,
  );

/** Over the channels of a pixel, or over groups of channels of an image. */
export const standardize: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const channels = b.shapes[x][3];
  const eps = b.random.pick([1e-2, 0.1]);
  const groups = b.random.pick([0, 0, 1, channels]);
  const width = channels / Math.max(groups, 1);
  const weights = [b.weight([channels], 0.8), b.weight([channels], 0.5)];
  b.add({
    text: groups ? `group norm ${groups} ${eps}` : `layer norm ${eps}`,
    inputs: [x],
    weights,
    shape: b.shapes[x],
    run: ([v], [weight, bias]) =>
      groups ? groupNorm(v, groups, { weight, bias }, eps) : layerNorm(v, { weight, bias }, eps),
    expect: ([v], [weight, bias]) => {
      const place = groups
        ? ([n, , , c]: readonly number[]) => `${n} ${Math.floor(c / width)}`
        : (index: readonly number[]) => `${index.slice(0, 3)}`;
      return affine(standardized(v, eps, place), weight, bias);
    },
  });
};

/** Every pixel looks at all, or at those before it. */
export const attend: Maker = (b) => {
  const x = b.image(([, h, w]) => h * w <= 24);
  if (x === undefined) return;
  const y = b.other(x, (shape) => `${shape}` === `${b.shapes[x]}`);
  const [n, h, w, c] = b.shapes[x];
  const rows = [n, h * w, c];
  const isCausal = b.random.uniform() < 0.4;
  b.map(
    `attention${isCausal ? " causal" : ""}`,
    [x, y],
    b.shapes[x],
    (u, v) => {
      const [query, key] = [reshape(u, rows), reshape(v, rows)];
      return reshape(scaledDotProductAttention(query, key, key, { isCausal }), [n, h, w, c]);
    },
    (u, v) => {
      const [query, key] = [u, v].map(({ data }) => ({ shape: rows, data }));
      const scores = matmul(query, transposed(key));
      const seen = build(scores.shape, ([i, row, column]) =>
        isCausal && column > row
          ? Number.NEGATIVE_INFINITY
          : at(scores, i, row, column) / Math.sqrt(c),
      );
      return { shape: [n, h, w, c], data: matmul(softmax(seen, 2), key).data };
    },
  );
};

/** Values in order, or the largest of them. */
export const ordered: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const axis = b.random.integer(1, 3);
  const extent = b.shapes[x][axis];
  const descending = b.random.uniform() < 0.5;
  const take = descending ? b.random.integer(1, extent) : extent;
  b.map(
    `sort ${axis} ${descending ? `largest ${take}` : "up"}`,
    [x],
    b.shapes[x].map((n, k) => (k === axis ? take : n)),
    (v) => (descending ? topk(v, take, { axis }) : sort(v, { axis })).values,
    (v) => sorted(v, axis, descending, take).values,
  );
};

const indexTensor = (like: Tensor, { shape, data }: NdArray) =>
  tensor(like.device, Int32Array.from(data), shape, { dtype: "i32" });

/** By an index that the forward pass makes: rows, elements, or what adds rows up. */
export const indexed: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const axis = b.random.integer(1, 3);
  const shape = b.shapes[x];
  const extent = shape[axis];
  const kind = b.random.pick(["gather", "gatherElements", "scatterAdd"]);
  const count = kind === "scatterAdd" ? extent : b.random.integer(1, 5);
  const target = kind === "scatterAdd" ? b.random.integer(1, 5) : extent;
  const own = shape.map((n, k) => (k === axis ? count : n));
  const size = kind === "gatherElements" ? own : [count];
  const draw = () => b.random.integer(-target, target - 1);
  const index = {
    shape: size,
    data: Float64Array.from({ length: sizeOf(size) }, draw),
  };
  const result = kind === "scatterAdd" ? shape.map((n, k) => (k === axis ? target : n)) : own;
  b.map(
    `${kind} ${axis} of ${count}`,
    [x],
    result,
    (v) => {
      const at = indexTensor(v, index);
      if (kind === "gather") return gather(v, at, axis);
      return kind === "scatterAdd" ? scatterAdd(v, at, target, axis) : gatherElements(v, at, axis);
    },
    (v) => {
      if (kind === "gather") return gathered.gather(v, index, axis);
      return kind === "scatterAdd"
        ? gathered.scatterAdd(v, index, target, axis)
        : gathered.gatherElements(v, index, axis);
    },
  );
};

/** Sums so far along an axis. */
export const accumulated: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const axis = b.random.integer(1, 3);
  b.map(
    `cumsum ${axis}`,
    [x],
    b.shapes[x],
    (v) => cumsum(v, axis),
    (v) =>
      build(v.shape, (index) => {
        let total = 0;
        for (let k = 0; k <= index[axis]; k++) {
          total += at(v, ...index.map((i, a) => (a === axis ? k : i)));
        }
        return total;
      }),
  );
};

/** Channels by their mean over the image (squeeze and excitation), or by slopes of their own below 0. */
export const gated: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  if (b.random.uniform() < 0.4) {
    b.add({
      text: "prelu",
      inputs: [x],
      weights: [b.weight([b.shapes[x][3]], 0.5)],
      shape: b.shapes[x],
      run: ([v], [slope]) => prelu(v, slope),
      expect: ([v], [slope]) => zip(v, slope, (p, q) => (p >= 0 ? p : p * q)),
    });
    return;
  }
  b.map(
    "gate",
    [x],
    b.shapes[x],
    (v) => mul(v, sigmoid(mean(v, { axes: [1, 2], keepDims: true }))),
    (v) => {
      const [n, h, w, c] = v.shape;
      const share = build([n, 1, 1, c], ([i, , , k]) => {
        let total = 0;
        for (let y = 0; y < h; y++) for (let z = 0; z < w; z++) total += at(v, i, y, z, k);
        return 1 / (1 + Math.exp(-total / (h * w)));
      });
      return build(v.shape, (index) => at(v, ...index) * broadcastAt(share, index));
    },
  );
};

/** Other places for the same elements, and some around or between them. */
export const moved: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const kind = b.random.pick(["permute", "flip", "edge", "resize"]);
  if (kind === "permute") {
    const run = (v: Tensor) => permute(v, [0, 2, 1, 3]);
    b.map(kind, [x], [n, w, h, c], run, (v) =>
      build([n, w, h, c], ([i, y, z, k]) => at(v, i, z, y, k)),
    );
  } else if (kind === "flip") {
    const run = (v: Tensor) => flip(v, [1, 3]);
    b.map(kind, [x], [n, h, w, c], run, (v) =>
      build(v.shape, ([i, y, z, k]) => at(v, i, h - 1 - y, z, c - 1 - k)),
    );
  } else if (kind === "edge") {
    const pads = [
      [1, 0],
      [0, 2],
    ] as const;
    const run = (v: Tensor) => pad(v, pads, { axes: [1, 2], mode: "edge" });
    b.map(kind, [x], [n, h + 1, w + 2, c], run, (v) =>
      build([n, h + 1, w + 2, c], ([i, y, z, k]) =>
        at(v, i, Math.max(0, y - 1), Math.min(z, w - 1), k),
      ),
    );
  } else {
    const size = [b.random.integer(1, 6), b.random.integer(1, 6)] as const;
    const scale = [size[0] / h, size[1] / w] as const;
    const run = (v: Tensor) => resizeBilinear(v, { size });
    b.map(`${kind} ${size}`, [x], [n, ...size, c], run, (v) =>
      bilinear(v, { size, scale, coordinates: "halfPixel" }),
    );
  }
};

/** The larger of two, or one where the other is positive. */
export const chosen: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const y = b.other(x, (shape) => `${shape}` === `${b.shapes[x]}`);
  b.map(
    "larger",
    [x, y],
    b.shapes[x],
    (u, v) => where(v, maximum(u, v), u),
    (u, v) => zip(u, v, (p, q) => (q !== 0 ? Math.max(p, q) : p)),
  );
};
