import { conv2d, convTranspose2d, mul, type Tensor } from "@retinaface-webgpu/tensor";
import * as convolution from "../../reference/convolution.js";
import { map } from "../../reference/elementwise.js";
import type { Builder, ConvConfig, Maker, Shape } from "./builder.js";

function extent(n: number, kernel: number, stride: number, pads: number, dilation = 1): number {
  return Math.floor((n + pads - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** A convolution: plain, grouped or depthwise; its weight kept, computed, or an input. */
export const convolve: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const { random } = b;
  const cin = b.shapes[x][3];
  const kernel = random.pick([1, 1, 3, 3, 2]);
  const half = Math.floor(kernel / 2);
  const padding = random.uniform() < 0.7 ? [half, half, half, half] : [0, 1, 2, 0];
  const divisors = [1, 2, 3, cin].filter((g) => cin % g === 0);
  const groups = random.pick([1, 1, cin, random.pick(divisors)]);
  const cout = groups === 1 ? random.pick([1, 3, 4, 4, 8, 8, 12]) : groups * random.integer(1, 2);
  const shape = [cout, cin / groups, kernel, kernel];
  const given = random.uniform() < 0.1 ? giveWeight(b, shape) : undefined;
  const deviation = 1 / Math.sqrt((cin / groups) * kernel * kernel);
  applyConv(b, x, {
    kernel,
    stride: random.pick([1, 1, 2]),
    dilation: random.pick([1, 1, 1, 2]),
    padding: padding as unknown as ConvConfig["padding"],
    groups,
    cin,
    cout,
    weight: given === undefined ? b.weight(shape, deviation) : { value: given },
    factor: random.uniform() < 0.15 ? 0.5 : 1,
  });
};

/** An earlier convolution on another image: as a head that levels share, with a bias of its own or none. */
export const repeat: Maker = (b) => {
  if (b.convs.length === 0) return;
  const config = b.random.pick(b.convs);
  const x = b.image((shape) => shape[3] === config.cin);
  if (x !== undefined) applyConv(b, x, config);
};

function applyConv(b: Builder, x: number, config: ConvConfig): void {
  const { kernel, stride, dilation, padding, groups, cout, weight, factor } = config;
  const [n, h, w] = b.shapes[x];
  const rows = extent(h, kernel, stride, padding[0] + padding[1], dilation);
  const columns = extent(w, kernel, stride, padding[2] + padding[3], dilation);
  if (rows < 1 || columns < 1) return;
  b.convs.push(config);
  const bias = b.random.uniform() < 0.6 ? [b.weight([cout], 0.5)] : [];
  const own = typeof weight === "number";
  const options = { stride, dilation, padding, groups };
  const spec = {
    stride: [stride, stride],
    dilation: [dilation, dilation],
    padding,
    groups,
  } as const;
  const scaled = (t: Tensor) => (factor === 1 ? t : mul(t, factor));
  b.add({
    text: `conv ${kernel}x${kernel} to ${cout} ${JSON.stringify(options)} times ${factor}`,
    inputs: own ? [x] : [x, weight.value],
    weights: own ? [weight, ...bias] : bias,
    shape: [n, rows, columns, cout],
    run: ([v, ...given], kept) => {
      const [t, shift] = [...given, ...kept];
      return conv2d(v, scaled(t), shift, options);
    },
    expect: ([v, ...given], kept) => {
      const [t, shift] = [...given, ...kept];
      return convolution.conv2d(
        v,
        map(t, (value) => value * factor),
        shift,
        spec,
      );
    },
  });
}

/** Makes a weight an input of the network; only before there are other values. */
function giveWeight(b: Builder, shape: Shape): number | undefined {
  if (b.nodes.length > 0 || b.inputs.length > 2) return undefined;
  b.inputs.push(shape);
  return b.shapes.push(shape) - 1;
}

/** Several convolutions of one image side by side. */
export const branches: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const cin = b.shapes[x][3];
  for (let k = b.random.integer(2, 3); k > 0; k--) {
    const kernel = b.random.pick([1, 3]);
    const half = (kernel - 1) / 2;
    const cout = b.random.pick([2, 4, 4, 8]);
    const weight = b.weight([cout, cin, kernel, kernel], 1 / Math.sqrt(cin * kernel * kernel));
    const padding = [half, half, half, half] as const;
    applyConv(b, x, {
      kernel,
      stride: 1,
      dilation: 1,
      padding,
      groups: 1,
      cin,
      cout,
      weight,
      factor: 1,
    });
  }
};

export const transposed: Maker = (b) => {
  const x = b.image(([, h, w]) => h * w <= 12);
  if (x === undefined) return;
  const { random } = b;
  const [n, h, w, cin] = b.shapes[x];
  const kernel = random.integer(1, 3);
  const stride = random.integer(1, 2);
  const padding = random.integer(0, Math.floor(kernel / 2));
  const groups = random.pick([1, cin]);
  const perGroup = random.integer(1, groups === 1 ? 6 : 2);
  const out = (size: number) => (size - 1) * stride - 2 * padding + kernel - 1 + 1;
  if (out(h) < 1 || out(w) < 1) return;
  const weight = b.weight([cin, perGroup, kernel, kernel], 0.4);
  const bias = random.uniform() < 0.5 ? [b.weight([groups * perGroup], 0.5)] : [];
  b.add({
    text: `transposed ${kernel} stride ${stride} padding ${padding} groups ${groups}`,
    inputs: [x],
    weights: [weight, ...bias],
    shape: [n, out(h), out(w), groups * perGroup],
    run: ([v], [wt, shift]) => convTranspose2d(v, wt, shift, { stride, padding, groups }),
    expect: ([v], [wt, shift]) =>
      convolution.convTranspose2d(v, wt, shift, {
        stride: [stride, stride],
        padding: [padding, padding, padding, padding],
        dilation: [1, 1],
        groups,
        outputPadding: [0, 0],
      }),
  });
};
