import {
  allCandidates,
  candidateSort,
  candidates,
  FLAG_NAN_SCORE,
  FLAG_NOT_FINITE,
  greedyNms,
  HEADER_WORDS,
  keyMargin,
  MOST_CANDIDATE_LEVELS,
  nmsBoxWords,
  nmsCapacity,
  type RecordLayout,
  type RecordSpec,
  recordLayout,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Device, PlanOutput, PooledBuffer } from "@retinaface-webgpu/tensor/inference";
import { toFace } from "../decode/face.js";
import { probabilityOf, thresholdKey } from "../decode/margin.js";
import { decodeRows, type Frame } from "../decode/rows.js";
import { lap, noTimings, type Timings } from "../detect/timings.js";
import { NumericError, OptionError } from "../errors.js";
import { BOX_NUMBERS, classHead, RETINAFACE_HEADS } from "../model/heads.js";
import type { Face, HeadSpec, Thresholds } from "../types.js";
import { BufferSet, whole } from "./buffer-set.js";
import { type DetectionPipelines, detectionPipelines } from "./pipelines.js";
import { recordSpec } from "./record.js";
import { Stage } from "./stage.js";

/** One pyramid level's head outputs, NHWC, by the heads' names. */
export type HeadLevel = Readonly<Record<string, PlanOutput>>;

/** What a {@link FaceFinder} reads and how. */
export interface FaceFinderSpec {
  readonly batch: number;
  readonly levels: readonly HeadLevel[];
  /** `[N, 4]` of {@link priorBoxes}. */
  readonly priors: Float32Array;
  readonly variances: readonly [centre: number, size: number];
  /** Default {@link RETINAFACE_HEADS}. */
  readonly heads?: readonly HeadSpec[];
}

/** A prior's places in the lists of the sort: key and prior, in two halves. */
const LIST_WORDS = 4;
/** A frame's width and height. */
const FRAME_WORDS = 2;

/** Buffers whose size depends on the thresholds. */
interface Results {
  /** Faces an image. */
  readonly capacity: number;
  readonly kept: PooledBuffer;
  readonly faces: PooledBuffer;
}

/**
 * Post-processing on the GPU: candidates, sort, suppression; one read-back of the kept faces.
 *
 * The GPU decides which priors become faces and in which order. What it returns of them are the network's own numbers,
 * which are decoded here in double precision: faces equal {@link postprocess}'s to the last bit.
 */
export class FaceFinder {
  readonly #device: Device;
  readonly #spec: FaceFinderSpec;
  readonly #heads: readonly HeadSpec[];
  readonly #record: RecordSpec;
  readonly #layout: RecordLayout;
  readonly #count: number;
  /** Of each level, or of all together. */
  readonly #levels: readonly Stage[];
  readonly #together: boolean;
  readonly #sort: Stage;
  readonly #nms: Stage;
  readonly #owned: BufferSet;
  readonly #buffers: ReturnType<typeof allocateBuffers>;
  readonly #frames: Float32Array;
  #results: Results | undefined;
  #settings = "";

