/** Embedding networks in double precision, by the names of their checkpoints, as arcface_torch runs them after `eval()`. */
import type { StateDict } from "@retinaface-webgpu/tensor";
import { at, build, type NdArray } from "./array.js";
import { conv2d } from "./convolution.js";
import { zip } from "./elementwise.js";

interface Geometry {
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

/** Functions of a checkpoint's members. */
function layersOf(state: StateDict) {
  const get = (name: string): NdArray => {
    const { shape, data } = state.get(name)!;
    return { shape, data: Float64Array.from(data as Float32Array) };
  };
  const has = (name: string) => state.has(name);
  const conv = (x: NdArray, name: string, { stride = 1, padding = 0, groups = 1 }: Geometry) =>
    conv2d(x, get(`${name}.weight`), undefined, {
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
      dilation: [1, 1],
      groups,
    });
  const norm = (x: NdArray, name: string): NdArray => {
    const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
      (part) => get(`${name}.${part}`).data,
    );
    const channels = gamma.length;
    const data = x.data.map((value, i) => {
      const c = i % channels;
      return ((value - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * gamma[c] + beta[c];
    });
    return { shape: x.shape, data };
  };
  const prelu = (x: NdArray, name: string): NdArray => {
    const slopes = get(`${name}.weight`).data;
    const data = x.data.map((value, i) => (value > 0 ? value : value * slopes[i % slopes.length]));
    return { shape: x.shape, data };
  };
  /** `[n, h, w, c]` flattened channel by channel, times a weight. */
  const full = (x: NdArray, name: string): NdArray => {
    const weight = get(`${name}.weight`);
    const bias = has(`${name}.bias`) ? get(`${name}.bias`).data : undefined;
    const [batch, height, width, channels] = x.shape;
    return build([batch, weight.shape[0]], ([n, o]) => {
      let sum = bias?.[o] ?? 0;
      for (let c = 0, k = 0; c < channels; c++)
        for (let y = 0; y < height; y++)
          for (let u = 0; u < width; u++, k++) sum += at(x, n, y, u, c) * at(weight, o, k);
      return sum;
    });
  };
  return { get, has, conv, norm, prelu, full };
}

const sum = (a: NdArray, b: NdArray) => zip(a, b, (u, v) => u + v);

function emphasise(x: NdArray, lower: number | undefined): NdArray {
  if (lower === undefined) return x;
  const [, height] = x.shape;
  return build(x.shape, (index) => {
    // The share of the row that lies below the middle.
    const below = Math.max(0, Math.min(1, index[1] + 1 - height / 2));
    return at(x, ...index) * (below * lower + (1 - below));
  });
}

/** arcface_torch's `mobilefacenet.py`; the bottlenecks' depthwise convolutions have as many groups as channels. */
export function mobileFaceNet(state: StateDict, image: NdArray, lower?: number): NdArray {
  const { get, has, conv, norm, prelu, full } = layersOf(state);
  const block = (x: NdArray, name: string, geometry: Geometry = {}) =>
    prelu(norm(conv(x, `${name}.layers.0`, geometry), `${name}.layers.1`), `${name}.layers.2`);
  const linear = (x: NdArray, name: string, geometry: Geometry = {}) =>
    norm(conv(x, `${name}.layers.0`, geometry), `${name}.layers.1`);
  const channels = (name: string) => get(`${name}.layers.0.weight`).shape[0];
  const bottleneck = (x: NdArray, name: string, stride: number) => {
    const groups = channels(`${name}.layers.1`);
    const wide = block(x, `${name}.layers.0`);
    const deep = block(wide, `${name}.layers.1`, { stride, padding: 1, groups });
    return linear(deep, `${name}.layers.2`);
  };
  const residual = (x: NdArray, name: string) => {
    let y = x;
    for (let n = 0; has(`${name}.layers.${n}.layers.0.layers.0.weight`); n++)
      y = sum(y, bottleneck(y, `${name}.layers.${n}`, 1));
    return y;
  };
  let x = block(image, "layers.0", { stride: 2, padding: 1 });
  const perGroup = get("layers.1.layers.0.weight").shape[1];
  x = block(x, "layers.1", { padding: 1, groups: x.shape[3] / perGroup });
  for (const n of [2, 4, 6]) x = residual(bottleneck(x, `layers.${n}`, 2), `layers.${n + 1}`);
  x = emphasise(block(x, "conv_sep"), lower);
  x = linear(x, "features.layers.0", { groups: x.shape[3] });
  return norm(full(x, "features.layers.2"), "features.layers.3");
}

/** MobileNetV1 to its stride of 16 (Howard et al. 2017, leaky ReLU of 0.1), and MobileFaceNet's end. */
export function mobileNet(state: StateDict, image: NdArray, lower?: number): NdArray {
  const { has, conv, norm, prelu, full } = layersOf(state);
  const leaky = (x: NdArray): NdArray => ({
    shape: x.shape,
    data: x.data.map((value) => (value > 0 ? value : 0.1 * value)),
  });
  const separable = (x: NdArray, name: string, stride: number) => {
    const deep = conv(x, `${name}.0`, { stride, padding: 1, groups: x.shape[3] });
    return leaky(norm(conv(leaky(norm(deep, `${name}.1`)), `${name}.3`, {}), `${name}.4`));
  };
  let x = leaky(norm(conv(image, "stage1.0.0", { stride: 2, padding: 1 }), "stage1.0.1"));
  for (const [n, stride] of [1, 2, 1, 2, 1].entries()) x = separable(x, `stage1.${n + 1}`, stride);
  for (let n = 0; has(`stage2.${n}.0.weight`); n++)
    x = separable(x, `stage2.${n}`, n === 0 ? 2 : 1);
  x = prelu(norm(conv(x, "conv_sep.layers.0", {}), "conv_sep.layers.1"), "conv_sep.layers.2");
  x = emphasise(x, lower);
  x = norm(
    conv(x, "features.layers.0.layers.0", { groups: x.shape[3] }),
    "features.layers.0.layers.1",
  );
  return norm(full(x, "features.layers.2"), "features.layers.3");
}

/** arcface_torch's `iresnet.py`. */
export function iResNet(state: StateDict, image: NdArray, lower?: number): NdArray {
  const { has, conv, norm, prelu, full } = layersOf(state);
  const block = (x: NdArray, name: string, stride: number) => {
    let y = conv(norm(x, `${name}.bn1`), `${name}.conv1`, { padding: 1 });
    y = conv(prelu(norm(y, `${name}.bn2`), `${name}.prelu`), `${name}.conv2`, {
      stride,
      padding: 1,
    });
    const short = has(`${name}.downsample.0.weight`)
      ? norm(conv(x, `${name}.downsample.0`, { stride }), `${name}.downsample.1`)
      : x;
    return sum(norm(y, `${name}.bn3`), short);
  };
  let x = prelu(norm(conv(image, "conv1", { padding: 1 }), "bn1"), "prelu");
  for (const layer of ["layer1", "layer2", "layer3", "layer4"])
    for (let n = 0; has(`${layer}.${n}.conv1.weight`); n++)
      x = block(x, `${layer}.${n}`, n === 0 ? 2 : 1);
  return norm(full(norm(emphasise(x, lower), "bn2"), "fc"), "features");
}

/** Rows of length 1. */
export function unitRows(x: NdArray): NdArray {
  const [rows, width] = x.shape;
  return build([rows, width], ([n, i]) => {
    let squares = 0;
    for (let k = 0; k < width; k++) squares += at(x, n, k) ** 2;
    return at(x, n, i) / Math.sqrt(squares);
  });
}
