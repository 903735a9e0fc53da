/**
 * A feed-forward network as plain data, so that every library runs the same one: each peer builds it with
 * its own means, batch norm already folded into the convolutions.
 */
import { type StateDict, toFloat32 } from "@retinaface-webgpu/tensor";
import { randomValues } from "../random.js";

export type Activation =
  | { readonly kind: "none" }
  | { readonly kind: "relu" }
  | { readonly kind: "leaky"; readonly slope: number };

/** A convolution, OIHW weights, and what follows it. */
export interface ConvNode {
  readonly kind: "conv";
  readonly input: string;
  readonly output: string;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  /** `[out, in / groups, kernel, kernel]` */
  readonly shape: readonly [number, number, number, number];
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  readonly activation: Activation;
}

export type GraphNode =
  | ConvNode
  | { readonly kind: "add"; readonly inputs: readonly [string, string]; readonly output: string }
  /** Nearest neighbour to twice the size. */
  | { readonly kind: "upsample"; readonly input: string; readonly output: string }
  /** Channels side by side, then ReLU. */
  | { readonly kind: "concatRelu"; readonly inputs: readonly string[]; readonly output: string }
  /** The first rows of every image. */
  | {
      readonly kind: "rows";
      readonly input: string;
      readonly output: string;
      readonly count: number;
    };

export interface Graph {
  /** Shape of the input `x`, NHWC. */
  readonly input: readonly [number, number, number, number];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly string[];
}

const BATCH_NORM_EPSILON = 1e-5;
const NONE: Activation = { kind: "none" };
const leaky = (slope: number): Activation => ({ kind: "leaky", slope });

class Builder {
  readonly nodes: GraphNode[] = [];
  readonly #state: StateDict;

  constructor(state: StateDict) {
    this.#state = state;
  }

  /** A convolution with a batch norm behind it, or with a bias. */
  conv(
    input: string,
    name: string,
    norm: string | undefined,
    activation: Activation,
    stride = 1,
  ): string {
    const { shape, data: weight } = this.#tensor(`${name}.weight`);
    const [out, perGroup, kernel] = shape;
    const depthwise = perGroup === 1 && kernel === 3 && out > 1;
    const folded = norm
      ? this.#fold(weight, norm, out)
      : { weight, bias: this.#values(`${name}.bias`) };
    this.nodes.push({
      kind: "conv",
      input,
      output: name,
      ...folded,
      shape: shape as [number, number, number, number],
      stride,
      padding: (kernel - 1) / 2,
      groups: depthwise ? out : 1,
      activation,
    });
    return name;
  }

  convBn(input: string, name: string, activation: Activation, stride = 1): string {
    return this.conv(input, `${name}.0`, `${name}.1`, activation, stride);
  }

  convDw(input: string, name: string, stride: number): string {
    const y = this.conv(input, `${name}.0`, `${name}.1`, leaky(0.1), stride);
    return this.conv(y, `${name}.3`, `${name}.4`, leaky(0.1));
  }

  push(node: GraphNode): string {
    this.nodes.push(node);
    return node.output;
  }

  #fold(weight: Float32Array, norm: string, out: number) {
    const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
      (part) => this.#values(`${norm}.${part}`),
    );
    const perOut = weight.length / out;
    const scale = Float64Array.from(
      gamma,
      (g, i) => g / Math.sqrt(variance[i] + BATCH_NORM_EPSILON),
    );
    return {
      weight: weight.map((w, i) => w * scale[Math.floor(i / perOut)]),
      bias: beta.map((b, i) => b - mean[i] * scale[i]),
    };
  }

  #values(name: string): Float32Array {
    return this.#tensor(name).data;
  }

  #tensor(name: string): { shape: readonly number[]; data: Float32Array } {
    const tensor = this.#state.get(name);
    if (!tensor) throw new RangeError(`the checkpoint has no ${name}: a MobileNet-0.25 is needed`);
    return { shape: tensor.shape, data: toFloat32(tensor) };
  }
}

