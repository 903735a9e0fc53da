import { inflateSync } from "fflate";
import { ByteReader } from "./byte-reader.js";
import { crc32 } from "./crc32.js";
import { corrupt, quote, unsupported } from "./errors.js";
import { checkUnfolded } from "./limits.js";

/**
 * A reader of ZIP archives in memory (PKWARE APPNOTE 6.3): stored and deflated entries, ZIP64. The
 * central directory is authoritative; entries that overlap, lie outside the file, or inflate beyond a
 * bound are refused before anything is allocated for them.
 */

const END_SIGNATURE = 0x06054b50;
const END64_SIGNATURE = 0x06064b50;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;

const END_BYTES = 22;
const END64_LOCATOR_BYTES = 20;
const ENTRY_BYTES = 46;
const MAX_COMMENT_BYTES = 65_535;
const UNKNOWN_32 = 0xffffffff;
const ZIP64_EXTRA = 1;

const STORED = 0;
const DEFLATED = 8;
const FLAG_ENCRYPTED = 1;

interface Entry {
  name: string;
  method: number;
  crc: number;
  compressedSize: number;
  size: number;
  /** Of the local header. */
  offset: number;
}

/** Position of the end record: the last one whose comment reaches exactly the file's end. */
function findEnd(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lowest = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = bytes.length - END_BYTES; at >= lowest; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === bytes.length) return at;
  }
  throw corrupt("The ZIP archive has no central directory.");
}

interface Directory {
  count: number;
  size: number;
  offset: number;
}

function readEnd64(bytes: Uint8Array, end: number): Directory | undefined {
  if (end < END64_LOCATOR_BYTES) return undefined;
  const locator = new ByteReader(bytes, end - END64_LOCATOR_BYTES);
  if (locator.u32() !== END64_LOCATOR_SIGNATURE) return undefined;
  locator.skip(4);
  const reader = new ByteReader(bytes);
  reader.skip(locator.u64());
  if (reader.u32() !== END64_SIGNATURE) throw corrupt("The ZIP64 directory's end is missing.");
  reader.skip(28);
  return { count: reader.u64(), size: reader.u64(), offset: reader.u64() };
}

function readDirectory(bytes: Uint8Array): Directory {
  const end = findEnd(bytes);
  const reader = new ByteReader(bytes, end + 4);
  const disk = reader.u16();
  const directoryDisk = reader.u16();
  const here = reader.u16();
  const directory = { count: reader.u16(), size: reader.u32(), offset: reader.u32() };
  const wide = readEnd64(bytes, end);
  if (wide) return wide;
  if (disk !== 0 || directoryDisk !== 0 || here !== directory.count) {
    throw unsupported("A ZIP archive in several parts is not read. Join it first.");
  }
  return directory;
}

/** Replaces sizes that did not fit 32 bits by those of the ZIP64 extra field, which come in this order. */
function applyZip64(entry: Entry, extra: ByteReader): void {
  while (extra.remaining >= 4) {
    const id = extra.u16();
    const field = new ByteReader(extra.take(extra.u16()));
    if (id !== ZIP64_EXTRA) continue;
    if (entry.size === UNKNOWN_32) entry.size = field.u64();
    if (entry.compressedSize === UNKNOWN_32) entry.compressedSize = field.u64();
    if (entry.offset === UNKNOWN_32) entry.offset = field.u64();
    return;
  }
}

function readEntry(reader: ByteReader): Entry {
  if (reader.u32() !== ENTRY_SIGNATURE) throw corrupt("The ZIP directory is broken.");
  reader.skip(4);
  const flags = reader.u16();
  const method = reader.u16();
  reader.skip(4);
  const crc = reader.u32();
  const compressedSize = reader.u32();
  const size = reader.u32();
  const nameLength = reader.u16();
  const extraLength = reader.u16();
  const commentLength = reader.u16();
  reader.skip(8);
  const offset = reader.u32();
  const name = new TextDecoder().decode(reader.take(nameLength));
  const entry = { name, method, crc, compressedSize, size, offset };
  applyZip64(entry, new ByteReader(reader.take(extraLength)));
  reader.skip(commentLength);
  if (flags & FLAG_ENCRYPTED)
    throw unsupported(`${quote(name)} is encrypted. Save it unencrypted.`);
  if (method !== STORED && method !== DEFLATED) {
    throw unsupported(`${quote(name)} is compressed by method ${method}. Store or deflate it.`);
  }
  if (method === STORED && compressedSize !== size) throw corrupt(`${quote(name)} has two sizes.`);
  return entry;
}

