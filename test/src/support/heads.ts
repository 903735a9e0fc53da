import { type Device, type PlanOutput, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import {
  type AnchorConfig,
  anchorCount,
  type Face,
  type Frame,
  type HeadLevel,
  marginsOf,
  postprocess,
  priorBoxes,
  probabilityOf,
  type Thresholds,
  visible,
} from "retinaface-webgpu";

/** What a network might say about one image: `[N, 2]` logits, `[N, 4]` and `[N, 10]` offsets. */
export interface RawHeads {
  readonly conf: Float32Array;
  readonly loc: Float32Array;
  readonly landms: Float32Array;
}

/** The setting of synthetic outputs. */
export interface HeadSetting {
  readonly height: number;
  readonly width: number;
  readonly anchors: AnchorConfig;
  readonly variances: readonly [number, number];
}

/** No prior is a face. */
export function quietHeads({ height, width, anchors }: HeadSetting): RawHeads {
  const count = anchorCount(height, width, anchors);
  const conf = new Float32Array(count * 2);
  for (let i = 0; i < count; i++) conf[i * 2] = 12;
  return { conf, loc: new Float32Array(count * 4), landms: new Float32Array(count * 10) };
}

/** The faces of one image as the library finds them on the CPU, in double precision. */
export function cpuFaces(
  heads: RawHeads,
  setting: HeadSetting,
  frame: Frame,
  thresholds: Thresholds,
): Face[] {
  const margins = marginsOf(heads.conf);
  const faces = postprocess({
    ...heads,
    margins,
    scores: margins.map(probabilityOf),
    priors: priorBoxes(setting.height, setting.width, setting.anchors),
    variances: setting.variances,
    frame,
    thresholds,
  });
  return visible(faces, thresholds.visThreshold);
}

/** How the three heads of a level lie in memory. */
export type HeadLayout = "merged" | "separate";

const WIDTHS = { conf: 2, loc: 4, landms: 10 } as const;
const NAMES = ["conf", "loc", "landms"] as const;

/**
 * The outputs of a batch on the GPU, as a plan leaves them: each head in a tensor of its own, or the three side by
 * side in the channels of one, with two channels of something else before them.
 */
export function headLevels(
  device: Device,
  batch: readonly RawHeads[],
  { height, width, anchors }: HeadSetting,
  layout: HeadLayout,
): { levels: HeadLevel[]; tensors: Tensor[] } {
  const tensors: Tensor[] = [];
  let firstPrior = 0;
  const levels = anchors.steps.map((step, level): HeadLevel => {
    const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
    const perCell = anchors.minSizes[level].length * (anchors.ratios?.length ?? 1);
    const place = (names: readonly (keyof RawHeads)[], before: number) => {
      const stride = names.reduce((sum, name) => sum + perCell * WIDTHS[name], before);
      const shape = [batch.length, rows, columns, stride];
      const values = new Float32Array(shape.reduce((a, b) => a * b)).fill(Number.NaN);
      let offset = before;
      const places = names.map((name) => {
        const run = perCell * WIDTHS[name];
        for (let pixel = 0; pixel < values.length / stride; pixel++) {
          const image = Math.floor(pixel / (rows * columns));
          const from = firstPrior * WIDTHS[name] + (pixel - image * rows * columns) * run;
          values.set(batch[image][name].subarray(from, from + run), pixel * stride + offset);
        }
        offset += run;
        return { name, width: run, offset: offset - run };
      });
      const whole = tensor(device, values, shape);
      tensors.push(whole);
      return places.map(({ name, width, offset }): [string, PlanOutput] => [
        name,
        { tensor: whole, shape: [batch.length, rows, columns, width], stride, offset },
      ]);
    };
    const outputs =
      layout === "merged" ? place(NAMES, 2) : NAMES.flatMap((name) => place([name], 0));
    firstPrior += rows * columns * perCell;
    return Object.fromEntries(outputs) as unknown as HeadLevel;
  });
  return { levels, tensors };
}
