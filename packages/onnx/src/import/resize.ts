import { resizeBilinear, resizeNearest, type Tensor } from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import type { NodeContext } from "./context.js";
import { DeviceValue, type Value } from "./value.js";

const NEAREST = {
  round_prefer_floor: "roundPreferFloor",
  round_prefer_ceil: "roundPreferCeil",
  floor: "floor",
  ceil: "ceil",
} as const;

const COORDINATES = {
  half_pixel: "halfPixel",
  pytorch_half_pixel: "halfPixel",
  align_corners: "alignCorners",
  asymmetric: "asymmetric",
} as const;

/** Height and width of the result, or its ratio to the input. */
interface Extent {
  readonly scale?: [number, number] | undefined;
  readonly size?: [number, number] | undefined;
}

/** Resize and, before opset 10, Upsample. */
export function resize(c: NodeContext): Value[] {
  const { op } = c.node;
  const x = c.image(0);
  if (x.rank !== 4) throw new Unsupported(`${op} of ${x.rank} axes`);
  for (const name of ["antialias", "exclude_outside"]) {
    if (c.attribute(name, 0) === 1) throw new Unsupported(`${op} with ${name}`);
  }
  if (c.attribute("keep_aspect_ratio_policy", "stretch") !== "stretch") {
    throw new Unsupported(`${op} with an aspect-ratio policy`);
  }
  // Resize of opset 10 is Upsample by its older name.
  const early = op === "Upsample" || c.opset < 11;
  const transform = c.attribute(
    "coordinate_transformation_mode",
    early ? "asymmetric" : "half_pixel",
  );
  const coordinates = COORDINATES[transform as keyof typeof COORDINATES];
  if (!coordinates) throw new Unsupported(`${op} with ${transform} coordinates`);
  const extent = extentOf(c, x, early);
  checkExtent(c, x, transform, extent);
  const mode = c.attribute("mode", "nearest");
  const options = { ...simplest(x, extent), coordinates };
  if (mode === "linear") return [new DeviceValue(resizeBilinear(x, options), true)];
  if (mode !== "nearest") throw new Unsupported(`${op} by ${mode} interpolation`);
  const nearest = c.attribute("nearest_mode", early ? "floor" : "round_prefer_floor");
  const rounding = NEAREST[nearest as keyof typeof NEAREST];
  if (!rounding) throw new Unsupported(`${op} with nearest_mode ${nearest}`);
  return [new DeviceValue(resizeNearest(x, { ...options, rounding }), true)];
}

function checkExtent(c: NodeContext, x: Tensor, transform: string, { scale, size }: Extent): void {
  if (transform === "pytorch_half_pixel" && size?.includes(1)) {
    throw new Unsupported(`${c.node.op} with pytorch_half_pixel to one pixel`);
  }
  if (transform === "align_corners" && scale?.some((s, i) => (x.shape[i + 1] * s) % 1 !== 0)) {
    throw new Unsupported(`${c.node.op} with align_corners to a fractional size`);
  }
}

/** A whole multiple as a size: the library has faster ways with these. */
function simplest(x: Tensor, extent: Extent): Extent {
  const { scale } = extent;
  if (!scale?.every((s) => Number.isInteger(s) && s > 0)) return extent;
  return { size: [x.shape[1] * scale[0], x.shape[2] * scale[1]] };
}

/** Other axes than height and width must stay. */
function extentOf(c: NodeContext, x: Tensor, early: boolean): Extent {
  const axes = (c.ints("axes") ?? [0, 1, 2, 3]).map((axis) => c.axisOf(axis, 4));
  const spread = (values: readonly number[], keep: readonly number[]): [number, number] => {
    if (values.length !== axes.length) c.invalid(`has sizes [${values}] for axes [${axes}]`);
    const full = [...keep];
    for (const [i, axis] of axes.entries()) full[axis] = values[i];
    if (full[0] !== keep[0] || full[1] !== keep[1]) {
      throw new Unsupported(`${c.node.op} of batch or channels`);
    }
    return [full[2], full[3]];
  };
  const listed = c.node.attributes.get("scales");
  if (early && !c.has(1) && Array.isArray(listed)) {
    return { scale: spread(listed as number[], [1, 1, 1, 1]) };
  }
  const scalesAt = early ? 1 : 2;
  if (c.has(scalesAt) && c.numbers(scalesAt).length > 0) {
    return { scale: spread(c.numbers(scalesAt), [1, 1, 1, 1]) };
  }
  const [n, height, width, channels] = x.shape;
  if (!c.has(3)) c.invalid("has neither sizes nor scales");
  return { size: spread(c.numbers(3), [n, channels, height, width]) };
}
