/** One axis of [outer, extent, inner] made longer, and the gradient of that. */
import { Pad, PadKind } from "../src/line-records";
import { copyRow } from "./pointwise";
import { storeLanes } from "./tail";
import { word } from "./team";

/** The place along the axis that a padded place shows; outside of it for the constant. */
@inline
function sourceOf(place: i32, extent: i32, kind: i32): i32 {
  if (kind == PadKind.edge) return max(0, min(place, extent - 1));
  if (kind == PadKind.reflect) {
    if (place < 0) return -place;
    if (place >= extent) return 2 * (extent - 1) - place;
  }
  return place;
}

export function padChunk(step: usize, chunk: i32): void {
  const size = word(step, Pad.chunkRows);
  const last = min(chunk * size + size, word(step, Pad.rows));
  const extent = word(step, Pad.extent);
  const padded = word(step, Pad.padded);
  const inner = word(step, Pad.inner);
  const kind = word(step, Pad.kind);
  for (let row = chunk * size; row < last; row++) {
    const to = word(step, Pad.output) + (<usize>(row * inner) << 2);
    const place = sourceOf((row % padded) - word(step, Pad.before), extent, kind);
    if (place >= 0 && place < extent) {
      const from = ((row / padded) * extent + place) * inner;
      copyRow(word(step, Pad.input) + (<usize>from << 2), to, inner);
    } else {
      const value = i32x4.splat(word(step, Pad.value));
      for (let i = 0; i < inner; i += 4) storeLanes(to + (<usize>i << 2), value, inner - i);
    }
  }
}

/** Every place sums, in their order, those outside that show it, after its own. */
export function padGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, Pad.chunkRows);
  const last = min(chunk * size + size, word(step, Pad.rows));
  const extent = word(step, Pad.extent);
  const padded = word(step, Pad.padded);
  const inner = word(step, Pad.inner);
  const before = word(step, Pad.before);
  for (let row = chunk * size; row < last; row++) {
    const to = word(step, Pad.output) + (<usize>(row * inner) << 2);
    const place = row % extent;
    const base = (row / extent) * padded;
    copyRow(word(step, Pad.input) + (<usize>((base + before + place) * inner) << 2), to, inner);
    for (let other = 0; other < padded; other++) {
      const shown = other - before;
      if (shown >= 0 && shown < extent) continue;
      if (sourceOf(shown, extent, word(step, Pad.kind)) != place) continue;
      addRow(word(step, Pad.input) + (<usize>((base + other) * inner) << 2), to, inner);
    }
  }
}

function addRow(from: usize, to: usize, width: i32): void {
  for (let i = 0; i < width; i++) {
    const at = <usize>i << 2;
    store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
}
