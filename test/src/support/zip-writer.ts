import { concatBytes, littleEndian, utf8 } from "./bytes.js";

/** An entry to write; the optional fields make unusual or broken archives. */
export interface ZipItem {
  readonly name: string;
  readonly data: Uint8Array;
  /** The data to store where they are deflated already. */
  readonly deflated?: Uint8Array;
  readonly crc?: number;
  readonly size?: number;
  readonly method?: number;
  readonly flags?: number;
  /** Offset to write into the directory instead of the true one. */
  readonly offset?: number;
}

export interface ZipOptions {
  /** Writes every size and offset into ZIP64 records. */
  readonly zip64?: boolean;
  readonly comment?: string;
}

/** CRC-32, bit by bit. */
export function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** Raw deflate by the platform. */
export async function deflate(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([data as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Writes a ZIP archive. */
export function writeZip(items: readonly ZipItem[], options: ZipOptions = {}): Uint8Array {
  const wide = options.zip64 ?? false;
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const item of items) {
    const stored = item.deflated ?? item.data;
    const local = concatBytes([
      littleEndian(0x04034b50, 4),
      fixedFields(item, stored.length, false),
      littleEndian(utf8(item.name).length, 2),
      littleEndian(0, 2),
      utf8(item.name),
      stored,
    ]);
    directory.push(directoryEntry(item, stored.length, item.offset ?? offset, wide));
    locals.push(local);
    offset += local.length;
  }
  const central = concatBytes(directory);
  const end = endRecords(items.length, central.length, offset, wide, options.comment ?? "");
  return concatBytes([...locals, central, end]);
}

/** Version needed, flags, method, time, CRC and sizes, as both headers have them. */
function fixedFields(item: ZipItem, storedSize: number, wide: boolean): Uint8Array {
  return concatBytes([
    littleEndian(20, 2),
    littleEndian(item.flags ?? 0, 2),
    littleEndian(item.method ?? (item.deflated ? 8 : 0), 2),
    littleEndian(0, 4),
    littleEndian(item.crc ?? crcOf(item.data), 4),
    littleEndian(wide ? 0xffffffff : storedSize, 4),
    littleEndian(wide ? 0xffffffff : (item.size ?? item.data.length), 4),
  ]);
}

function directoryEntry(item: ZipItem, stored: number, offset: number, wide: boolean): Uint8Array {
  const sizes = [item.size ?? item.data.length, stored, offset];
  const zip64 = [littleEndian(1, 2), littleEndian(24, 2), ...sizes.map((n) => littleEndian(n, 8))];
  // A field of another kind goes first: the reader has to look for its own.
  const other = [littleEndian(0x5455, 2), littleEndian(1, 2), Uint8Array.of(0)];
  const extra = wide ? concatBytes([...other, ...zip64]) : new Uint8Array();
  const name = utf8(item.name);
  return concatBytes([
    littleEndian(0x02014b50, 4),
    littleEndian(20, 2),
    fixedFields(item, stored, wide),
    littleEndian(name.length, 2),
    littleEndian(extra.length, 2),
    littleEndian(0, 10),
    littleEndian(wide ? 0xffffffff : offset, 4),
    name,
    extra,
  ]);
}

function endRecords(
  count: number,
  size: number,
  offset: number,
  wide: boolean,
  comment: string,
): Uint8Array {
  const end64 = [
    littleEndian(0x06064b50, 4),
    littleEndian(44, 8),
    littleEndian(45, 2),
    littleEndian(45, 2),
    littleEndian(0, 8),
    littleEndian(count, 8),
    littleEndian(count, 8),
    littleEndian(size, 8),
    littleEndian(offset, 8),
  ];
  const locator = [
    littleEndian(0x07064b50, 4),
    littleEndian(0, 4),
    littleEndian(offset + size, 8),
    littleEndian(1, 4),
  ];
  return concatBytes([
    ...(wide ? [...end64, ...locator] : []),
    littleEndian(0x06054b50, 4),
    littleEndian(0, 4),
    littleEndian(wide ? 0xffff : count, 2),
    littleEndian(wide ? 0xffff : count, 2),
    littleEndian(wide ? 0xffffffff : size, 4),
    littleEndian(wide ? 0xffffffff : offset, 4),
    littleEndian(utf8(comment).length, 2),
    utf8(comment),
  ]);
}
