/**
 * Choosing how to compute the gradient towards the input. With stride 1 it is a convolution, and every forward variant
 * serves; at other strides the output's gradient is spread over a grid of zeros, or gathered.
 */
import { conv2dVariants, forwardVariants } from "../forward/conv2d.js";
import { broadcasts, walks } from "../forward/cpu-traits.js";
import { conv2dSubgroupGemm } from "../forward/subgroup-gemm.js";
import { always, namesOf, pick, unknownVariant } from "../forward/variants.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  checkConv2dSpec,
  type Variant,
} from "../shared/spec.js";
import { conv2dInputGradientGather } from "./gather.js";
import { asForwardConv2d, swapped, turnedRound } from "./specs.js";
import { conv2dSubgroupDepthwiseSpread } from "./subgroup-depthwise-spread.js";

function sizeOfInput(spec: Conv2dSpec): readonly [number, number] {
  return [spec.inHeight, spec.inWidth];
}

/** Ways to compute the gradient towards the input that are no forward convolution. */
const INPUT_GRADIENT: readonly Variant<(spec: Conv2dSpec, adds: boolean) => Conv2dLaunch>[] = [
  {
    name: "subgroup-depthwise-spread",
    supports: (spec, traits) => walks(swapped(spec), traits) && spec.stride[0] === 2,
    launch: (spec, adds) => conv2dSubgroupDepthwiseSpread(swapped(spec, adds), sizeOfInput(spec)),
  },
  {
    name: "subgroup-gemm-spread",
    supports: broadcasts,
    suits: (spec) => spec.outChannels >= 8 && spec.inChannels >= 8,
    launch: (spec, adds) => conv2dSubgroupGemm(turnedRound(spec, adds), true, sizeOfInput(spec)),
  },
  { name: "gather", supports: always, launch: conv2dInputGradientGather },
];

/** Names of all ways to compute the gradient towards the input, best guess first. */
export function conv2dBackwardInputVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  const forward = asForwardConv2d(spec);
  const names = namesOf(INPUT_GRADIENT, spec, traits);
  return forward ? [...conv2dVariants(forward, traits), ...names] : names;
}

/**
 * The gradient of a convolution (without residual and activation) towards its input.
 *
 * The launch packs the same OIHW weight. The "input" of its dispatches is the gradient of the
 * output (the slice of `outStride`, `outOffset`), their "output" the gradient of the input (the
 * slice of `inStride`, `inOffset`; overwritten).
 *
 * @param variant a name from `conv2dBackwardInputVariants`; the best guess when absent
 * @param adds the dispatches take a "residual" of the input's size, densely stored, and add it: a gradient from elsewhere
 * @throws {Conv2dSpecError} as `conv2d`
 */
export function conv2dBackwardInput(
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  variant?: string,
  adds = false,
): Conv2dLaunch {
  checkConv2dSpec(spec);
  const forward = asForwardConv2d(spec, adds);
  const names = conv2dBackwardInputVariants(spec, traits);
  const name = variant ?? names[0];
  if (name === undefined || !names.includes(name)) throw unknownVariant(name, names);
  const found = INPUT_GRADIENT.find((v) => v.name === name);
  if (found) return found.launch(spec, adds);
  return pick(forwardVariants(traits), forward!, traits, name).launch(forward!, true);
}