/** RetinaFace MobileNet-0.25 up to its nine head convolutions: class, box, landmark, each fine to coarse. */
export function retinaFaceGraph(state: StateDict, side: number): Graph {
  const b = new Builder(state);
  let y = b.convBn("x", "body.stage1.0", leaky(0.1), 2);
  for (const [i, stride] of [1, 2, 1, 2, 1].entries())
    y = b.convDw(y, `body.stage1.${i + 1}`, stride);
  const c3 = y;
  for (const [i, stride] of [2, 1, 1, 1, 1, 1].entries())
    y = b.convDw(y, `body.stage2.${i}`, stride);
  const c4 = y;
  for (const [i, stride] of [2, 1].entries()) y = b.convDw(y, `body.stage3.${i}`, stride);
  const pyramid = fpn(b, c3, c4, y);
  const features = pyramid.map((p, i) => ssh(b, p, `ssh${i + 1}`));
  const outputs = ["ClassHead", "BboxHead", "LandmarkHead"].flatMap((head) =>
    features.map((feature, i) => b.conv(feature, `${head}.${i}.conv1x1`, undefined, NONE)),
  );
  return { input: [1, side, side, 3], nodes: b.nodes, outputs };
}

function fpn(b: Builder, c3: string, c4: string, c5: string): string[] {
  const act = leaky(0.1);
  const [l1, l2, p3] = [c3, c4, c5].map((c, i) => b.convBn(c, `fpn.output${i + 1}`, act));
  const merge = (fine: string, coarse: string, name: string) => {
    const up = b.push({ kind: "upsample", input: coarse, output: `${name}.up` });
    const sum = b.push({ kind: "add", inputs: [fine, up], output: `${name}.sum` });
    return b.convBn(sum, name, act);
  };
  const p2 = merge(l2, p3, "fpn.merge2");
  return [merge(l1, p2, "fpn.merge1"), p2, p3];
}

function ssh(b: Builder, x: string, name: string): string {
  const act = leaky(0.1);
  const three = b.convBn(x, `${name}.conv3X3`, NONE);
  const first = b.convBn(x, `${name}.conv5X5_1`, act);
  const five = b.convBn(first, `${name}.conv5X5_2`, NONE);
  const seven = b.convBn(b.convBn(first, `${name}.conv7X7_2`, act), `${name}.conv7x7_3`, NONE);
  return b.push({ kind: "concatRelu", inputs: [three, five, seven], output: `${name}.out` });
}

/** What a chain of equal convolutions is made of. */
export interface ChainSpec {
  readonly side: number;
  readonly channels: number;
  readonly kernel: 1 | 3;
  readonly depthwise?: boolean;
  /** Convolutions in a row. */
  readonly length: number;
}

/** Rows of the result that are read back: few, yet with the image's borders. */
const ROWS = 4;

/**
 * Equal convolutions in a row, of which only a few rows come back: what upload and read-back cost is spread
 * over all of them, the same for everyone.
 */
export function chainGraph({ side, channels, kernel, depthwise, length }: ChainSpec): Graph {
  const perGroup = depthwise ? 1 : channels;
  const count = channels * perGroup * kernel * kernel;
  const bound = Math.sqrt(3 / (perGroup * kernel * kernel));
  const nodes: GraphNode[] = [];
  for (let i = 0; i < length; i++) {
    nodes.push({
      kind: "conv",
      input: i === 0 ? "x" : `y${i}`,
      output: `y${i + 1}`,
      weight: randomValues(count, 2 * i + 1, bound),
      bias: randomValues(channels, 2 * i + 2, 0.1),
      shape: [channels, perGroup, kernel, kernel],
      stride: 1,
      padding: (kernel - 1) / 2,
      groups: depthwise ? channels : 1,
      activation: NONE,
    });
  }
  nodes.push({ kind: "rows", input: `y${length}`, output: "rows", count: ROWS });
  return { input: [1, side, side, channels], nodes, outputs: ["rows"] };
}
