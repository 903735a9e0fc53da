import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { repository } from "./repository.node.js";
import { readShared } from "./shared.js";

/** The network's outputs as the ONNX export gives them, over all priors. */
export interface OracleOutputs {
  loc: Float32Array;
  /** (background, face) probabilities. */
  conf: Float32Array;
  landms: Float32Array;
}

/** Runs the ONNX export of the official weights, on the CPU, at any input size. */
export interface Oracle {
  /** @param bgr `[height, width, 3]`, mean subtracted */
  run(bgr: Float32Array, width: number, height: number): Promise<OracleOutputs>;
}

/** Path of the model in the shared folder. */
export const ORACLE_MODEL = "weights/mobilenet0.25_640x640.onnx";

interface OrtTensor {
  readonly data: Float32Array;
}

interface Ort {
  InferenceSession: {
    create(
      model: Uint8Array,
      options?: { logSeverityLevel: 0 | 1 | 2 | 3 | 4 },
    ): Promise<{
      inputNames: string[];
      run(feeds: Record<string, unknown>): Promise<Record<string, OrtTensor>>;
      release(): Promise<void>;
    }>;
  };
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
}

const peers = path.join(repository, "bench/package.json");

/** Why the oracle cannot run here; undefined when it can. */
export function oracleAbsent(): string | undefined {
  const installed = existsSync(path.join(repository, "bench/node_modules/onnxruntime-node"));
  return installed ? undefined : "needs onnxruntime-node: npm ci --prefix bench --ignore-scripts";
}

/** onnxruntime in Node, where {@link oracleAbsent} is undefined. */
export function onnxRuntime(): Ort {
  return createRequire(peers)("onnxruntime-node") as Ort;
}

/** Loads the oracle. */
export async function openOracle(): Promise<Oracle> {
  const ort = onnxRuntime();
  const model = await readShared(ORACLE_MODEL);
  return {
    async run(bgr, width, height) {
      const planar = new Float32Array(bgr.length);
      for (let p = 0; p < width * height; p++) {
        for (let c = 0; c < 3; c++) planar[c * width * height + p] = bgr[p * 3 + c];
      }
      const session = await ort.InferenceSession.create(forSize(model, width, height));
      const input = new ort.Tensor("float32", planar, [1, 3, height, width]);
      const result = await session.run({ [session.inputNames[0]]: input });
      await session.release();
      const { output0, output1, output2 } = result;
      return { loc: output0.data, conf: output1.data, landms: output2.data };
    },
  };
}

// In the protobuf a `Dimension` of value 640 and one with a one-letter name are equally long, and so are
// the number of priors, 16800, and a two-letter name: declared sizes are opened up in place.
const DECLARED: readonly [from: number[], to: number[]][] = [
  [
    [0x0a, 0x03, 0x08, 0x80, 0x05, 0x0a, 0x03, 0x08, 0x80, 0x05],
    [0x0a, 0x03, 0x12, 0x01, 0x68, 0x0a, 0x03, 0x12, 0x01, 0x77],
  ],
  [
    [0x0a, 0x04, 0x08, 0xa0, 0x83, 0x01],
    [0x0a, 0x04, 0x12, 0x02, 0x6e, 0x70],
  ],
];

/** A tensor of two int64 as `raw_data`: the size to which the pyramid upsamples. */
function rawSize(height: number, width: number): number[] {
  const data = new BigInt64Array([BigInt(height), BigInt(width)]);
  return [0x4a, 0x10, ...new Uint8Array(data.buffer)];
}

/** The model for another input size: all it fixes are declared shapes and two upsampled sizes. */
function forSize(model: Uint8Array, width: number, height: number): Uint8Array {
  const bytes = Buffer.from(model);
  const upsampled = [8, 16].map((step): [number[], number[]] => [
    rawSize(640 / step, 640 / step),
    rawSize(Math.ceil(height / step), Math.ceil(width / step)),
  ]);
  for (const [from, to] of [...DECLARED, ...upsampled]) {
    const wanted = Buffer.from(from);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
      bytes.set(to, at);
    }
  }
  return new Uint8Array(bytes);
}
