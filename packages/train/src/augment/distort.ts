import type { Random } from "@retinaface-webgpu/tensor";
import type { RawImage } from "retinaface-webgpu";
import { chance } from "../random.js";

/** One photometric distortion: applied in the order of its members. */
export interface Distortion {
  /** Added to every channel. */
  readonly brightness: number;
  /** Multiplies every channel, before the change of colours. */
  readonly contrastBefore: number;
  /** Multiplies the saturation. */
  readonly saturation: number;
  /** Turns the hue, in degrees. */
  readonly hue: number;
  /** Multiplies every channel, after the change of colours. */
  readonly contrastAfter: number;
}

/**
 * Draws SSD's photometric distortion (Liu et al., "SSD", 2016): each change with probability one half,
 * contrast before or after the colours with equal chance.
 */
export function drawDistortion(random: Random): Distortion {
  const maybe = (low: number, high: number, neutral: number) =>
    chance(random, 0.5) ? random.uniform(low, high) : neutral;
  const brightness = maybe(-32, 32, 0);
  const contrast = maybe(0.5, 1.5, 1);
  const first = chance(random, 0.5);
  return {
    brightness,
    contrastBefore: first ? contrast : 1,
    saturation: maybe(0.5, 1.5, 1),
    hue: maybe(-36, 36, 0),
    contrastAfter: first ? 1 : contrast,
  };
}

function table(change: (value: number) => number): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => change(value));
}

const clamp = (value: number) => Math.max(0, Math.min(255, value));

/** The channel of hexagon angle `h` (0…6, red 5, green 3, blue 1) for a value and a chroma. */
function channel(h: number, offset: number, value: number, chroma: number): number {
  const k = (h + offset) % 6;
  return value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
}

/** Distorts an image's colours in place; alpha stays. */
export function distort(image: RawImage, distortion: Distortion): void {
  const { brightness, contrastBefore, saturation, hue, contrastAfter } = distortion;
  const { data } = image;
  const before = table((value) => clamp(value + brightness) * contrastBefore);
  const after = table((value) => value * contrastAfter);
  const turn = (hue / 60 + 6) % 6;
  const colours = saturation !== 1 || hue !== 0;
  for (let i = 0; i < data.length; i += 4) {
    let r = before[data[i]];
    let g = before[data[i + 1]];
    let b = before[data[i + 2]];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (colours && chroma > 0) {
      const sector =
        value === r
          ? (g - b) / chroma + 6
          : value === g
            ? (b - r) / chroma + 2
            : (r - g) / chroma + 4;
      const h = sector + turn;
      const c = Math.min(chroma * saturation, value);
      r = Math.round(channel(h, 5, value, c));
      g = Math.round(channel(h, 3, value, c));
      b = Math.round(channel(h, 1, value, c));
    }
    data[i] = after[r];
    data[i + 1] = after[g];
    data[i + 2] = after[b];
  }
}
