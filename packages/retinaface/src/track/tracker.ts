import { OptionError } from "../errors.js";
import type { Face } from "../types.js";
import { linearAssignment } from "./assignment.js";
import type { OneEuroOptions } from "./one-euro.js";
import { overlap } from "./overlap.js";
import { Track, type TrackedFace } from "./track.js";

/** How faces are followed. */
export interface TrackOptions {
  /** Faces of at least this score are matched first; default 0.5. */
  readonly highThreshold?: number | undefined;
  /** Fainter ones, down to this, only go on with a face that was there a moment ago; default 0.1. */
  readonly lowThreshold?: number | undefined;
  /** A face that none was there before needs this score; default 0.6. */
  readonly newThreshold?: number | undefined;
  /** Least IoU times score of a face and of where it was expected; default 0.2. */
  readonly matchThreshold?: number | undefined;
  /** How long a face may be hidden before it has left; seconds, default 1. */
  readonly keepSeconds?: number | undefined;
  /** Steadies boxes and landmarks, `false`: leaves them as found. Frequencies in Hertz, lengths in face heights. */
  readonly smooth?: Partial<OneEuroOptions> | false | undefined;
}

/** What a tracker tells of a moment. */
export interface TrackUpdate {
  /** The faces that are there, best first. */
  readonly faces: TrackedFace[];
  /** Those of them that have come. */
  readonly entered: TrackedFace[];
  /** Those that are gone, as they were last seen. */
  readonly left: TrackedFace[];
}

/** As published; `matchThreshold`, of costs, there as 0.8 and 0.7. */
const DEFAULTS = {
  highThreshold: 0.5,
  lowThreshold: 0.1,
  newThreshold: 0.6,
  matchThreshold: 0.2,
  keepSeconds: 1,
};
/** Least IoU with a faint face; least IoU times score of the second sight of a new one. */
const FAINT_OVERLAP = 0.5;
const SECOND_OVERLAP = 0.3;
/** Two of a larger IoU are the same face: the older one stays. */
const SAME_OVERLAP = 0.85;

/** Of lengths in face heights: found on generated tracks as the least error with the least trembling. */
const SMOOTHING: OneEuroOptions = { minCutoff: 2, beta: 6 };

/**
 * Gives faces identities over time: ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every
 * Detection Box", 2022). Faces are matched by IoU with where a constant motion would have brought them, the sure ones
 * first; then faces left over with faint ones, which are mostly faces half hidden or blurred. A new face is reported at
 * its second sight, those of the first update at once.
 *
 *     const tracker = new FaceTracker();
 *     const { faces, entered, left } = tracker.update(await detector.detect(frame, { visThreshold: 0.1 }), seconds);
 *
 * The detector has to report faint faces: load it, or call it, with a `visThreshold` of `lowThreshold`.
 */
export class FaceTracker {
  readonly #options: Required<Omit<TrackOptions, "smooth">>;
  readonly #smoothing: OneEuroOptions | undefined;
  #tracks: Track[] = [];
  #time: number | undefined;
  #next = 1;

