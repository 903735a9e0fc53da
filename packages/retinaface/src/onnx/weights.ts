/**
 * ONNX models as a detector's network: any graph that gives for an image 4, 10 and 2 or more numbers a prior, as exports of
 * RetinaFace do. This module is loaded only where weights are such a file.
 */
import {
  DeviceValue,
  isHost,
  type OnnxModel,
  OnnxNetwork,
  readOnnx,
} from "@retinaface-webgpu/onnx";
import {
  concat,
  convolutionSpecs,
  type Device,
  log,
  maximum,
  narrow,
  pad,
  reshape,
  slice,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { parseDetectorConfig } from "../config.js";
import { anchorCount } from "../decode/anchors.js";
import { OptionError, RetinaFaceError } from "../errors.js";
import { classHead, RETINAFACE_HEADS } from "../model/heads.js";
import { anchorsPerCellOf } from "../model/levels.js";
import type { LoadedNetwork, NetworkSource } from "../model/load.js";
import type { HeadOutput } from "../model/network.js";
import { publishedConfig } from "../model/registry.js";
import { type AnchorConfig, DEFAULT_CONFIG, type DetectorConfig, type HeadSpec } from "../types.js";
import { CONFIG_KEY } from "../weights/config.js";

/** A side for which a model of open sides is looked at: whole cells at every stride. */
const PROBE_SIDE = 128;
/** Its logarithm is finite. */
const LEAST_PROBABILITY = 1e-37;

/** Height and width that a graph takes; `undefined` where they are open. */
interface Sides {
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/** An output of the graph that is a head's. */
interface Role {
  readonly head: HeadSpec;
  readonly output: string;
}

function unknown(message: string): RetinaFaceError {
  return new RetinaFaceError(
    "CHECKPOINT_UNKNOWN",
    `The ONNX model is no RetinaFace: ${message} Run it by itself with loadOnnx of @retinaface-webgpu/onnx.`,
  );
}

function sidesOf({ inputs }: OnnxModel): Sides {
  const [{ shape, name } = { shape: undefined, name: "" }] = inputs;
  const [, channels, height, width] = shape ?? [];
  if (
    inputs.length !== 1 ||
    shape?.length !== 4 ||
    (typeof channels === "number" && channels !== 3)
  ) {
    throw unknown(
      `it takes ${inputs.length} inputs, ${name} [${shape ?? ""}], expected one image [1, 3, height, width].`,
    );
  }
  const known = (side: number | string) => (typeof side === "number" ? side : undefined);
  return { height: known(height), width: known(width) };
}

/** Whether an output's numbers are probabilities: a softmax makes them, perhaps behind what only moves numbers. */
function isSoftmax({ nodes }: OnnxModel, output: string): boolean {
  const moves = ["Reshape", "Concat", "Transpose", "Identity", "Squeeze", "Unsqueeze", "Cast"];
  const source = nodes.find(({ outputs }) => outputs.includes(output));
  if (!source) return false;
  if (source.op === "Softmax") return true;
  return moves.includes(source.op) && isSoftmax({ nodes } as OnnxModel, source.inputs[0]);
}

/** The shapes of the outputs for an image of these sides. */
async function outputShapes(
  model: OnnxModel,
  height: number,
  width: number,
): Promise<Map<string, readonly number[]>> {
  const device = await createHostDevice();
  const network = new OnnxNetwork(device, model);
  const shapes = new Map<string, readonly number[]>();
  try {
    const forward = (image: Tensor): Tensor[] => {
      const values = network.evaluate([new DeviceValue(image, true)]);
      for (const [name, { shape }] of values) shapes.set(name, shape);
      return [...values.values()].flatMap((value) => (isHost(value) ? [] : [value.tensor]));
    };
    convolutionSpecs(device, forward, [{ shape: [1, height, width, 3], dtype: "f32" }]);
    return shapes;
  } finally {
    network.dispose();
    device.destroy();
  }
}

/** Which output is which head's: by their names, else by how many numbers a prior has. */
function rolesOf(
  shapes: ReadonlyMap<string, readonly number[]>,
  table: readonly HeadSpec[] | undefined,
): Role[] {
  const all = [...shapes];
  const shown = all.map(([name, shape]) => `${name} [${shape.join(", ")}]`).join(", ");
  const heads = table ?? RETINAFACE_HEADS;
  return heads.map((head) => {
    const named = all.filter(([name]) => name === head.name);
    const fits = ([, shape]: [string, readonly number[]]) => shape.at(-1) === head.width;
    const found = named.length === 1 ? named : all.filter(fits);
    const [[output, shape] = []] = found;
    if (found.length !== 1 || !output || !shape || shape.length < 2) {
      throw unknown(
        `it gives ${shown}, expected one output of ${head.width} numbers a prior for ${head.name}.`,
      );
    }
    const width = shape[shape.length - 1];
    return { output, head: head.width === width ? head : { ...head, width } };
  });
}

/** The anchors of which there are as many as the model has rows. */
function anchorsFor(
  rows: number,
  height: number,
  width: number,
  candidates: readonly AnchorConfig[],
): AnchorConfig {
  const counts = candidates.map((anchors) => anchorCount(height, width, anchors));
  const anchors = candidates[counts.indexOf(rows)];
  if (anchors) return anchors;
  throw unknown(
    `it has ${rows} priors for ${width}×${height}, the anchors known here ${counts.join(" or ")}: ` +
      "give those it was trained with as config.anchors (--anchors FILE).",
  );
}

/** The graph as a network of heads. */
class OnnxHeads implements LoadedNetwork {
  readonly headSpecs: readonly HeadSpec[];
  readonly #network: OnnxNetwork;
  readonly #roles: readonly Role[];
  readonly #anchors: AnchorConfig;
  readonly #sides: Sides;
  readonly #softmax: boolean;

  constructor(network: OnnxNetwork, roles: readonly Role[], anchors: AnchorConfig) {
    this.#network = network;
    this.#roles = roles;
    this.#anchors = anchors;
    this.#sides = sidesOf(network.model);
    this.headSpecs = roles.map(({ head }) => head);
    const { name } = classHead(this.headSpecs);
    const { output } = roles.find(({ head }) => head.name === name)!;
    this.#softmax = isSoftmax(network.model, output);
  }

  /** Images one by one: graphs are often made for one. @param image `[n, h, w, 3]`, B, G, R minus the mean */
  heads(image: Tensor): HeadOutput {
    const [batch, height, width] = image.shape;
    const each = Array.from({ length: batch }, (_, i) =>
      this.#one(batch === 1 ? image : narrow(image, 0, i, 1), height, width),
    );
    if (batch === 1) return each[0];
    const joined = this.headSpecs.map(({ name }): [string, Tensor[]] => [
      name,
      each[0][name].map((_, level) =>
        concat(
          each.map((output) => output[name][level]),
          0,
        ),
      ),
    ]);
    return Object.fromEntries(joined);
  }

  dispose(): void {
    this.#network.dispose();
  }

  #one(image: Tensor, height: number, width: number): HeadOutput {
    const full = this.#fullSize(height, width);
    const behind = [full.height - height, full.width - width].map((n): [number, number] => [0, n]);
    const padded = behind.some(([, n]) => n > 0) ? pad(image, behind, { axes: [1, 2] }) : image;
    const values = this.#network.evaluate([new DeviceValue(padded, true)]);
    const outputs = this.#roles.map(({ head, output }): [string, Tensor[]] => {
      const value = values.get(output)!;
      if (isHost(value)) throw unknown(`its output ${output} does not depend on the image.`);
      const rows = reshape(value.planar(), [1, -1, head.width]);
      const isClass = head.meaning === "class" && this.#softmax;
      const numbers = isClass ? log(maximum(rows, LEAST_PROBABILITY)) : rows;
      return [head.name, this.#levels(numbers, full, { height, width })];
    });
    return Object.fromEntries(outputs);
  }

  /** What the graph is given for an image: as large as it is made for, else whole cells of the coarsest level. */
  #fullSize(height: number, width: number): { height: number; width: number } {
    const coarsest = Math.max(...this.#anchors.steps);
    const whole = (side: number) => Math.ceil(side / coarsest) * coarsest;
    const full = {
      height: this.#sides.height ?? whole(height),
      width: this.#sides.width ?? whole(width),
    };
    if (height <= full.height && width <= full.width) return full;
    throw new OptionError(
      `the ONNX model takes images of at most ${full.width}×${full.height}, not ${width}×${height}: ` +
        `give maxSide ${Math.min(full.width, full.height)} (--max-side)`,
    );
  }

  /** Rows of all priors as maps of each level, without the cells that lie beyond the image. */
  #levels(rows: Tensor, full: { height: number; width: number }, size: typeof full): Tensor[] {
    const perCell = anchorsPerCellOf(this.#anchors);
    const numbers = rows.shape[2];
    let from = 0;
    return this.#anchors.steps.map((step, level) => {
      const cells = ({ height, width }: typeof full) =>
        [Math.ceil(height / step), Math.ceil(width / step)] as const;
      const [h, w] = cells(full);
      const count = h * w * perCell[level];
      const own = narrow(rows, 1, from, count);
      from += count;
      const map = reshape(own, [1, h, w, perCell[level] * numbers]);
      const [rowsSeen, columnsSeen] = cells(size);
      if (rowsSeen === h && columnsSeen === w) return map;
      return slice(map, [{}, { end: rowsSeen }, { end: columnsSeen }]);
    });
  }
}

