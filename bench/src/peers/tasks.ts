import { readFileSync } from "node:fs";
import { readCheckpoint } from "retinaface-webgpu";
import { randomValues } from "../random.js";
import { type ChainSpec, chainGraph, type Graph, retinaFaceGraph } from "./graph.js";

/** Work that all peers do; the name says it to them. */
export interface Task {
  readonly name: string;
  /** What a run's time is divided by: convolutions in a chain. */
  readonly divisor: number;
  /** Floating-point operations of one unit. */
  readonly flops: number;
  /** How many times as fast as the fastest peer, or as a peer by name, is aimed at. */
  readonly goal?: Readonly<Record<string, number>>;
}

const CHAINS: Readonly<Record<string, ChainSpec>> = {
  "conv 3×3 64→64 @80": { side: 80, channels: 64, kernel: 3, length: 4 },
  "conv 3×3 64→64 @160": { side: 160, channels: 64, kernel: 3, length: 2 },
  "conv 1×1 64→64 @160": { side: 160, channels: 64, kernel: 1, length: 4 },
  "conv depthwise 3×3 64 @160": {
    side: 160,
    channels: 64,
    kernel: 3,
    depthwise: true,
    length: 8,
  },
};

export const NETWORK = "RetinaFace MobileNet-0.25 @640";
export const HEAD_TRAINING = "training step 3×3 64→64, ReLU, 1×1 64→16 @80";

const NETWORK_FLOPS = 2 * 981e6;
/** Forward, and twice as much backward but for the gradient towards the input. */
const HEAD_FLOPS = 2 * 80 * 80 * (2 * 9 * 64 * 64 + 3 * 64 * 16);

function chainTask(name: string, { side, channels, kernel, depthwise, length }: ChainSpec): Task {
  const flops = 2 * side * side * channels * kernel * kernel * (depthwise ? 1 : channels);
  return { name, divisor: length, flops, goal: { "fastest peer": 2 } };
}

/** Everything that peers are compared on, the whole network first: the children then start cold. */
export const TASKS: readonly Task[] = [
  {
    name: NETWORK,
    divisor: 1,
    flops: NETWORK_FLOPS,
    goal: { "onnxruntime-node WebGPU": 3, "onnxruntime-web WebGPU": 5 },
  },
  ...Object.entries(CHAINS).map(([name, spec]) => chainTask(name, spec)),
  { name: HEAD_TRAINING, divisor: 1, flops: HEAD_FLOPS, goal: { "tfjs WebGPU": 25 } },
];

/** The graph of a task that has one. @param weights file of the network's weights */
export function graphOf(name: string, weights: string): Graph | undefined {
  if (name === NETWORK) return retinaFaceGraph(readCheckpoint(readFileSync(weights)), 640);
  const chain = CHAINS[name];
  return chain && chainGraph(chain);
}

/** The input of a graph, NHWC. */
export function inputOf(graph: Graph): Float32Array {
  const count = graph.input.reduce((a, b) => a * b, 1);
  return randomValues(count, 99, graph.input[3] === 3 ? 128 : 1);
}

/** What the two-layer head is trained with: NHWC data, OIHW weights, mean squared error, plain SGD. */
export function headTraining() {
  const side = 80;
  return {
    side,
    learningRate: 0.05,
    x: randomValues(side * side * 64, 11),
    target: randomValues(side * side * 16, 12),
    weight1: randomValues(64 * 64 * 9, 13, 1 / 24),
    bias1: randomValues(64, 14, 1 / 24),
    weight2: randomValues(16 * 64, 15, 1 / 8),
    bias2: randomValues(16, 16, 1 / 8),
  };
}

/** The losses of the first steps: they agree only if all gradients do. */
export async function firstSteps(step: () => Promise<Float32Array[]>): Promise<Float32Array[]> {
  return [...(await step()), ...(await step()), ...(await step()), ...(await step())];
}

/** NHWC to NCHW or back, by the extents of the source's last three axes. */
export function swapLayout(
  values: Float32Array,
  [n, h, w, c]: readonly [number, number, number, number],
  to: "nchw" | "nhwc",
): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < h * w; p++) {
      for (let k = 0; k < c; k++) {
        const last = (i * h * w + p) * c + k;
        const first = (i * c + k) * h * w + p;
        if (to === "nchw") out[first] = values[last];
        else out[last] = values[first];
      }
    }
  }
  return out;
}

/** OIHW to HWIO, or with `depthwise` O1HW to HWO1: how TensorFlow stores weights. */
export function toHwio(
  values: Float32Array,
  [o, i, kh, kw]: readonly [number, number, number, number],
): Float32Array {
  const out = new Float32Array(values.length);
  for (let a = 0; a < o; a++) {
    for (let b = 0; b < i; b++) {
      for (let p = 0; p < kh * kw; p++)
        out[(p * i + b) * o + a] = values[(a * i + b) * kh * kw + p];
    }
  }
  return out;
}
