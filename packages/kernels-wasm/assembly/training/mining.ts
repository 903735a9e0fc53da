/**
 * Hard-negative mining: of each image's background priors, exactly the k with the largest losses, of
 * equal ones the first. A radix select as in kernels-wgsl: four passes over the priors find the bits
 * of the k-th largest loss, a fifth marks what lies above. A chunk is an image.
 */
import { Mining } from "../../src/training/records";
import { float, word } from "../team";

/** Unsigned integers in the order of the floats; NaN counts as the largest. */
@inline
function orderOf(loss: u32): u32 {
  return (loss & 0x80000000) != 0 ? ~loss : loss | 0x80000000;
}

export function miningChunk(step: usize, image: i32, thread: i32): void {
  const priors = word(step, Mining.priors);
  const base = <usize>(image * priors) << 2;
  const losses = word(step, Mining.losses) + base;
  const labels = word(step, Mining.labels) + base;
  const chosen = word(step, Mining.chosen) + base;
  const histogram = word(step, Mining.scratch) + thread * word(step, Mining.scratchBytes);
  const kept = countKept(labels, priors, float(step, Mining.ratio));
  let prefix: u32 = 0;
  let wanted = kept;
  for (let shift = 24; shift >= 0 && kept > 0; shift -= 8) {
    const above: u32 = shift == 24 ? 0 : <u32>0xffffff00 << shift;
    count(losses, labels, priors, histogram, prefix, above, shift);
    let bin = 255;
    while (bin > 0) {
      const members = load<i32>(histogram + (<usize>bin << 2));
      if (members >= wanted) break;
      wanted -= members;
      bin--;
    }
    prefix |= <u32>bin << shift;
  }
  let ties = wanted;
  for (let j = 0; j < priors; j++) {
    const place = <usize>j << 2;
    const label = load<i32>(labels + place);
    let choose = label > 0;
    if (label == 0 && kept > 0) {
      const key = orderOf(load<u32>(losses + place));
      choose = key > prefix || (key == prefix && ties-- > 0);
    }
    store<f32>(chosen + place, choose ? 1 : 0);
  }
}

/** min(⌊ratio · faces⌋, priors − 1), and no more than there are negatives. */
function countKept(labels: usize, priors: i32, ratio: f32): i32 {
  let faces = 0;
  let negatives = 0;
  for (let j = 0; j < priors; j++) {
    const label = load<i32>(labels + (<usize>j << 2));
    if (label > 0) faces++;
    if (label == 0) negatives++;
  }
  const asked = <i32>min<f32>(floor<f32>(ratio * <f32>faces), <f32>(priors - 1));
  return min(asked, negatives);
}

/** How many negatives share the bits found so far, by their next eight. */
function count(
  losses: usize,
  labels: usize,
  priors: i32,
  histogram: usize,
  prefix: u32,
  above: u32,
  shift: i32,
): void {
  memory.fill(histogram, 0, 1024);
  for (let j = 0; j < priors; j++) {
    const place = <usize>j << 2;
    if (load<i32>(labels + place) != 0) continue;
    const key = orderOf(load<u32>(losses + place));
    if (((key ^ prefix) & above) != 0) continue;
    const bin = histogram + (<usize>((key >> shift) & 255) << 2);
    store<i32>(bin, load<i32>(bin) + 1);
  }
}
