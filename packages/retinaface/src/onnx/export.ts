/** A detector's network as an ONNX model. This module is loaded only where one is written. */
import { type Declared, exportOnnx, type GraphBuilder } from "@retinaface-webgpu/onnx";
import {
  add,
  concat,
  exp,
  mul,
  narrow,
  reshape,
  softmax,
  sub,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { anchorCount, priorBoxes } from "../decode/anchors.js";
import { resolveThresholds } from "../decode/thresholds.js";
import { OptionError } from "../errors.js";
import {
  anchorHeads,
  BOX_NUMBERS,
  classHead,
  decodedHeads,
  POINT_NUMBERS,
} from "../model/heads.js";
import { inferNetwork, meshBranchOf } from "../model/infer.js";
import { loadNetwork } from "../model/load.js";
import type { NetworkOutput, RetinaFaceNetwork } from "../model/network.js";
import { prepareFor } from "../model/prepare.js";
import type { DetectorConfig, HeadSpec } from "../types.js";
import { CONFIG_KEY } from "../weights/config.js";
import type { Weights } from "../weights/weights.js";

/** What the model gives: heads' numbers, decoded boxes, or the faces that remain after suppression. */
export type OnnxOutputs = "heads" | "boxes" | "faces";

/** Options of {@link exportDetector}. */
export interface ExportDetectorOptions {
  /** Of the images that the model takes. */
  readonly height: number;
  readonly width: number;
  /** Default `heads`. */
  readonly outputs?: OnnxOutputs | undefined;
  /** Store large weights in f16; all is computed in f32. */
  readonly half?: boolean | undefined;
}

const FORMS: readonly OnnxOutputs[] = ["heads", "boxes", "faces"];

function check({ height, width, outputs = "heads" }: ExportDetectorOptions): void {
  if (!FORMS.includes(outputs)) {
    throw new OptionError(`an ONNX model gives ${FORMS.join(", ")}, not ${outputs}`);
  }
  const fits = [height, width].every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 2 ** 14);
  if (!fits)
    throw new OptionError(`a model of ${width}×${height}: give sides of 1 to 16384 pixels`);
}

/** Corners and points of all priors in pixels of the input, and probabilities of the classes. */
class Decoder {
  readonly #priors: { readonly centre: Tensor; readonly size: Tensor };
  readonly #variances: readonly [number, number];

  constructor(network: RetinaFaceNetwork, config: DetectorConfig, height: number, width: number) {
    const { device } = [...network.parameters()][0];
    const priors = priorBoxes(height, width, config.anchors);
    const count = anchorCount(height, width, config.anchors);
    const sides = [width, height];
    const part = (from: number) => {
      const values = new Float32Array(count * 2);
      for (let i = 0; i < values.length; i++) {
        values[i] = priors[Math.floor(i / 2) * BOX_NUMBERS + from + (i % 2)] * sides[i % 2];
      }
      return tensor(device, values, [count, 2]);
    };
    this.#priors = { centre: part(0), size: part(2) };
    this.#variances = config.variances;
  }

  /** c = p + l·v₀·s, s' = s·exp(l·v₁) (SSD); `[1, priors, 4]` of x1, y1, x2, y2. */
  boxes(loc: Tensor): Tensor {
    const { centre, size } = this.#priors;
    const [v0, v1] = this.#variances;
    const middle = add(mul(mul(narrow(loc, 2, 0, 2), v0), size), centre);
    const sides = mul(exp(mul(narrow(loc, 2, 2, 2), v1)), size);
    const first = sub(middle, mul(sides, 0.5));
    return concat([first, add(first, sides)], 2);
  }

