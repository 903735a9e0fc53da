/**
 * EXIF blocks without what may hold a face: the thumbnail (of the second directory), previews that makers hide in notes of
 * their own, and whatever else is neither text nor a few numbers. What is not kept is cleared in place, so that everything
 * else keeps its offset.
 */
const TAGS = {
  width: 0x0100,
  height: 0x0101,
  orientation: 0x0112,
  exif: 0x8769,
  shownWidth: 0xa002,
  shownHeight: 0xa003,
} as const;
/** Of the camera's settings, of the place, of interoperability. */
const SUBDIRECTORIES: ReadonlySet<number> = new Set([TAGS.exif, 0x8825, 0xa005]);
/** A block has four; each may lead to thousands of others in a file that means harm. */
const MOST_DIRECTORIES = 8;
const ENTRY_BYTES = 12;
/** Bytes of an element by TIFF's types, from 1; 0: of a type that it has not. */
const ELEMENT_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];
const TYPES = { byte: 1, text: 2, short: 3, signedByte: 6, undefined: 7 } as const;
/** Plain bytes may be anything: a preview, XMP, an editor's notes. These are words: comments, and Windows' own titles. */
const WORDS: ReadonlySet<number> = new Set([
  0x9286, 0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f, 0x001b, 0x001c,
]);
/** Not even a little of them: makers' notes, XMP, Photoshop's resources. */
const NEVER: ReadonlySet<number> = new Set([0x927c, 0x02bc, 0x8649]);
/** Most of plain bytes, and of numbers, that are no picture. */
const FEW_BYTES = 64;
const FEW_NUMBERS = 512;

interface Tiff {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly little: boolean;
  /** 1 for each byte that stays. */
  readonly kept: Uint8Array;
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly at: number;
}

/**
 * A copy of an EXIF block (TIFF) that says of an upright image where and how it was taken and shows nothing of it.
 *
 * @returns undefined where the block cannot be followed, or a picture begins in what would stay: then nothing is known of it
 */
export function cleanExif(source: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(source);
  const view = new DataView(bytes.buffer);
  if (bytes.length < 14) return undefined;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const tiff = { bytes, view, little, kept: new Uint8Array(bytes.length).fill(1, 0, 8) };
  try {
    const first = view.getUint32(4, little);
    const turned = orientationOf(tiff, readDirectory(tiff, first)) >= 5;
    keepDirectory(tiff, first, turned, new Set());
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  for (let i = 0; i < bytes.length; i++) if (!tiff.kept[i]) bytes[i] = 0;
  return beginsJpeg(bytes) ? undefined : bytes;
}

function readDirectory({ view, little }: Tiff, at: number): Entry[] {
  const count = view.getUint16(at, little);
  return Array.from({ length: count }, (_, n) => {
    const entry = at + 2 + n * ENTRY_BYTES;
    // The last byte of it must be there.
    view.getUint8(entry + ENTRY_BYTES - 1);
    return {
      tag: view.getUint16(entry, little),
      type: view.getUint16(entry + 2, little),
      count: view.getUint32(entry + 4, little),
      at: entry,
    };
  });
}

function orientationOf({ view, little }: Tiff, entries: readonly Entry[]): number {
  const entry = entries.find(({ tag }) => tag === TAGS.orientation);
  return entry?.type === TYPES.short ? view.getUint16(entry.at + 8, little) : 1;
}

/** Keeps a directory, what its entries say, and the directories below it; no further ones behind it. */
function keepDirectory(tiff: Tiff, at: number, turned: boolean, seen: Set<number>): void {
  if (seen.has(at)) return;
  seen.add(at);
  if (seen.size > MOST_DIRECTORIES) throw new RangeError("too many directories");
  const entries = readDirectory(tiff, at);
  tiff.kept.fill(1, at, at + 2 + entries.length * ENTRY_BYTES);
  for (const entry of entries) {
    if (entry.tag === TAGS.orientation) setUpright(tiff, entry);
    if (isHarmless(tiff, entry)) tiff.kept.fill(1, ...spanOf(tiff, entry));
    if (!SUBDIRECTORIES.has(entry.tag)) continue;
    keepDirectory(tiff, tiff.view.getUint32(entry.at + 8, tiff.little), turned, seen);
  }
  if (turned) {
    swapValues(tiff, entries, TAGS.width, TAGS.height);
    swapValues(tiff, entries, TAGS.shownWidth, TAGS.shownHeight);
  }
}

function setUpright({ view, little }: Tiff, { at }: Entry): void {
  view.setUint16(at + 2, TYPES.short, little);
  view.setUint32(at + 4, 1, little);
  view.setUint16(at + 8, 1, little);
  view.setUint16(at + 10, 0, little);
}

/** Whether it is words or a few numbers. Values of up to four bytes stand in the entry itself. */
function isHarmless(tiff: Tiff, entry: Entry): boolean {
  const [from, to] = spanOf(tiff, entry);
  const { tag, type } = entry;
  if (NEVER.has(tag)) return false;
  if (type === TYPES.text || WORDS.has(tag)) return to <= tiff.bytes.length;
  const plain = type === TYPES.byte || type === TYPES.signedByte || type === TYPES.undefined;
  return to - from <= (plain ? FEW_BYTES : FEW_NUMBERS);
}

/** Where an entry's values lie. */
function spanOf({ view, little }: Tiff, { type, count, at }: Entry): [from: number, to: number] {
  const bytes = (ELEMENT_BYTES[type] ?? 0) * count;
  const from = bytes <= 4 ? at + 8 : view.getUint32(at + 8, little);
  return [from, from + bytes];
}

/** What was across is down now. */
function swapValues({ bytes }: Tiff, entries: readonly Entry[], one: number, other: number): void {
  const [a, b] = [one, other].map((tag) => entries.find((entry) => entry.tag === tag)?.at);
  if (a === undefined || b === undefined) return;
  const [first, second] = [a, b].map((at) => bytes.slice(at + 2, at + ENTRY_BYTES));
  bytes.set(second, a + 2);
  bytes.set(first, b + 2);
}

/** Whether a JPEG begins somewhere in it. */
export function beginsJpeg(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff) return true;
  }
  return false;
}
