import {
  BOX_NUMBERS,
  CODECS,
  classHead,
  type HeadSpec,
  OptionError,
  RETINAFACE_HEADS,
  regressionHeads,
} from "retinaface-webgpu";
import { assign, MATCH_PRESETS, type MatchOptions } from "./assign.js";
import { boxOf, cornersOf, eachOverlap, isSound } from "./overlaps.js";

/** The faces of one training image, as fractions of the network input's width and height. */
export interface MatchFaces {
  /** `[n, 4]`: x1, y1, x2, y2. */
  readonly boxes: Float32Array;
  /** `[n, 10]`; a face with a NaN among its landmarks trains none. */
  readonly landmarks: Float32Array;
  /** `[n]`: 1 for faces that train neither as face nor as background. */
  readonly ignored?: Uint8Array;
  /** `[n]`: class of each face, from 1, for networks that tell several; default 1. */
  readonly classes?: Uint8Array;
  /** `[n, width]` for each further head, by its loss's name; a row with a NaN trains nothing of it. */
  readonly values?: Readonly<Record<string, Float32Array>>;
}

/** What a head shall say of a batch of B images over N priors. */
export interface HeadTargets {
  /** `[B, N, width]`: encoded where `mask` is 1, 0 elsewhere. */
  readonly values: Float32Array;
  /** `[B, N]`: 1 where a prior's face has this label. */
  readonly mask: Int32Array;
}

/** Training targets of a batch of B images over N priors, rows of an image after each other. */
export interface Targets {
  /** `[B, N]`: class of a prior's face, 0 background, −1 ignored. */
  readonly labels: Int32Array;
  /** Of each head but the class's, by its name. */
  readonly heads: Readonly<Record<string, HeadTargets>>;
  /** Priors that are faces', over the batch. */
  readonly positives: number;
  /** Faces left out because their box has no area or is not finite. */
  readonly dropped: number;
  /** @deprecated `heads.loc.values` */
  readonly locTargets: Float32Array;
  /** @deprecated `heads.landms.values` */
  readonly landmTargets: Float32Array;
  /** @deprecated `heads.landms.mask` */
  readonly landmMask: Int32Array;
}

/** An ignored face also excuses the background priors that lie in it by at least this share. */
export const IGNORED_COVER = 0.5;

/** Gives background priors in ignored faces the label −1. */
export function excuseIgnored(corners: Float64Array, faces: MatchFaces, labels: Int32Array): void {
  for (let f = 0; f < faces.boxes.length / BOX_NUMBERS; f++) {
    const box = boxOf(faces.boxes, f);
    if (!faces.ignored?.[f] || !isSound(box)) continue;
    eachOverlap(corners, box, (p, intersection, area) => {
      if (labels[p] === 0 && intersection >= IGNORED_COVER * area) labels[p] = -1;
    });
  }
}

/** Rows of `width` values out of an array, in the order given. */
export function pickRows(
  values: Float32Array,
  width: number,
  rows: readonly number[],
): Float32Array {
  const out = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    out.set(values.subarray(row * width, (row + 1) * width), i * width);
  }
  return out;
}

function scatter(
  values: Float32Array,
  width: number,
  rows: readonly number[],
  to: Float32Array,
): void {
  for (const [i, row] of rows.entries()) {
    to.set(values.subarray(i * width, (i + 1) * width), row * width);
  }
}

/** Labels of a head's loss, `[n, width]`, where the faces have them. */
export function labelsOf(faces: MatchFaces, { loss }: HeadSpec): Float32Array | undefined {
  return loss === "boxes" || loss === "landmarks" ? faces[loss] : faces.values?.[loss];
}

/** What `head` shall say at the priors that are faces'. */
function encodeHead(
  head: HeadSpec,
  faces: MatchFaces,
  claims: readonly { readonly prior: number; readonly face: number }[],
  priors: Float32Array,
  variances: MatchOptions["variances"],
  out: HeadTargets,
): void {
  const given = labelsOf(faces, head);
  if (!given) return;
  const { width, meaning } = head;
  const known = claims.filter(({ face }) =>
    given.subarray(face * width, (face + 1) * width).every(Number.isFinite),
  );
  const rows = known.map(({ prior }) => prior);
  const values = pickRows(
    given,
    width,
    known.map(({ face }) => face),
  );
  const { encode } = CODECS[meaning as keyof typeof CODECS];
  const encoded = encode(values, pickRows(priors, BOX_NUMBERS, rows), variances, width);
  scatter(encoded, width, rows, out.values);
  for (const prior of rows) out.mask[prior] = 1;
}

interface ImageTargets {
  readonly labels: Int32Array;
  readonly heads: Readonly<Record<string, HeadTargets>>;
}