/** An archive's entries, found and checked; the data are read on demand. */
export class ZipArchive {
  readonly #bytes: Uint8Array;
  readonly #entries = new Map<string, Entry & { data: Uint8Array }>();

  /** @throws CheckpointError where the directory is broken, or an entry is of an unknown kind */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const { count, size, offset } = readDirectory(bytes);
    if (count > size / ENTRY_BYTES) throw corrupt(`${count} entries do not fit ${size} bytes.`);
    const reader = new ByteReader(bytes);
    reader.skip(offset);
    const directory = new ByteReader(reader.take(size));
    for (let i = 0; i < count; i++) {
      const entry = readEntry(directory);
      if (this.#entries.has(entry.name)) throw corrupt(`${quote(entry.name)} is there twice.`);
      this.#entries.set(entry.name, { ...entry, data: this.#locate(entry) });
    }
    this.#checkLayout(offset);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Bytes of an entry after decompression, as declared. */
  size(name: string): number {
    return this.#entry(name).size;
  }

  /**
   * An entry's bytes: a view of the archive where it is stored, a copy where it is deflated. The
   * checksum is verified; 0 means that the writer left it out, as PyTorch does on request.
   */
  read(name: string): Uint8Array {
    const entry = this.#entry(name);
    const bytes = entry.method === STORED ? entry.data : inflate(entry, entry.data);
    if (entry.crc !== 0 && crc32(bytes) !== entry.crc) {
      throw corrupt(`The checksum of ${quote(name)} is wrong.`);
    }
    return bytes;
  }

  #entry(name: string): Entry & { data: Uint8Array } {
    const entry = this.#entries.get(name);
    if (!entry) throw corrupt(`${quote(name)} is missing in the ZIP archive.`);
    return entry;
  }

  /** The entry's data, which follow its local header. */
  #locate(entry: Entry): Uint8Array {
    const reader = new ByteReader(this.#bytes);
    reader.skip(entry.offset);
    if (reader.u32() !== LOCAL_SIGNATURE)
      throw corrupt(`${quote(entry.name)} has no local header.`);
    reader.skip(22);
    const nameLength = reader.u16();
    reader.skip(nameLength + reader.u16());
    return reader.take(entry.compressedSize);
  }

  #checkLayout(directoryOffset: number): void {
    const entries = [...this.#entries.values()].sort((a, b) => a.offset - b.offset);
    let end = 0;
    let inflated = 0;
    for (const { name, offset, size, data } of entries) {
      if (offset < end) throw corrupt(`${quote(name)} overlaps another entry.`);
      end = data.byteOffset - this.#bytes.byteOffset + data.length;
      inflated += size;
    }
    if (end > directoryOffset) throw corrupt("An entry overlaps the directory.");
    checkUnfolded(inflated, this.#bytes.length);
  }
}

/** Inflates into one byte more than declared, which tells data that are too long. */
function inflate({ name, size }: Entry, data: Uint8Array): Uint8Array {
  if (data.length === 0) throw corrupt(`${quote(name)} does not inflate: it is empty.`);
  let bytes: Uint8Array;
  try {
    bytes = inflateSync(data, { out: new Uint8Array(size + 1) });
  } catch {
    throw corrupt(`${quote(name)} does not inflate.`);
  }
  if (bytes.length !== size) {
    throw corrupt(
      `${quote(name)} inflates to ${bytes.length > size ? "more" : bytes.length} bytes, not ${size}.`,
    );
  }
  return bytes;
}
