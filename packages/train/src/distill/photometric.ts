import type { Random } from "@retinaface-webgpu/tensor";
import { chance } from "../random.js";
import type { Canvas } from "./view.js";

/** A change of a view's colours. */
interface Colours {
  /** 0 grey, 1 as it is. */
  readonly saturation: number;
  /** Value of each channel by its value before. */
  readonly tables: readonly [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray];
  /** Largest deviation of a pixel. */
  readonly noise: number;
}

function drawColours(random: Random): Colours {
  const gamma = chance(random, 0.5) ? Math.exp(random.uniform(-0.45, 0.45)) : 1;
  const contrast = chance(random, 0.6) ? random.uniform(0.6, 1.35) : 1;
  const brightness = chance(random, 0.6) ? random.uniform(-32, 32) : 0;
  const tinted = chance(random, 0.4);
  const table = () => {
    const gain = tinted ? random.uniform(0.85, 1.15) : 1;
    return Uint8ClampedArray.from({ length: 256 }, (_, value) => {
      const bent = 255 * (value / 255) ** gamma;
      return ((bent - 128) * contrast + 128 + brightness) * gain;
    });
  };
  const grey = chance(random, 0.08);
  const saturation = chance(random, 0.4) ? random.uniform(0.4, 1.5) : 1;
  return {
    saturation: grey ? 0 : saturation,
    tables: [table(), table(), table()],
    noise: chance(random, 0.2) ? random.uniform(2, 16) : 0,
  };
}

/** Changes contrast, brightness, gamma, tint and saturation, and sometimes adds noise, in place. */
export function changeColours({ data }: Canvas, random: Random): void {
  const { saturation, tables, noise } = drawColours(random);
  const [red, green, blue] = tables;
  let bits = random.uint32() | 1;
  for (let i = 0; i < data.length; i += 4) {
    const r = data[i];
    const g = data[i + 1];
    const b = data[i + 2];
    if (saturation !== 1) {
      const luma = 0.299 * r + 0.587 * g + 0.114 * b;
      // Rounding and clamping of the index is the clamped array's.
      data[i] = luma + (r - luma) * saturation;
      data[i + 1] = luma + (g - luma) * saturation;
      data[i + 2] = luma + (b - luma) * saturation;
    }
    let shift = 0;
    if (noise > 0) {
      bits ^= bits << 13;
      bits ^= bits >>> 17;
      bits ^= bits << 5;
      shift = (bits / 2147483648) * noise;
    }
    data[i] = red[data[i]] + shift;
    data[i + 1] = green[data[i + 1]] + shift;
    data[i + 2] = blue[data[i + 2]] + shift;
  }
}