  /** @throws OptionError for options out of range */
  constructor(options: TrackOptions = {}) {
    const { smooth, ...given } = options;
    checkSmoothing(smooth);
    this.#options = { ...DEFAULTS, ...defined(given) };
    this.#smoothing = smooth === false ? undefined : { ...SMOOTHING, ...defined(smooth) };
    checkOptions(options, this.#options);
  }

  /** The least score of a face that matters. */
  get lowThreshold(): number {
    return this.#options.lowThreshold;
  }

  /**
   * Takes in the faces of a moment.
   *
   * @param seconds when the frame was taken, from any start; not before the last call's
   * @throws OptionError for a time that is before the last, and for boxes and scores that are not finite: nothing changes then
   */
  update(faces: readonly Face[], seconds: number): TrackUpdate {
    checkFaces(faces);
    const first = this.#time === undefined;
    this.#advance(seconds);
    const { highThreshold, lowThreshold, newThreshold, matchThreshold } = this.#options;
    const sure = faces.filter(({ score }) => score >= highThreshold);
    const faint = faces.filter(({ score }) => score >= lowThreshold && score < highThreshold);
    const known = this.#tracks.filter(({ state }) => state !== "new");
    const rest = match(known, sure, seconds, 1 - matchThreshold, scoredOverlap);
    const visible = rest.tracks.filter(({ state }) => state === "seen");
    match(visible, faint, seconds, 1 - FAINT_OVERLAP, overlapOf);
    const fresh = this.#tracks.filter(({ state }) => state === "new");
    const others = match(fresh, rest.faces, seconds, 1 - SECOND_OVERLAP, scoredOverlap);
    for (const track of this.#tracks) track.miss();
    for (const face of others.faces) {
      if (face.score < newThreshold) continue;
      const track = new Track(face, seconds, this.#smoothing);
      if (first) track.confirm();
      this.#tracks.push(track);
    }
    const left = this.#leave(seconds);
    return { ...this.#enter(), left };
  }

  /**
   * Where the faces are believed to be at a moment after the last update, without looking. Changes nothing.
   *
   * @throws OptionError for a time before the last update's
   */
  predict(seconds: number): TrackedFace[] {
    const elapsed = seconds - (this.#time ?? seconds);
    if (!(elapsed >= 0)) throw new OptionError(timeMessage(seconds, this.#time));
    const { keepSeconds } = this.#options;
    const visible = this.#tracks.filter(
      (track) => track.state === "seen" && track.id > 0 && seconds - track.seen <= keepSeconds,
    );
    return sorted(visible.map((track) => track.predicted(elapsed)));
  }

  /**
   * Forgets all faces, as at a cut; identities go on counting.
   *
   * @returns those that had not left yet, as they were last seen
   */
  reset(): TrackedFace[] {
    const there = this.#tracks.filter(({ id }) => id > 0).map((track) => track.last);
    this.#tracks = [];
    this.#time = undefined;
    return there;
  }

  #advance(seconds: number): void {
    const elapsed = seconds - (this.#time ?? seconds);
    if (!(elapsed >= 0 && Number.isFinite(seconds))) {
      throw new OptionError(timeMessage(seconds, this.#time));
    }
    this.#time = seconds;
    for (const track of this.#tracks) track.advance(elapsed);
  }

  /** Drops tracks: new ones that were not seen again, those hidden for too long, and doubles. */
  #leave(seconds: number): TrackedFace[] {
    const { keepSeconds } = this.#options;
    const doubles = doublesOf(this.#tracks);
    const gone = this.#tracks.filter(
      (track) =>
        track.state === "dropped" || doubles.has(track) || seconds - track.seen > keepSeconds,
    );
    this.#tracks = this.#tracks.filter((track) => !gone.includes(track));
    return gone.filter(({ id }) => id > 0).map((track) => track.last);
  }

  #enter(): Omit<TrackUpdate, "left"> {
    const visible = this.#tracks.filter(({ state }) => state === "seen");
    const entering = visible.filter(({ id }) => id === 0);
    for (const track of entering) track.id = this.#next++;
    const shown = (tracks: readonly Track[]) => sorted(tracks.map((track) => track.last));
    return { faces: shown(visible), entered: shown(entering) };
  }
}

/** Without what is undefined, which takes no default's place. */
function defined<T extends object>(
  options: T | undefined,
): { [Name in keyof T]: NonNullable<T[Name]> } {
  const set = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as { [Name in keyof T]: NonNullable<T[Name]> };
}

type Likeness = (track: Track, face: Face) => number;

const overlapOf: Likeness = (track, face) => overlap(track.expected, face.box);
const scoredOverlap: Likeness = (track, face) => overlapOf(track, face) * face.score;

/** Gives tracks their faces; what is left over of both comes back. */
function match(
  tracks: readonly Track[],
  faces: readonly Face[],
  seconds: number,
  limit: number,
  likeness: Likeness,
): { tracks: Track[]; faces: Face[] } {
  const cost = (row: number, column: number) => 1 - likeness(tracks[row], faces[column]);
  const pairs = linearAssignment(tracks.length, faces.length, cost, limit);
  for (const { row, column } of pairs) tracks[row].take(faces[column], seconds);
  const rows = new Set(pairs.map(({ row }) => row));
  const columns = new Set(pairs.map(({ column }) => column));
  return {
    tracks: tracks.filter((_, i) => !rows.has(i)),
    faces: faces.filter((_, i) => !columns.has(i)),
  };
}

/** Of a hidden face and a visible one in the same place the one that is known for less long. */
function doublesOf(tracks: readonly Track[]): Set<Track> {
  const doubles = new Set<Track>();
  for (const hidden of tracks.filter(({ state }) => state === "hidden")) {
    for (const seen of tracks.filter(({ state }) => state === "seen")) {
      if (overlap(hidden.expected, seen.expected) <= SAME_OVERLAP) continue;
      doubles.add(hidden.since <= seen.since ? seen : hidden);
    }
  }
  return doubles;
}

function sorted(faces: TrackedFace[]): TrackedFace[] {
  return faces.sort((a, b) => b.score - a.score || a.track - b.track);
}

function timeMessage(seconds: number, last: number | undefined): string {
  const before = last === undefined ? "" : `, not before the last one, ${last}`;
  return `the time of a frame must be a number of seconds${before}; got ${seconds}`;
}

function checkOptions(given: TrackOptions, options: Required<Omit<TrackOptions, "smooth">>): void {
  const unknown = Object.keys(given).filter((name) => !(name in DEFAULTS) && name !== "smooth");
  if (unknown.length > 0) {
    const names = [...Object.keys(DEFAULTS), "smooth"].join(", ");
    throw new OptionError(`track has no option ${unknown.join(", ")}; there are ${names}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const most = name === "keepSeconds" ? Number.POSITIVE_INFINITY : 1;
    if (value >= 0 && value <= most) continue;
    throw new OptionError(
      `${name} must be a number of at least 0${most === 1 ? " and at most 1" : ""}, got ${value}`,
    );
  }
  const { lowThreshold, highThreshold, newThreshold } = options;
  if (lowThreshold > highThreshold || highThreshold > newThreshold) {
    throw new OptionError("lowThreshold, highThreshold and newThreshold must not decrease");
  }
}

const SMOOTHING_NAMES: readonly string[] = Object.keys(SMOOTHING);

/** @throws OptionError */
function checkSmoothing(smooth: unknown): void {
  if (smooth === undefined || smooth === false) return;
  if (typeof smooth !== "object" || smooth === null) {
    throw new OptionError(`smooth must be false or { ${SMOOTHING_NAMES.join(", ")} }`);
  }
  for (const [name, value] of Object.entries(smooth)) {
    if (!SMOOTHING_NAMES.includes(name)) {
      throw new OptionError(`smooth has no ${name}; there are ${SMOOTHING_NAMES.join(", ")}`);
    }
    const least = name === "minCutoff" ? Number.MIN_VALUE : 0;
    if (value === undefined || (value >= least && Number.isFinite(value))) continue;
    throw new OptionError(
      `${name} must be a finite number ${least > 0 ? "above" : "of at least"} 0, got ${value}`,
    );
  }
}

/** @throws OptionError */
function checkFaces(faces: readonly Face[]): void {
  for (const { box, score } of faces) {
    if (box.every(Number.isFinite) && Number.isFinite(score)) continue;
    throw new OptionError(
      `a face's box and score must be finite numbers, got ${box.join(", ")} and ${score}`,
    );
  }
}
