/**
 * Entropy-coded data of a sequential scan (ITU-T T.81, annex F.2) and, block by block, its samples.
 * Only what is in order: at the first MCU that is not, or that needs more bits than there are, the
 * reader goes back to that MCU's start, and the caller finds out what is wrong.
 *
 * The reader's 64 bits take four bytes at a time unless one of them is 0xff. Codes of up to 9 bits
 * are looked up at once.
 */
import { Component, Scan } from "../../src/jpeg/records";
import { BLOCK, finishBlock } from "./idct";
import {
  arePlain,
  codeAt,
  componentOf,
  fillSlowly,
  inData,
  restore,
  save,
  setWord,
  signed,
  word,
  ZIGZAG,
} from "./reader";

/** What a block gives in place of its last coefficient's number where it cannot be read. */
const DAMAGED = -1;

/** @returns how many of the MCUs from `column` on were in order; the reader is behind them */
export function decodeMcus(scan: usize, row: i32, column: i32, wanted: i32): i32 {
  for (let done = 0; done < wanted; done++) {
    save(scan);
    if (decodeMcu(scan, row, column + done)) continue;
    restore(scan);
    return done;
  }
  return wanted;
}

function decodeMcu(scan: usize, row: i32, column: i32): bool {
  for (let i = 0, n = word(scan, Scan.components); i < n; i++) {
    const component = componentOf(scan, i);
    const h = word(component, Component.h);
    const v = word(component, Component.v);
    for (let y = 0; y < v; y++) {
      for (let x = 0; x < h; x++) {
        const last = decodeBlock(scan, component);
        if (last == DAMAGED) return false;
        finishBlock(component, BLOCK, row * v + y, column * h + x, last);
      }
    }
  }
  return inData(scan);
}

/** Fills `BLOCK`. @returns the number, in zigzag order, of its last coefficient; or `DAMAGED` */
function decodeBlock(scan: usize, component: usize): i32 {
  memory.fill(BLOCK, 0, 128);
  let bits = load<u64>(scan + (Scan.bitsLow << 2));
  let count = word(scan, Scan.count);
  let position = <usize>word(scan, Scan.position);
  let table = <usize>word(component, Component.dc);
  const ac = <usize>word(component, Component.ac);
  let last = 0;
  let k = 0;
  while (k < 64) {
    if (count < 32) {
      const next = bswap<u32>(load<u32>(position));
      if (arePlain(next)) {
        bits = (bits << 32) | next;
        count += 32;
        position += 4;
      } else {
        setWord(scan, Scan.position, <i32>position);
        setWord(scan, Scan.count, count);
        store<u64>(scan + (Scan.bitsLow << 2), bits);
        fillSlowly(scan);
        bits = load<u64>(scan + (Scan.bitsLow << 2));
        count = word(scan, Scan.count);
        position = <usize>word(scan, Scan.position);
      }
    }
    const entry = codeAt(table, bits, count);
    if (entry == 0) return DAMAGED;
    count -= entry >> 8;
    const size = entry & 15;
    const run = (entry >> 4) & 15;
    if (k == 0) {
      const difference = signed(bits, count, size);
      const predicted = word(component, Component.predicted) + difference;
      setWord(component, Component.predicted, predicted);
      store<i16>(BLOCK, <i16>predicted);
      table = ac;
    } else if (size == 0) {
      if (run != 15) break;
      k += 15;
    } else {
      k += run;
      if (k > 63) return DAMAGED;
      const value = signed(bits, count, size);
      store<i16>(BLOCK + (<usize>load<u8>(ZIGZAG + k) << 1), <i16>value);
      last = k;
    }
    count -= size;
    k++;
  }
  setWord(scan, Scan.position, <i32>position);
  setWord(scan, Scan.count, count);
  store<u64>(scan + (Scan.bitsLow << 2), bits);
  return last;
}
