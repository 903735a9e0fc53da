import { type Face, linearAssignment, overlap } from "retinaface-webgpu";

/** A face of a frame and whose it is. */
export interface IdentifiedBox {
  /** Of the person, or of the track: compared within one list only. */
  readonly id: number | string;
  readonly box: Readonly<Face["box"]>;
}

/** How well faces were followed. */
export interface TrackingScore {
  /** 1 − (misses + false faces + switches) / faces: MOTA (Bernardin and Stiefelhagen 2008); may be negative. */
  readonly mota: number;
  /** F1 of faces that carry the one right identity over the whole sequence: IDF1 (Ristani et al. 2016). */
  readonly idf1: number;
  /** How often a person's track became another. */
  readonly switches: number;
  readonly misses: number;
  readonly falseFaces: number;
  /** Faces of all frames. */
  readonly faces: number;
}

/** Least IoU at which a box is a face's. */
const OVERLAP = 0.5;

/**
 * Holds tracks against the truth, frame by frame.
 *
 * @param truth the faces of each frame
 * @param tracks those that were found, of the same frames
 * @throws RangeError for other numbers of frames
 */
export function scoreTracks(
  truth: readonly (readonly IdentifiedBox[])[],
  tracks: readonly (readonly IdentifiedBox[])[],
): TrackingScore {
  if (truth.length !== tracks.length) {
    throw new RangeError(`${truth.length} frames of truth, but ${tracks.length} of tracks`);
  }
  const counts = { switches: 0, misses: 0, falseFaces: 0, faces: 0, found: 0 };
  const trackOf = new Map<IdentifiedBox["id"], IdentifiedBox["id"]>();
  for (const [n, faces] of truth.entries()) {
    const found = tracks[n];
    const pairs = pairFrame(faces, found, trackOf);
    for (const { face, track } of pairs) {
      const before = trackOf.get(face.id);
      if (before !== undefined && before !== track.id) counts.switches++;
      trackOf.set(face.id, track.id);
    }
    counts.misses += faces.length - pairs.length;
    counts.falseFaces += found.length - pairs.length;
    counts.faces += faces.length;
    counts.found += found.length;
  }
  const { switches, misses, falseFaces, faces, found } = counts;
  const identified = framesIdentified(truth, tracks);
  return {
    mota: 1 - (misses + falseFaces + switches) / faces,
    idf1: (2 * identified) / (faces + found),
    switches,
    misses,
    falseFaces,
    faces,
  };
}

/** Pairs of a frame: those of the frames before where they still fit, then the rest by the best sum of IoUs. */
function pairFrame(
  faces: readonly IdentifiedBox[],
  found: readonly IdentifiedBox[],
  trackOf: ReadonlyMap<IdentifiedBox["id"], IdentifiedBox["id"]>,
): { face: IdentifiedBox; track: IdentifiedBox }[] {
  const pairs: { face: IdentifiedBox; track: IdentifiedBox }[] = [];
  const free = new Set(found);
  const open: IdentifiedBox[] = [];
  for (const face of faces) {
    const own = trackOf.get(face.id);
    const track = found.find(
      (one) => one.id === own && free.has(one) && overlap(face.box, one.box) >= OVERLAP,
    );
    if (track === undefined) open.push(face);
    else {
      pairs.push({ face, track });
      free.delete(track);
    }
  }
  const rest = [...free];
  const cost = (i: number, j: number) => 1 - overlap(open[i].box, rest[j].box);
  for (const { row, column } of linearAssignment(open.length, rest.length, cost, 1 - OVERLAP)) {
    pairs.push({ face: open[row], track: rest[column] });
  }
  return pairs;
}

/** Faces whose box is that of the track which was given to their person, each person one track, for the best. */
function framesIdentified(
  truth: readonly (readonly IdentifiedBox[])[],
  tracks: readonly (readonly IdentifiedBox[])[],
): number {
  const people = [...new Set(truth.flat().map(({ id }) => id))];
  const ids = [...new Set(tracks.flat().map(({ id }) => id))];
  const together = people.map(() => new Float64Array(ids.length));
  for (const [n, faces] of truth.entries()) {
    for (const face of faces) {
      for (const track of tracks[n]) {
        if (overlap(face.box, track.box) < OVERLAP) continue;
        together[people.indexOf(face.id)][ids.indexOf(track.id)]++;
      }
    }
  }
  const pairs = linearAssignment(people.length, ids.length, (i, j) => -together[i][j], 0);
  return pairs.reduce((sum, { row, column }) => sum + together[row][column], 0);
}