function storedConfig({ metadata }: OnnxModel): Partial<DetectorConfig> {
  const text = metadata.get(CONFIG_KEY);
  if (text === undefined) return {};
  try {
    return parseDetectorConfig(JSON.parse(text));
  } catch (error) {
    throw unknown(
      `its metadata "${CONFIG_KEY}" are no configuration (${(error as Error).message}).`,
    );
  }
}

/**
 * An ONNX model as a detector's network. Anchors are those given, else those stored with it, else the published ones
 * of which there are as many as the model has priors.
 *
 * @param bytes of the file; the image that the graph takes is B, G, R minus the mean (104, 117, 123)
 * @throws OnnxError for what is no model; RetinaFaceError `CHECKPOINT_UNKNOWN` for one of another shape
 */
export async function openOnnxWeights(
  bytes: Uint8Array,
  overrides: Partial<DetectorConfig>,
): Promise<NetworkSource> {
  const model = readOnnx(bytes);
  const stored = storedConfig(model);
  const { height, width } = sidesOf(model);
  const probe = { height: height ?? PROBE_SIDE, width: width ?? PROBE_SIDE };
  const shapes = await outputShapes(model, probe.height, probe.width);
  const roles = rolesOf(shapes, overrides.heads ?? stored.heads);
  const [{ output }] = roles;
  const own = overrides.anchors ?? stored.anchors;
  const published = [DEFAULT_CONFIG, publishedConfig("slim")].map(({ anchors }) => anchors);
  const rows = shapes.get(output)!.at(-2)!;
  const anchors = anchorsFor(rows, probe.height, probe.width, own ? [own] : published);
  const heads = roles.map(({ head }) => head);
  const isFixed = height !== undefined && width !== undefined;
  return {
    config: { ...DEFAULT_CONFIG, ...stored, ...overrides, anchors, heads },
    network: { backbone: "onnx", anchorsPerCell: anchorsPerCellOf(anchors), heads },
    within: isFixed ? { height: probe.height, width: probe.width } : undefined,
    load: (device: Device) => new OnnxHeads(new OnnxNetwork(device, model), roles, anchors),
  };
}
