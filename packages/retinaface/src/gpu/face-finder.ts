import {
  candidateSort,
  candidates,
  FLAG_NAN_SCORE,
  FLAG_NOT_FINITE,
  greedyNms,
  HEADER_WORDS,
  keyMargin,
  nmsBoxWords,
  nmsCapacity,
  RECORD_WORDS,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Device, PlanOutput, PooledBuffer } from "@retinaface-webgpu/tensor/inference";
import { LANDMARK_COORDINATES } from "../decode/codec.js";
import { probabilityOf, thresholdKey } from "../decode/margin.js";
import { decodeRows, type Frame, toFace } from "../decode/postprocess.js";
import { lap, noTimings, type Timings } from "../detect/timings.js";
import { NumericError } from "../errors.js";
import type { Face, Thresholds } from "../types.js";
import { BufferSet, whole } from "./buffer-set.js";
import { type DetectionPipelines, detectionPipelines } from "./pipelines.js";
import { Stage } from "./stage.js";

/** One pyramid level's head outputs, NHWC. */
export interface HeadLevel {
  readonly conf: PlanOutput;
  readonly loc: PlanOutput;
  readonly landms: PlanOutput;
}

/** What a {@link FaceFinder} reads and how. */
export interface FaceFinderSpec {
  readonly batch: number;
  readonly levels: readonly HeadLevel[];
  /** `[N, 4]` of {@link priorBoxes}. */
  readonly priors: Float32Array;
  readonly variances: readonly [centre: number, size: number];
}

/** Buffers whose size depends on the thresholds. */
interface Results {
  /** Faces an image. */
  readonly capacity: number;
  readonly kept: PooledBuffer;
  readonly faces: PooledBuffer;
}

/** Box offsets of a record follow its key and prior. */
const LOC_AT = 2;
const LANDMS_AT = LOC_AT + 4;

/**
 * Post-processing on the GPU: candidates, sort, suppression; one read-back of the kept faces.
 *
 * The GPU decides which priors become faces and in which order. What it returns of them are the network's own numbers,
 * which are decoded here in double precision: faces equal {@link postprocess}'s to the last bit.
 */
export class FaceFinder {
  readonly #device: Device;
  readonly #spec: FaceFinderSpec;
  readonly #count: number;
  readonly #levels: readonly Stage[];
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
    this.#count = spec.priors.length / 4;
    this.#owned = owned;
    this.#buffers = allocateBuffers(owned, spec);
    this.#frames = new Float32Array(spec.batch * 2);
    this.#levels = spec.levels.map(() => new Stage(device, pipelines.candidates));
    this.#sort = new Stage(device, pipelines.candidateSort);
    this.#nms = new Stage(device, pipelines.greedyNms);
  }

  /** Compiles what is not compiled yet and allocates for the spec's sizes. @throws GpuOutOfMemoryError */
  static async create(device: Device, spec: FaceFinderSpec): Promise<FaceFinder> {
    const pipelines = await detectionPipelines(device);
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

  /** Records the dispatches: one a level and two more. */
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
    const words = HEADER_WORDS + capacity * RECORD_WORDS;
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
    const { batch, levels, variances } = this.#spec;
    const priors = this.#count;
    const { keys, records, lists, counts, frames, priors: boxes } = this.#buffers;
    // A face is only suppressed by a better one: those that will not be shown need not compete.
    const threshold = thresholdKey(confidenceThreshold, visThreshold);
    let firstPrior = 0;
    for (const [n, { conf, loc, landms }] of levels.entries()) {
      const cells = conf.shape[1] * conf.shape[2];
      const anchorsPerCell = conf.shape[3] / 2;
      const kernel = candidates({
        batch,
        cells,
        anchorsPerCell,
        conf,
        loc,
        landms,
        firstPrior,
        priors,
        threshold,
      });
      const heads = [conf, loc, landms].map(({ tensor }) => tensor.binding);
      this.#levels[n].set(kernel, [...heads, whole(keys), whole(records)]);
      firstPrior += cells * anchorsPerCell;
    }
    this.#sort.set(candidateSort({ batch, priors }), [whole(keys), whole(lists), whole(counts)]);
    const topK = Math.min(thresholds.topK, priors);
    const keepTopK = Math.min(thresholds.keepTopK, topK);
    const nms = { batch, priors, topK, keepTopK, nmsThreshold, variances };
    const { kept, faces } = this.#reserve(nmsCapacity(nms), nmsBoxWords(nms));
    const inputs = [lists, counts, records, boxes, frames].map(whole);
    this.#nms.set(greedyNms(nms), [...inputs, whole(kept), whole(faces)]);
  }

  #reserve(capacity: number, boxWords: number): Results {
    if (this.#results?.capacity !== capacity) {
      const { batch } = this.#spec;
      if (this.#results) this.#owned.free(this.#results.kept);
      if (this.#results) this.#owned.free(this.#results.faces);
      this.#results = {
        capacity,
        kept: this.#owned.allocate(boxWords, "kept boxes"),
        faces: this.#owned.allocate(batch * (HEADER_WORDS + capacity * RECORD_WORDS), "faces"),
      };
    }
    return this.#results;
  }

  #decode(bytes: ArrayBuffer, start: number, kept: number, frame: Frame): Face[] {
    const words = new Uint32Array(bytes, start, kept * RECORD_WORDS);
    const floats = new Float32Array(bytes, start, kept * RECORD_WORDS);
    const priors = new Float32Array(kept * 4);
    const loc = new Float32Array(kept * 4);
    const landms = new Float32Array(kept * LANDMARK_COORDINATES);
    for (let i = 0; i < kept; i++) {
      const at = i * RECORD_WORDS;
      const prior = words[at + 1] * 4;
      priors.set(this.#spec.priors.subarray(prior, prior + 4), i * 4);
      loc.set(floats.subarray(at + LOC_AT, at + LANDMS_AT), i * 4);
      landms.set(floats.subarray(at + LANDMS_AT, at + RECORD_WORDS), i * LANDMARK_COORDINATES);
    }
    const rows = decodeRows({ loc, landms, priors, variances: this.#spec.variances, frame });
    return Array.from({ length: kept }, (_, i) =>
      toFace(rows, i, probabilityOf(keyMargin(words[i * RECORD_WORDS]))),
    );
  }
}

function allocateBuffers(owned: BufferSet, { batch, priors }: FaceFinderSpec) {
  const slots = (batch * priors.length) / 4;
  return {
    keys: owned.allocate(slots, "candidate keys"),
    records: owned.allocate(slots * RECORD_WORDS, "candidate records"),
    lists: owned.allocate(slots * 4, "sorted candidates"),
    counts: owned.allocate(batch, "candidate counts"),
    frames: owned.allocate(batch * 2, "frames"),
    priors: owned.upload(priors, "priors"),
  };
}

function checkFlags(flags: number): void {
  if (flags & FLAG_NAN_SCORE) {
    throw new NumericError(
      "a score is not a finite number: check that the input image and the weights are, and are not too large",
    );
  }
  if (flags & FLAG_NOT_FINITE) throw new NumericError("a candidate's box is not finite");
}
