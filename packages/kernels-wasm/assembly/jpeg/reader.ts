/** What scans of both kinds share: records, tables, and the slow way to fill the reader's buffer. */
import { Component, Huffman, Scan } from "../../src/jpeg/records";

/** Natural position of each coefficient in zigzag order. */
export const ZIGZAG = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
  13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52,
  45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);

/** Codes up to this length are looked up at once. */
export const FAST_BITS = 9;

const READER_BYTES = 24;
const saved = memory.data(40, 16);

@inline
export function word(record: usize, field: i32): i32 {
  return load<i32>(record + (<usize>field << 2));
}

@inline
export function setWord(record: usize, field: i32, value: i32): void {
  store<i32>(record + (<usize>field << 2), value);
}

@inline
export function componentOf(scan: usize, index: i32): usize {
  return scan + <usize>((Scan.size + index * Component.size) << 2);
}

/** Remembers where the reader is. */
export function save(scan: usize): void {
  memory.copy(saved, scan, READER_BYTES);
  for (let i = 0, n = word(scan, Scan.components); i < n; i++) {
    store<i32>(
      saved + READER_BYTES + (<usize>i << 2),
      word(componentOf(scan, i), Component.predicted),
    );
  }
}

/** Goes back to where the reader was. */
export function restore(scan: usize): void {
  memory.copy(scan, saved, READER_BYTES);
  for (let i = 0, n = word(scan, Scan.components); i < n; i++) {
    setWord(
      componentOf(scan, i),
      Component.predicted,
      load<i32>(saved + READER_BYTES + (<usize>i << 2)),
    );
  }
}

/** Whether no more bits were read than there are. */
@inline
export function inData(scan: usize): bool {
  return word(scan, Scan.count) >= word(scan, Scan.padding);
}

/** The next four bytes where none is 0xff, which stands for itself only with a zero behind it. */
@inline
export function arePlain(bytes: u32): bool {
  return ((~bytes - 0x01010101) & bytes & 0x80808080) == 0;
}

/** The code at the top of `count` bits as `length << 8 | symbol`; 0 where there is none. */
@inline
export function codeAt(table: usize, bits: u64, count: i32): i32 {
  const index = <usize>(bits >> (count - FAST_BITS)) & ((1 << FAST_BITS) - 1);
  const entry = <i32>load<u16>(table + (index << 1));
  return entry != 0 ? entry : longCode(table, bits, count);
}

/** A code of more than `FAST_BITS` bits as an entry of the table; 0 where there is none. */
function longCode(table: usize, bits: u64, count: i32): i32 {
  for (let size = FAST_BITS + 1; size <= 16; size++) {
    const code = <i32>(bits >> (count - size)) & ((1 << size) - 1);
    if (code < load<i32>(table + (<usize>size << 2), Huffman.endCode)) {
      const index = code + load<i32>(table + (<usize>size << 2), Huffman.offset);
      return (size << 8) | load<u8>(table + index, Huffman.symbols);
    }
  }
  return 0;
}

/** The next `size` bits below `count` as JPEG writes signed numbers: the upper half is positive. */
@inline
export function signed(bits: u64, count: i32, size: i32): i32 {
  if (size == 0) return 0;
  const value = <i32>(bits >> (count - size)) & ((1 << size) - 1);
  return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/** Stuffed zeros are dropped; behind the next marker come zeros, which are counted. */
export function fillSlowly(scan: usize): void {
  let position = <usize>word(scan, Scan.position);
  let count = word(scan, Scan.count);
  let bits = load<u64>(scan + (Scan.bitsLow << 2));
  while (count <= 48) {
    const byte = load<u8>(position);
    if (byte != 0xff) {
      position++;
    } else {
      const next = load<u8>(position, 1);
      if (next == 0xff) {
        position++;
        continue;
      }
      if (next == 0) position += 2;
      else setWord(scan, Scan.padding, min(word(scan, Scan.padding) + 8, 1 << 16));
      if (next != 0) {
        bits <<= 8;
        count += 8;
        continue;
      }
    }
    bits = (bits << 8) | byte;
    count += 8;
  }
  setWord(scan, Scan.position, <i32>position);
  setWord(scan, Scan.count, count);
  store<u64>(scan + (Scan.bitsLow << 2), bits);
}
