/**
 * Targets that are found on the device, of what a network says in the same step: labels and boxes of the faces go there as
 * tables, and priors take the rows of the faces that they turn out to be.
 */
import { FACE_ROW } from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  concat,
  type Device,
  div,
  exp,
  gather,
  log,
  maximum,
  mul,
  mulScalar,
  narrow,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from "@retinaface-webgpu/tensor";
import { BOX_NUMBERS, type HeadSpec, POINT_NUMBERS, regressionHeads } from "retinaface-webgpu";
import type { MatchOptions } from "./assign.js";
import { labelsOf, type MatchFaces } from "./match.js";
import { type HeadTensors, isFaceOf, type TargetTensors } from "./multibox.js";
import { boxOf, isSound } from "./overlaps.js";

/** Room for faces: of few sizes, so that few steps have to be compiled. */
const FEWEST_FACES = 8;

/** Names among the targets: of a face's labels for a head, and whether it has them. */
export const tableOf = ({ name }: HeadSpec) => `table ${name}`;
const knownOf = ({ name }: HeadSpec) => `known ${name}`;

/** Faces of a batch as rows for the kernels that match on a device, and what each head is to say of them, `[B · F, width]`. */
export function uploadFaces(
  device: Device,
  batch: readonly MatchFaces[],
  heads: readonly HeadSpec[],
): Record<string, Tensor> {
  const most = Math.max(...batch.map(({ boxes }) => boxes.length / BOX_NUMBERS));
  const room = Math.max(FEWEST_FACES, 2 ** Math.ceil(Math.log2(Math.max(1, most))));
  const rows = new Float32Array(batch.length * room * FACE_ROW);
  for (const [image, { boxes, ignored, classes }] of batch.entries()) {
    for (let f = 0; f < boxes.length / BOX_NUMBERS; f++) {
      const box = boxOf(boxes, f);
      if (!isSound(box)) continue;
      const kind = ignored?.[f] ? -1 : (classes?.[f] ?? 1);
      rows.set([...box, kind], (image * room + f) * FACE_ROW);
    }
  }
  const tables = heads.flatMap((head): [string, Tensor][] => {
    const { values, known } = tableRows(batch, head, room);
    return [
      [tableOf(head), tensor(device, values, [batch.length * room, head.width])],
      [knownOf(head), tensor(device, known, [batch.length * room, 1])],
    ];
  });
  const faces = tensor(device, rows, [batch.length, room, FACE_ROW]);
  return { faces, ...Object.fromEntries(tables) };
}

/** A row a face, 0 where it has no label of the head. */
function tableRows(batch: readonly MatchFaces[], head: HeadSpec, room: number) {
  const { width } = head;
  const values = new Float32Array(batch.length * room * width);
  const known = new Float32Array(batch.length * room);
  for (const [image, faces] of batch.entries()) {
    const labels = labelsOf(faces, head) ?? new Float32Array(0);
    for (let f = 0; f < labels.length / width; f++) {
      const row = labels.subarray(f * width, (f + 1) * width);
      if (!row.every(Number.isFinite)) continue;
      values.set(row, (image * room + f) * width);
      known[image * room + f] = 1;
    }
  }
  return { values, known };
}

/** Boxes `[B, N, 2]` each, B perhaps 1: what a head is relative to. */
export interface Boxes {
  readonly centre: Tensor;
  readonly sides: Tensor;
}

/** What a head is to say of labels `[B, N, width]` at boxes, in units of the variances. */
export function encode(
  { meaning, width }: HeadSpec,
  labels: Tensor,
  { centre, sides }: Boxes,
  [v0, v1]: MatchOptions["variances"],
): Tensor {
  const [batch, count] = labels.shape;
  if (meaning === "values") return labels;
  if (meaning === "points") {
    const points = reshape(labels, [batch, count, width / POINT_NUMBERS, POINT_NUMBERS]);
    const each = (t: Tensor) => reshape(t, [-1, count, 1, POINT_NUMBERS]);
    const moved = div(sub(points, each(centre)), each(mulScalar(sides, v0)));
    return reshape(moved, labels.shape);
  }
  const low = narrow(labels, 2, 0, POINT_NUMBERS);
  const high = narrow(labels, 2, POINT_NUMBERS, POINT_NUMBERS);
  const moved = div(sub(mulScalar(add(low, high), 0.5), centre), mulScalar(sides, v0));
  return concat([moved, mulScalar(log(div(sub(high, low), sides)), 1 / v1)], 2);
}

/** The boxes that a box head says, and the priors themselves, of priors `[1, N, 4]`. */
export function regressed(said: Tensor, priors: Tensor, [v0, v1]: MatchOptions["variances"]) {
  const half = (t: Tensor, from: number) => narrow(t, 2, from, POINT_NUMBERS);
  const [centre, sides] = [half(priors, 0), half(priors, POINT_NUMBERS)];
  const boxes: Boxes = {
    centre: add(centre, mul(mulScalar(half(said, 0), v0), sides)),
    sides: mul(exp(mulScalar(half(said, POINT_NUMBERS), v1)), sides),
  };
  return { boxes, priors: { centre, sides } };
}

/** Corners `[B, N, 4]`. */
export function cornersOfBoxes({ centre, sides }: Boxes): Tensor {
  const reach = mulScalar(sides, 0.5);
  return concat([sub(centre, reach), add(centre, reach)], 2);
}

/** Which face each prior is: labels as in {@link TargetTensors}, and its row in the tables, both i32 `[B, N]`. */
export interface Matched {
  readonly labels: Tensor;
  readonly rows: Tensor;
}

/** What heads are to say, relative to boxes, of the faces in the tables of {@link uploadFaces}. */
export function wantedOf(
  matched: Matched,
  boxes: Boxes,
  heads: readonly HeadSpec[],
  tables: Readonly<Record<string, Tensor>>,
  variances: MatchOptions["variances"],
): TargetTensors {
  const { labels, rows } = matched;
  const isFace = isFaceOf(matched);
  const wanted = regressionHeads(heads).map((head): [string, HeadTensors] => {
    const has = mul(isFace, gather(tables[knownOf(head)], rows));
    const encoded = encode(head, gather(tables[tableOf(head)], rows), boxes, variances);
    const values = where(has, encoded, 0);
    return [head.name, { values, weights: div(has, maximum(sum(has), 1)) }];
  });
  return { labels, heads: Object.fromEntries(wanted), positives: maximum(sum(isFace), 1) };
}
