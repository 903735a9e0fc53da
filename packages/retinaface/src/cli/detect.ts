import { realpath } from "node:fs/promises";
import { readBytes } from "#platform";
import { detectFitting, type PixelDetector, scaledNote } from "../detect/fitting.js";
import { type GroupDetector, Groups } from "../detect/groups.js";
import type { Turn } from "../detect/in-order.js";
import { photoLine } from "../detect/line.js";
import type { DetectCallOptions } from "../detect/options.js";
import type { Timings } from "../detect/timings.js";
import { untilAborted } from "../detect/until-aborted.js";
import { annotate } from "../draw/annotate.js";
import { ImageError, ReadError } from "../errors.js";
import type { Encoding } from "../image/decoders.node.js";
import { shownSize } from "../image/source.js";
import { DEFAULT_THRESHOLDS, type DetectorConfig, type Face, type RawImage } from "../types.js";
import { eachPhoto, type Tools } from "./each-photo.js";
import type { Streams } from "./lines.js";
import { makeFolder, Outputs } from "./outputs.js";
import { OutputNames, type Photo } from "./photos.js";
import { type Timed, TimingsReport } from "./timings.js";

/** What the command needs of a detector. */
export interface CommandDetector extends Timed, GroupDetector {
  readonly config?: Pick<DetectorConfig, "thresholds">;
  detect(image: RawImage, options: CommandCall): Promise<Face[]>;
  dispose(): void;
}

type CommandCall = Pick<
  DetectCallOptions,
  "signal" | "maxSide" | "minSide" | "testTime" | "mesh" | "onTimings"
>;

export interface DetectJob {
  photos: readonly Photo[];
  /** Folder for copies. */
  out?: string;
  /** What copies are, several of a photo where there are several; default annotated PNGs. */
  copy?: CopyMaker | readonly CopyMaker[] | undefined;
  /** Ask for faces' meshes. */
  mesh?: boolean | undefined;
  /** Replace copies that are there; a photo of this run never is. */
  overwrite?: boolean;
  /** Files beside the photos that the run reads. */
  inputs?: readonly (string | undefined)[];
  /** Most pixels of a photo's long side; default its own. */
  maxSide?: number;
  /** Fewest pixels of its short side, within `maxSide`: as the detector has it. */
  minSide?: number;
  /** Look at photos at several sizes, mirrored too. */
  testTime?: boolean | undefined;
  /** How photos become as small; default decoded so. */
  decode?: DetectCallOptions["decode"];
  /** Who decodes them. */
  decoder?: DetectCallOptions["decoder"];
  /** Faces of lower scores are printed as ignored ones. @param stored threshold of the weights */
  ignoreBelow?: ((stored: number) => number) | undefined;
  /** What becomes of photos whose data end early; default an error. */
  truncated?: DetectCallOptions["truncated"];
  /** Say on standard error what it ran on and where the time went. */
  timings?: boolean;
  /** Called once, while the first photos are decoded. */
  load: () => Promise<CommandDetector>;
  streams: Streams;
  /** Aborting drops the current photo and ends the run. */
  signal?: AbortSignal;
}