  /** `[1, priors, width]` of x and y in turn. */
  points(offsets: Tensor, width: number): Tensor {
    const { centre, size } = this.#priors;
    const [count] = centre.shape;
    const each = (x: Tensor) => reshape(x, [1, count, 1, POINT_NUMBERS]);
    const pairs = reshape(offsets, [1, count, width / POINT_NUMBERS, POINT_NUMBERS]);
    const places = add(mul(mul(pairs, this.#variances[0]), each(size)), each(centre));
    return reshape(places, [1, count, width]);
  }
}

/** What the outputs of a decoded model are called. */
function decodedName({ meaning, loss }: HeadSpec): string {
  if (meaning === "box") return "boxes";
  return meaning === "class" ? "probabilities" : loss;
}

function decoded(decoder: Decoder, outputs: NetworkOutput, heads: readonly HeadSpec[]) {
  const values = heads.map((head): [string, Tensor] => {
    const value = outputs[head.name];
    if (head.meaning === "box") return ["boxes", decoder.boxes(value)];
    if (head.meaning === "class") return ["probabilities", softmax(value)];
    const own = head.meaning === "points" ? decoder.points(value, head.width) : value;
    return [decodedName(head), own];
  });
  return Object.fromEntries(values);
}

/**
 * Suppression in the graph, as the detector does it: the best `topK` priors above `confidenceThreshold`, then those that
 * overlap no better one by more than `nmsThreshold`, sides counting both end pixels. The best face stands first.
 */
function suppress(
  b: GraphBuilder,
  heads: readonly HeadSpec[],
  config: DetectorConfig,
  priors: number,
): Declared[] {
  const { topK, confidenceThreshold, nmsThreshold, keepTopK } = resolveThresholds(
    config.thresholds ?? {},
  );
  const classes = classHead(heads).width - 1;
  const k = Math.min(topK, priors);
  const slice = (x: string, from: number, to: number, axis: number) =>
    b.node("Slice", [x, ...[[from], [to], [axis]].map((list) => b.integers(list))]);
  const foreground = slice("probabilities", 1, classes + 1, 2);
  const all = b.node("ReduceMax", [foreground], { axes: [2], keepdims: 0 });
  const [scores, order] = b.nodes("TopK", [all, b.integers([k])], 2, { axis: 1 });
  const best = b.node("Reshape", [order, b.integers([-1])]);
  const boxes = b.node("Gather", ["boxes", best], { axis: 1 });
  const shift = b.floats([4], Float32Array.of(0, 0, 1, 1), "end_pixel");
  const number = (value: number) => b.floats([1], Float32Array.of(value), "threshold");
  const chosen = b.node("NonMaxSuppression", [
    b.node("Add", [boxes, shift]),
    b.node("Unsqueeze", [scores, b.integers([1])]),
    b.integers([keepTopK]),
    number(nmsThreshold),
    number(confidenceThreshold),
  ]);
  const kept = b.node("Reshape", [slice(chosen, 2, 3, 1), b.integers([-1])]);
  const place = b.node("Gather", [best, kept], { axis: 0 });
  const rows = (from: string, to: string) => {
    const flat = b.node("Squeeze", [from, b.integers([0])]);
    return b.node("Gather", [flat, place], { axis: 0 }, b.unique(to));
  };
  const declared: Declared[] = [];
  for (const head of heads.filter(({ meaning }) => meaning !== "class")) {
    const name = rows(decodedName(head), `face_${decodedName(head)}`);
    declared.push({ name, type: "float", shape: ["faces", head.width] });
  }
  declared.push({ name: rows(all, "face_scores"), type: "float", shape: ["faces"] });
  if (classes > 1) {
    const label = b.node("ArgMax", [foreground], { axis: 2, keepdims: 0 });
    const one = b.node("Add", [label, b.integers([1])]);
    declared.push({ name: rows(one, "face_labels"), type: "int64", shape: ["faces"] });
  }
  return declared;
}

function withoutMesh({ state, config }: Weights): Weights {
  const branch = meshBranchOf(state, config.heads ?? []);
  if (!branch) return { state, config };
  const kept = [...state].filter(([name]) => !name.startsWith(`${branch.module}.`));
  const heads = config.heads && anchorHeads(config.heads);
  return { state: new Map(kept), config: { ...config, ...(heads && { heads }) } };
}

/**
 * Writes a detector's network as an ONNX model (opset 17) that takes an image `[1, 3, height, width]`, B, G, R from 0 to 255
 * minus the mean (104, 117, 123). Its outputs are
 *
 * - `heads`: `[1, priors, width]` for each head by its name, classes as probabilities, as public exports have them
 * - `boxes`: `boxes [1, priors, 4]` as x1, y1, x2, y2, `probabilities`, `landmarks` and others, in pixels of the input
 * - `faces`: `face_boxes [faces, 4]`, `face_scores`, `face_landmarks`, …, the best first, by the thresholds that go with
 *   the weights (`face_labels` where there are several classes)
 *
 * Objectness is in the classes' numbers. A branch for meshes is left out: it looks at faces that were found, which the
 * graph's outputs are only to say.
 *
 * The configuration travels as metadata, so that `load({ weights: "x.onnx" })` knows anchors and heads of `heads`.
 *
 * @throws OptionError for sides or outputs that cannot be; RetinaFaceError `CHECKPOINT_UNKNOWN`; OnnxError
 * `ONNX_UNSUPPORTED` for operations that ONNX does not have
 */
export async function exportDetector(
  weights: Weights,
  options: ExportDetectorOptions,
): Promise<Uint8Array> {
  check(options);
  const { state, config } = withoutMesh(weights);
  const { height, width, outputs = "heads", half } = options;
  await prepareFor(state);
  const shapeOf = inferNetwork(state, config.heads);
  if (shapeOf.retinanet && outputs !== "heads") {
    throw new OptionError(
      "RetinaNet is written with the outputs heads: decode them by its anchors",
    );
  }
  const device = await createHostDevice();
  const network = loadNetwork(nn.Init.empty(device), shapeOf, state, config.anchors);
  try {
    const names = new Map<Tensor, string>();
    for (const [name, value] of network.namedParameters()) names.set(value, name);
    for (const [name, value] of network.namedBuffers()) names.set(value, name);
    const heads = decodedHeads(network.headSpecs);
    const { name: conf } = classHead(heads);
    const decoder = outputs === "heads" ? undefined : new Decoder(network, config, height, width);
    const forward = (image: Tensor): NetworkOutput => {
      const raw = network.join(network.heads(image));
      if (decoder) return decoded(decoder, raw, heads);
      return shapeOf.retinanet ? raw : { ...raw, [conf]: softmax(raw[conf]) };
    };
    const priors = anchorCount(height, width, config.anchors);
    const info = { shape: [1, height, width, 3], dtype: "f32" as const };
    const metadata = { [CONFIG_KEY]: JSON.stringify({ ...config, heads }) };
    return await exportOnnx(device, forward, [info], {
      inputNames: ["image"],
      names,
      half,
      metadata,
      finish:
        outputs === "faces" ? (builder) => suppress(builder, heads, config, priors) : undefined,
    });
  } finally {
    network.dispose();
    device.destroy();
  }
}