function matchImage(
  faces: MatchFaces,
  priors: Float32Array,
  corners: Float64Array,
  options: MatchOptions,
  heads: readonly HeadSpec[],
  out: ImageTargets,
): { positives: number; dropped: number } {
  const { boxes, classes } = faces;
  const all = Array.from({ length: boxes.length / BOX_NUMBERS }, (_, f) => f);
  const sound = all.filter((f) => isSound(boxOf(boxes, f)));
  const training = sound.filter((f) => !faces.ignored?.[f]);
  const { face, overlap } = assign(priors, corners, boxes, training, options);
  const claims: { prior: number; face: number }[] = [];
  for (let p = 0; p < face.length; p++) {
    if (overlap[p] < options.negative) out.labels[p] = 0;
    else if (overlap[p] < options.positive) out.labels[p] = -1;
    else {
      out.labels[p] = classes?.[face[p]] ?? 1;
      claims.push({ prior: p, face: face[p] });
    }
  }
  excuseIgnored(corners, faces, out.labels);
  for (const head of heads) {
    encodeHead(head, faces, claims, priors, options.variances, out.heads[head.name]);
  }
  return { positives: claims.length, dropped: all.length - sound.length };
}

function checkFaces(faces: MatchFaces, image: number, table: readonly HeadSpec[]): void {
  const count = faces.boxes.length / BOX_NUMBERS;
  const heads = regressionHeads(table);
  const wrong = heads.find((head) => {
    const labels = labelsOf(faces, head);
    return labels && labels.length !== count * head.width;
  });
  if (!Number.isInteger(count) || wrong) {
    const shapes = heads.map(({ loss, width }) => `${loss} [n, ${width}]`);
    const lengths = heads.map((head) => labelsOf(faces, head)?.length ?? 0);
    throw new OptionError(
      `image ${image} needs ${shapes.join(" and ")}, got ${lengths.join(" and ")} values: give a row a face`,
    );
  }
  const most = classHead(table).width - 1;
  const alien = faces.classes?.find((label) => label < 1 || label > most);
  if (alien !== undefined || (faces.classes && faces.classes.length !== count)) {
    throw new OptionError(
      `image ${image} needs a class from 1 to ${most} for each of its ${count} faces, got ` +
        `${alien ?? `${faces.classes?.length} classes`}: the network's class head has ${most + 1} logits`,
    );
  }
}

/** @throws OptionError for faces whose labels do not fit the heads */
export function checkBatch(batch: readonly MatchFaces[], table: readonly HeadSpec[]): void {
  for (const [i, faces] of batch.entries()) checkFaces(faces, i, table);
}

/** Where an image's part of a batch's targets lies. */
function viewOf(targets: ImageTargets, heads: readonly HeadSpec[], image: number, priors: number) {
  const part = <A extends Float32Array | Int32Array>(values: A, width = 1) =>
    values.subarray(image * priors * width, (image + 1) * priors * width) as A;
  const views = heads.map(({ name, width }): [string, HeadTargets] => {
    const { values, mask } = targets.heads[name];
    return [name, { values: part(values, width), mask: part(mask) }];
  });
  return { labels: part(targets.labels), heads: Object.fromEntries(views) };
}

/**
 * Matches the faces of a batch of images with priors and encodes what the network shall say.
 *
 * @param batch the faces of B images
 * @param priors `[N, 4]`: cx, cy, w, h in the same units as the faces
 * @param heads of the network
 * @throws {OptionError} if shapes do not fit or `negative` is above `positive`.
 */
export function matchPriors(
  batch: readonly MatchFaces[],
  priors: Float32Array,
  options: MatchOptions = MATCH_PRESETS.pytorch,
  table: readonly HeadSpec[] = RETINAFACE_HEADS,
): Targets {
  const { positive, negative } = options;
  if (!(negative <= positive && negative > 0)) {
    throw new OptionError(
      `IoU thresholds need 0 < negative (${negative}) ≤ positive (${positive}): swap or raise them`,
    );
  }
  const count = priors.length / BOX_NUMBERS;
  const total = batch.length * count;
  const heads = regressionHeads(table);
  const made = heads.map(({ name, width }): [string, HeadTargets] => [
    name,
    { values: new Float32Array(total * width), mask: new Int32Array(total) },
  ]);
  const targets = { labels: new Int32Array(total), heads: Object.fromEntries(made) };
  const corners = cornersOf(priors);
  checkBatch(batch, table);
  let positives = 0;
  let dropped = 0;
  for (const [i, faces] of batch.entries()) {
    const view = viewOf(targets, heads, i, count);
    const counted = matchImage(faces, priors, corners, options, heads, view);
    positives += counted.positives;
    dropped += counted.dropped;
  }
  return { ...targets, positives, dropped, ...publishedNames(targets.heads) };
}

/** The published heads' targets under the names that they had before there was a table. */
function publishedNames({ loc, landms }: ImageTargets["heads"]) {
  return {
    locTargets: loc?.values ?? new Float32Array(0),
    landmTargets: landms?.values ?? new Float32Array(0),
    landmMask: landms?.mask ?? new Int32Array(0),
  };
}
