/**
 * Entropy-coded data of a progressive scan (ITU-T T.81, annex G.2): coefficients gather in memory. As
 * in `scan.ts` only what is in order, or the reader and the block go back to where they were.
 *
 * The reader is in globals while a row of blocks is read: what it is inlined into has few locals
 * left to hold it.
 */
import { Component, Scan } from "../../src/jpeg/records";
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

const keptBlock = memory.data(128, 16);

let scan: usize = 0;
let bits: u64 = 0;
let count: i32 = 0;
let position: usize = 0;

/** @returns how many of the MCUs from `column` on were in order; the reader is behind them */
export function decodeProgressive(record: usize, row: i32, column: i32, wanted: i32): i32 {
  scan = record;
  takeReader();
  let done = 0;
  if (word(scan, Scan.start) == 0) {
    while (done < wanted && dcMcu(row, column + done)) done++;
  } else {
    const component = componentOf(scan, 0);
    const first = row * word(component, Component.blockStride) + column;
    let block = <usize>word(component, Component.coefficients) + (<usize>first << 7);
    const refining = word(scan, Scan.high) != 0;
    for (; done < wanted; done++, block += 128) {
      if (!(refining ? refineBlock(component, block) : firstBlock(component, block))) break;
    }
  }
  giveReader();
  return done;
}

@inline
function takeReader(): void {
  bits = load<u64>(scan + (Scan.bitsLow << 2));
  count = word(scan, Scan.count);
  position = <usize>word(scan, Scan.position);
}

@inline
function giveReader(): void {
  setWord(scan, Scan.position, <i32>position);
  setWord(scan, Scan.count, count);
  store<u64>(scan + (Scan.bitsLow << 2), bits);
}

/** At least 32 bits are in the buffer afterwards. */
@inline
function fill(): void {
  if (count >= 32) return;
  const next = bswap<u32>(load<u32>(position));
  if (arePlain(next)) {
    bits = (bits << 32) | next;
    count += 32;
    position += 4;
    return;
  }
  giveReader();
  fillSlowly(scan);
  takeReader();
}

@inline
function bit(): i32 {
  if (count < 1) fill();
  return <i32>(bits >> --count) & 1;
}

function undo(): bool {
  restore(scan);
  takeReader();
  return false;
}

/** DC coefficients of all components. */
function dcMcu(row: i32, column: i32): bool {
  giveReader();
  save(scan);
  const low = word(scan, Scan.low);
  const refining = word(scan, Scan.high) != 0;
  for (let i = 0, n = word(scan, Scan.components); i < n; i++) {
    const component = componentOf(scan, i);
    const h = word(component, Component.h);
    const v = word(component, Component.v);
    for (let y = 0; y < v; y++) {
      const first = (row * v + y) * word(component, Component.blockStride) + column * h;
      let block = <usize>word(component, Component.coefficients) + (<usize>first << 7);
      for (let x = 0; x < h; x++, block += 128) {
        if (refining) {
          store<i16>(block, load<i16>(block) | <i16>(bit() << low));
          continue;
        }
        fill();
        const entry = codeAt(<usize>word(component, Component.dc), bits, count);
        if (entry == 0) return undo();
        count -= entry >> 8;
        const size = entry & 15;
        const predicted = word(component, Component.predicted) + signed(bits, count, size);
        count -= size;
        setWord(component, Component.predicted, predicted);
        store<i16>(block, <i16>(predicted << low));
      }
    }
  }
  setWord(scan, Scan.count, count);
  return inData(scan) ? true : undo();
}

/** The first bits of a band of a block. */
function firstBlock(component: usize, block: usize): bool {
  const run = word(scan, Scan.endRun);
  if (run > 0) {
    setWord(scan, Scan.endRun, run - 1);
    return true;
  }
  giveReader();
  save(scan);
  const table = <usize>word(component, Component.ac);
  const end = word(scan, Scan.end);
  const low = word(scan, Scan.low);
  for (let k = word(scan, Scan.start); k <= end; k++) {
    fill();
    const entry = codeAt(table, bits, count);
    if (entry == 0) return undo();
    count -= entry >> 8;
    const zeros = (entry >> 4) & 15;
    const size = entry & 15;
    if (size == 0) {
      if (zeros < 15) {
        setWord(scan, Scan.endRun, (1 << zeros) - 1 + unsigned(zeros));
        break;
      }
      k += 15;
      continue;
    }
    k += zeros;
    if (k > end) return undo();
    const value = signed(bits, count, size);
    count -= size;
    store<i16>(block + (<usize>load<u8>(ZIGZAG + k) << 1), <i16>(value << low));
  }
  setWord(scan, Scan.count, count);
  return inData(scan) ? true : undo();
}

/** The next bits below `count`, which are there. */
@inline
function unsigned(size: i32): i32 {
  count -= size;
  return <i32>(bits >> count) & ((1 << size) - 1);
}

/** Another bit of a band of a block. */
function refineBlock(component: usize, block: usize): bool {
  giveReader();
  save(scan);
  memory.copy(keptBlock, block, 128);
  const table = <usize>word(component, Component.ac);
  const end = word(scan, Scan.end);
  const step: i32 = 1 << word(scan, Scan.low);
  const one = <i16>step;
  let run = word(scan, Scan.endRun);
  let k = word(scan, Scan.start);
  if (run == 0) {
    for (; k <= end; k++) {
      fill();
      const entry = codeAt(table, bits, count);
      if (entry == 0) return undoBlock(block);
      count -= entry >> 8;
      const zeros = (entry >> 4) & 15;
      let value: i16 = 0;
      if ((entry & 15) != 0) value = unsigned(1) == 1 ? one : -one;
      else if (zeros < 15) {
        run = (1 << zeros) + unsigned(zeros);
        break;
      }
      k = refineRun(block, k, end, zeros, one);
      if (value == 0) continue;
      if (k > end) return undoBlock(block);
      store<i16>(block + (<usize>load<u8>(ZIGZAG + k) << 1), value);
    }
  }
  if (run > 0) {
    refineRun(block, k, end, 64, one);
    run--;
  }
  setWord(scan, Scan.endRun, run);
  setWord(scan, Scan.count, count);
  return inData(scan) ? true : undoBlock(block);
}

function undoBlock(block: usize): bool {
  memory.copy(block, keptBlock, 128);
  return undo();
}

/**
 * Adds a bit to each coefficient that is not zero, until `zeros` zeros were passed.
 *
 * @returns the position of the zero behind them, or one behind the band
 */
function refineRun(block: usize, from: i32, end: i32, zeros: i32, one: i16): i32 {
  for (let k = from; k <= end; k++) {
    const at = block + (<usize>load<u8>(ZIGZAG + k) << 1);
    const value = load<i16>(at);
    if (value == 0) {
      if (zeros-- == 0) return k;
    } else if (bit() == 1) store<i16>(at, value + (value > 0 ? one : -one));
  }
  return end + 1;
}
