/**
 * EXIF blocks without what may hold a face: the thumbnail (of the second directory), and previews that makers hide in
 * notes of their own. Bytes are cleared in place, so that everything else keeps its offset.
 */
const TAGS = { orientation: 0x0112, exif: 0x8769, makerNote: 0x927c } as const;
const ENTRY_BYTES = 12;
/** Bytes of an element by TIFF's types, from 1. */
const ELEMENT_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

interface Tiff {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly little: boolean;
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
 * @returns undefined where the block cannot be followed: then nothing is known of what it holds
 */
export function cleanExif(source: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(source);
  const view = new DataView(bytes.buffer);
  if (bytes.length < 14) return undefined;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const tiff = { bytes, view, little: order === 0x4949 };
  try {
    const first = view.getUint32(4, tiff.little);
    const main = readDirectory(tiff, first);
    for (const entry of main) {
      if (entry.tag === TAGS.orientation) view.setUint16(entry.at + 8, 1, tiff.little);
      if (entry.tag === TAGS.exif) clearNotes(tiff, view.getUint32(entry.at + 8, tiff.little));
    }
    return keepFirstDirectories(tiff, first, main);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readDirectory({ view, little }: Tiff, at: number): Entry[] {
  const count = view.getUint16(at, little);
  return Array.from({ length: count }, (_, n) => {
    const entry = at + 2 + n * ENTRY_BYTES;
    return {
      tag: view.getUint16(entry, little),
      type: view.getUint16(entry + 2, little),
      count: view.getUint32(entry + 4, little),
      at: entry,
    };
  });
}

/** Where an entry's values lie; those of up to four bytes in the entry itself. */
function spanOf({ view, little }: Tiff, { type, count, at }: Entry): [from: number, to: number] {
  const bytes = (ELEMENT_BYTES[type] ?? 1) * count;
  const from = bytes <= 4 ? at + 8 : view.getUint32(at + 8, little);
  return [from, from + bytes];
}

function clearNotes(tiff: Tiff, exif: number): void {
  for (const entry of readDirectory(tiff, exif)) {
    if (entry.tag === TAGS.makerNote) tiff.bytes.fill(0, ...spanOf(tiff, entry));
  }
}

/** Cuts the chain of directories behind the first, and clears every byte that the ones kept do not lead to. */
function keepFirstDirectories(tiff: Tiff, first: number, main: readonly Entry[]): Uint8Array {
  const { bytes, view, little } = tiff;
  view.setUint32(first + 2 + main.length * ENTRY_BYTES, 0, little);
  const kept = new Uint8Array(bytes.length);
  const mark = (from: number, to: number) => kept.fill(1, from, to);
  mark(0, 8);
  const visit = (at: number, depth: number) => {
    const entries = readDirectory(tiff, at);
    mark(at, at + 2 + entries.length * ENTRY_BYTES + 4);
    for (const entry of entries) {
      mark(...spanOf(tiff, entry));
      if (SUBDIRECTORIES.has(entry.tag) && depth > 0) {
        visit(view.getUint32(entry.at + 8, little), depth - 1);
      }
    }
  };
  visit(first, 2);
  for (let i = 0; i < bytes.length; i++) if (!kept[i]) bytes[i] = 0;
  return bytes;
}

/** Of the camera's settings, of the place, of interoperability. */
const SUBDIRECTORIES: ReadonlySet<number> = new Set([TAGS.exif, 0x8825, 0xa005]);
