import { openDecoders } from "#platform";
import { aheadOf, decodersFor } from "../detect/files.js";
import { inOrder, type Turn } from "../detect/in-order.js";
import { errorLine } from "../detect/line.js";
import { untilAborted } from "../detect/until-aborted.js";
import type { NodeDecoders } from "../image/decoders.node.js";
import { printable } from "../printable.js";
import { JsonLines, type Streams } from "./lines.js";
import type { Photo } from "./photos.js";
import { startProgress } from "./progress.js";

/** What a command does with each photo. */
export interface PhotoWork<Detector, Found> {
  readonly photos: readonly Photo[];
  /** Called once, while the first photos are decoded. */
  readonly load: () => Promise<Detector>;
  /** Looks at a photo while others are looked at; what it throws is the photo's error line. */
  look(photo: Photo, turn: Turn, tools: Tools<Detector>): Promise<Found>;
  /** What is printed of it, asked in the photos' order. */
  lineOf(found: Found): unknown;
  /** What is said of it on standard error before. */
  noteOf(found: Found): string | undefined;
  /** Called at the end where the detector was loaded. */
  ended?(detector: Detector): void;
  /** Photos that may be begun beyond those that are decoded and looked at; asked again and again. Default none. */
  beyond?(): number;
  readonly streams: Streams;
  /** Aborting drops the current photos and ends the run. */
  readonly signal?: AbortSignal | undefined;
}

/** What photos are looked at with. */
export interface Tools<Detector> {
  readonly loading: Promise<Detector>;
  readonly decoders: NodeDecoders;
}

/** What became of a photo. */
type Outcome<Found> =
  | { readonly found: Found }
  | { readonly file: string; readonly error: unknown };

const BAR = "{bar} {value}/{total} photos  {label}";

/**
 * Works through photos and prints a JSON line for each, in their order: the next ones are decoded meanwhile. A photo that
 * fails has its own error line and does not stop the others.
 *
 * @returns how many photos failed.
 * @throws what loading the detector throws
 */
export async function eachPhoto<Detector extends { dispose(): void }, Found>(
  work: PhotoWork<Detector, Found>,
): Promise<number> {
  const { photos, streams, signal } = work;
  const lines = new JsonLines(streams.stdout);
  const decoders = openDecoders(decodersFor(photos));
  const loading = work.load();
  let loaded: Detector | undefined;
  const settled = loading.then(
    (value) => {
      loaded = value;
    },
    () => undefined,
  );
  const progress = photos.length > 1 ? startProgress(streams, photos.length, BAR) : undefined;
  const least = aheadOf(decoders);
  const ahead = () => least + (work.beyond?.() ?? 0);
  const look = (photo: Photo, _: number, turn: Turn) =>
    outcomeOf(work, photo, turn, { loading, decoders });
  let failed = 0;
  let done = 0;
  try {
    for await (const outcome of inOrder(photos, look, ahead, signal)) {
      if (lines.closed) break;
      progress?.clear();
      if ("error" in outcome) failed++;
      await lines.write("error" in outcome ? outcome : await lineAfterNote(work, outcome.found));
      progress?.update(++done, photos[done]?.file ?? "");
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    progress?.stop();
    await decoders.close();
    if (!signal?.aborted) await settled;
    if (loaded) work.ended?.(loaded);
    loaded?.dispose();
  }
  return failed;
}

function lineAfterNote<Detector, Found>(work: PhotoWork<Detector, Found>, found: Found): unknown {
  const note = work.noteOf(found);
  if (note !== undefined) work.streams.stderr.write(`${printable(note)}\n`);
  return work.lineOf(found);
}

async function outcomeOf<Detector, Found>(
  { look, signal }: PhotoWork<Detector, Found>,
  photo: Photo,
  turn: Turn,
  tools: Tools<Detector>,
): Promise<Outcome<Found>> {
  const { file, error } = photo;
  try {
    if (error !== undefined) throw error;
    return { found: await look(photo, turn, tools) };
  } catch (cause) {
    await untilAborted(tools.loading, signal).catch((fatal) => {
      if (!signal?.aborted) throw fatal;
    });
    return { file, error: errorLine(cause) };
  }
}