/** A photo and what its file holds. */
export interface PhotoFile {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** What is written of a photo. */
export interface CopyMaker {
  /** Of the copy's name, with its dot. */
  extensionOf(file: string): string;
  /** Copies take the place of the photos. */
  readonly inPlace?: boolean | undefined;
  /** @param encode beside other work, where there are threads for it */
  make(
    photo: PhotoFile,
    image: RawImage,
    faces: readonly Face[],
    encode: PixelEncoder,
  ): Uint8Array | Promise<Uint8Array>;
}

/** Encodes pixels, whose memory goes with them. */
export type PixelEncoder = (encoding: Encoding, image: RawImage) => Promise<Uint8Array>;

const ANNOTATED: CopyMaker = {
  extensionOf: () => ".png",
  make: (_, image, faces, encode) => encode("rgb-png", annotate(image, faces)),
};

/** What there is to say of a photo. */
interface Found {
  readonly line: unknown;
  /** For standard error. */
  readonly note: string | undefined;
}

/** Copies of one kind. */
interface CopyKind {
  readonly maker: CopyMaker;
  readonly names: ReadonlyMap<Photo, string>;
}

/** Where copies go. */
interface Copies {
  readonly kinds: readonly CopyKind[];
  readonly outputs: Outputs;
}

/**
 * Looks at photos and prints a JSON line for each, in their order: the next ones are decoded meanwhile. A photo that fails
 * has its own error line and does not stop the others.
 *
 * @returns how many photos failed.
 * @throws what loading the detector throws; WriteError when `out` cannot be made, OutputExistsError when a copy is there
 * already, before any work.
 */
export async function detectPhotos(job: DetectJob): Promise<number> {
  const { photos, load, streams, signal } = job;
  const copies = await planCopies(job);
  const report = job.timings ? new TimingsReport() : undefined;
  let groups: Groups | undefined;
  const grouped = (detector: CommandDetector) => {
    groups ??= new Groups(detector);
    return groups;
  };
  return eachPhoto<CommandDetector, Found>({
    photos,
    load,
    look: (photo, turn, tools) => lookAt(photo, turn, job, { ...tools, copies, report, grouped }),
    beyond: () => groups?.held ?? 0,
    noteOf: ({ note }) => note,
    lineOf: ({ line }) => line,
    ended: (detector) => report?.print(streams, detector),
    streams,
    signal,
  });
}

/** Names the copies and makes sure that none would replace a file that is not to be replaced. */
async function planCopies(job: DetectJob): Promise<Copies | undefined> {
  const { photos, out, overwrite, inputs = [], copy = ANNOTATED } = job;
  const named = photos.filter(({ error }) => error === undefined);
  const makers = [copy].flat() as readonly CopyMaker[];
  const [maker] = makers;
  if (maker.inPlace) {
    // What a link leads to is replaced, not the link.
    const real = async (photo: Photo): Promise<[Photo, string]> => [
      photo,
      await realpath(photo.file).catch(() => photo.file),
    ];
    const names = new Map(await Promise.all(named.map(real)));
    return { kinds: [{ maker, names }], outputs: new Outputs({ overwrite: true, inputs }) };
  }
  if (out === undefined) return undefined;
  await makeFolder(out);
  const names = new OutputNames(out, photos);
  const kinds = makers.map((each): CopyKind => {
    const nameOf = (photo: Photo) => names.next(photo.file, each.extensionOf(photo.file));
    return { maker: each, names: new Map(named.map((photo) => [photo, nameOf(photo)])) };
  });
  const read = [...photos.map(({ file }) => file), ...inputs];
  const outputs = new Outputs({ overwrite, inputs: read });
  await outputs.check(...kinds.flatMap((kind) => [...kind.names.values()]));
  return { kinds, outputs };
}

/** What photos are looked at with. */
interface DetectTools extends Tools<CommandDetector> {
  readonly copies: Copies | undefined;
  readonly report: TimingsReport | undefined;
  readonly grouped: (detector: CommandDetector) => PixelDetector;
}

async function lookAt(
  photo: Photo,
  turn: Turn,
  { maxSide, minSide, testTime, mesh, decode, decoder, ignoreBelow, truncated, signal }: DetectJob,
  { loading, decoders, copies, report, grouped }: DetectTools,
): Promise<Found> {
  const { file } = photo;
  const reading = { signal, truncated, decoder };
  // Read once: a pipe gives its bytes only once.
  const bytes = copies && (await readImage(file, signal));
  const input = bytes ?? file;
  const decoding = { ...reading, maxSide, minSide, decode };
  const { image, milliseconds } = await decoders.decode(input, decoding);
  report?.decoded(milliseconds);
  const detector = await untilAborted(loading, signal);
  await turn.here;
  const onTimings = (timings: Timings) => report?.add(timings, milliseconds);
  const call = { maxSide, minSide, testTime, mesh, signal, onTimings };
  const { faces, side } = await untilAborted(
    detectFitting(grouped(detector), image, call, turn.done),
    signal,
  );
  if (copies && bytes) {
    const whole = image.original ? (await decoders.decode(input, reading)).image : image;
    const encode: PixelEncoder = (encoding, pixels) => decoders.encode(encoding, pixels, signal);
    for (const { maker, names } of copies.kinds) {
      const made = await maker.make({ file, bytes }, whole, faces, encode);
      await copies.outputs.write(names.get(photo) as string, made);
    }
  }
  const { width, height } = shownSize(image);
  const { warnings } = image;
  const { visThreshold } = { ...DEFAULT_THRESHOLDS, ...detector.config?.thresholds };
  const least = ignoreBelow?.(visThreshold);
  const line = photoLine({ file, width, height, warnings, faces }, least);
  return { line, note: scaledNote(file, image, side, maxSide) };
}

/** @throws ImageError `IMAGE_UNREADABLE`, the signal's reason */
async function readImage(file: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    return await readBytes(file, signal);
  } catch (cause) {
    if (!(cause instanceof ReadError)) throw cause;
    throw new ImageError("IMAGE_UNREADABLE", cause.message, { cause });
  }
}