  private constructor(
    device: Device,
    pipelines: DetectionPipelines,
    spec: FaceFinderSpec,
    owned: BufferSet,
  ) {
    this.#device = device;
    this.#spec = spec;
    this.#heads = spec.heads ?? RETINAFACE_HEADS;
    this.#record = recordSpec(this.#heads);
    this.#layout = recordLayout(this.#record);
    this.#count = spec.priors.length / BOX_NUMBERS;
    checkLevels(spec, this.#record.classes, this.#count);
    this.#owned = owned;
    this.#buffers = allocateBuffers(owned, spec, this.#layout.words);
    this.#frames = new Float32Array(spec.batch * FRAME_WORDS);
    this.#together = liveTogether(spec.levels);
    const stages = this.#together ? [spec.levels] : spec.levels;
    this.#levels = stages.map(() => new Stage(device, pipelines.candidates));
    this.#sort = new Stage(device, pipelines.candidateSort);
    this.#nms = new Stage(device, pipelines.greedyNms);
  }

  /** Compiles what is not compiled yet and allocates for the spec's sizes. @throws GpuOutOfMemoryError */
  static async create(device: Device, spec: FaceFinderSpec): Promise<FaceFinder> {
    const { heads, levels } = spec;
    const together = liveTogether(levels) ? levels.length : undefined;
    const pipelines = await detectionPipelines(device, heads, together);
    const owned = new BufferSet(device);
    try {
      return new FaceFinder(device, pipelines, spec, owned);
    } catch (error) {
      owned.dispose();
      throw error;
    }
  }

  /** Says how the next runs decide. It writes to the queue: call it before anything is recorded. */
  configure(thresholds: Thresholds, frames: readonly Frame[]): void {
    const extents = frames.flatMap(({ width, height, scaleX, scaleY }) => [
      width / scaleX,
      height / scaleY,
    ]);
    if (extents.some((extent, i) => Math.fround(extent) !== this.#frames[i])) {
      this.#frames.set(extents);
      this.#device.write(this.#buffers.frames, this.#frames);
    }
    const settings = Object.values(thresholds).join();
    if (settings !== this.#settings) this.#setStages(thresholds);
    this.#settings = settings;
  }

  /** Records the dispatches: one for all levels or one a level, and two more. */
  record(): void {
    for (const stage of this.#levels) stage.record();
    this.#sort.record();
    this.#nms.record();
  }

  /**
   * Submits what is recorded and reads the faces of each image, best first.
   *
   * @param timings gets `upload` since `started`, `gpu` and `faces`
   * @throws NumericError when a score or a face is not finite.
   */
  async read(
    frames: readonly Frame[],
    timings: Timings = noTimings(),
    started = performance.now(),
  ): Promise<Face[][]> {
    const { capacity, faces } = this.#results!;
    const words = HEADER_WORDS + capacity * this.#layout.words;
    const reading = this.#device.read(faces.buffer, frames.length * words * 4);
    const submitted = lap(timings, "upload", started);
    const bytes = await reading;
    const ready = lap(timings, "gpu", submitted);
    const found = frames.map((frame, image) => {
      const [kept, flags] = new Uint32Array(bytes, image * words * 4, HEADER_WORDS);
      checkFlags(flags);
      const start = (image * words + HEADER_WORDS) * 4;
      return this.#decode(bytes, start, kept, frame);
    });
    lap(timings, "faces", ready);
    return found;
  }

  dispose(): void {
    for (const stage of [...this.#levels, this.#sort, this.#nms]) stage.dispose();
    this.#owned.dispose();
  }

  #setStages(thresholds: Thresholds): void {
    const { confidenceThreshold, visThreshold, nmsThreshold } = thresholds;
    const { batch, variances } = this.#spec;
    const priors = this.#count;
    const record = this.#record;
    const { keys, records, lists, counts, frames, priors: boxes } = this.#buffers;
    // A face is only suppressed by a better one: those that will not be shown need not compete.
    const threshold = thresholdKey(confidenceThreshold, visThreshold);
    this.#setCandidates(threshold);
    this.#sort.set(candidateSort({ batch, priors }), [whole(keys), whole(lists), whole(counts)]);
    const topK = Math.min(thresholds.topK, priors);
    const keepTopK = Math.min(thresholds.keepTopK, topK);
    const nms = { batch, record, priors, topK, keepTopK, nmsThreshold, variances };
    const { kept, faces } = this.#reserve(nmsCapacity(nms), nmsBoxWords(nms));
    const inputs = [lists, counts, records, boxes, frames].map(whole);
    this.#nms.set(greedyNms(nms), [...inputs, whole(kept), whole(faces)]);
  }

  #setCandidates(threshold: number): void {
    const { batch, levels } = this.#spec;
    const record = this.#record;
    const { keys, records } = this.#buffers;
    const logitsName = classHead(this.#heads).name;
    const all = levels.map((level) => {
      const { [logitsName]: logits } = level;
      const cells = logits.shape[1] * logits.shape[2];
      const heads = this.#layout.heads.map(({ name }) => level[name]);
      return { logits, heads, cells, anchorsPerCell: logits.shape[3] / record.classes };
    });
    const shared = { batch, record, priors: this.#count, threshold };
    const results = [whole(keys), whole(records)];
    if (this.#together) {
      const kernel = allCandidates({ ...all[0], ...shared, cells: all.map(({ cells }) => cells) });
      const inputs = all.map(({ logits }) => logits.tensor.binding);
      this.#levels[0].set(kernel, [...inputs, ...results]);
      return;
    }
    let firstPrior = 0;
    for (const [n, level] of all.entries()) {
      const inputs = [level.logits, ...level.heads].map(({ tensor }) => tensor.binding);
      this.#levels[n].set(candidates({ ...level, ...shared, firstPrior }), [...inputs, ...results]);
      firstPrior += level.cells * level.anchorsPerCell;
    }
  }

  #reserve(capacity: number, boxWords: number): Results {
    if (this.#results?.capacity !== capacity) {
      const { batch } = this.#spec;
      if (this.#results) this.#owned.free(this.#results.kept);
      if (this.#results) this.#owned.free(this.#results.faces);
      this.#results = {
        capacity,
        kept: this.#owned.allocate(boxWords, "kept boxes"),
        faces: this.#owned.allocate(
          batch * (HEADER_WORDS + capacity * this.#layout.words),
          "faces",
        ),
      };
    }
    return this.#results;
  }

  #decode(bytes: ArrayBuffer, start: number, kept: number, frame: Frame): Face[] {
    const { words: length, prior, key, label, heads } = this.#layout;
    const words = new Uint32Array(bytes, start, kept * length);
    const floats = new Float32Array(bytes, start, kept * length);
    const priors = new Float32Array(kept * BOX_NUMBERS);
    const outputs = Object.fromEntries(
      heads.map(({ name, width }) => [name, new Float32Array(kept * width)]),
    );
    for (let i = 0; i < kept; i++) {
      const record = i * length;
      const from = words[record + prior] * BOX_NUMBERS;
      priors.set(this.#spec.priors.subarray(from, from + BOX_NUMBERS), i * BOX_NUMBERS);
      for (const { name, width, at } of heads) {
        outputs[name].set(floats.subarray(record + at, record + at + width), i * width);
      }
    }
    const { variances } = this.#spec;
    const rows = decodeRows(this.#heads, outputs, { priors, variances, frame });
    return Array.from({ length: kept }, (_, i) => {
      const record = i * length;
      const score = probabilityOf(keyMargin(words[record + key]));
      const known = label === undefined ? undefined : words[record + label];
      return toFace(this.#heads, rows, i, score, known);
    });
  }
}

/**
 * Whether one dispatch can find the candidates of all levels: a level's heads lie in one buffer, which is laid out like the
 * other levels'.
 */
function liveTogether(levels: readonly HeadLevel[]): boolean {
  if (levels.length === 1 || levels.length > MOST_CANDIDATE_LEVELS) return false;
  const layouts = levels.map((level) =>
    Object.entries(level)
      .map(([name, { shape, stride, offset }]) => [name, shape[3], stride, offset].join())
      .join("|"),
  );
  const isOneBuffer = (level: HeadLevel) => {
    const bindings = Object.values(level).map(({ tensor }) => tensor.binding);
    const [{ buffer, offset = 0 }] = bindings;
    return bindings.every((other) => other.buffer === buffer && (other.offset ?? 0) === offset);
  };
  return new Set(layouts).size === 1 && levels.every(isOneBuffer);
}

/** @throws OptionError where a backbone's maps are not as large as its strides say */
function checkLevels(
  { levels, heads = RETINAFACE_HEADS }: FaceFinderSpec,
  classes: number,
  priors: number,
): void {
  const { name } = classHead(heads);
  const found = levels.reduce((sum, { [name]: { shape } }) => {
    const [, rows, columns, channels] = shape;
    return sum + (rows * columns * channels) / classes;
  }, 0);
  if (found === priors) return;
  throw new OptionError(
    `the network's maps hold ${found} priors, its anchors are ${priors}: a stage's map must have ceil(side / stride) ` +
      "cells a side, so correct the backbone's strides or padding",
  );
}

function allocateBuffers(owned: BufferSet, { batch, priors }: FaceFinderSpec, words: number) {
  const slots = (batch * priors.length) / BOX_NUMBERS;
  return {
    keys: owned.allocate(slots, "candidate keys"),
    records: owned.allocate(slots * words, "candidate records"),
    lists: owned.allocate(slots * LIST_WORDS, "sorted candidates"),
    counts: owned.allocate(batch, "candidate counts"),
    frames: owned.allocate(batch * FRAME_WORDS, "frames"),
    priors: owned.upload(priors, "priors"),
  };
}

function checkFlags(flags: number): void {
  if (flags & FLAG_NAN_SCORE) {
    throw new NumericError(
      "a score is not a finite number: check that the input image and the weights are, and are not too large",
    );
  }
  if (flags & FLAG_NOT_FINITE)
    throw new NumericError(
      "a candidate's box is not finite: check that the input image and the weights are finite numbers",
    );
}
