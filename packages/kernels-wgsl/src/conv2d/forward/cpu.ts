/**
 * Ways to convolve that only adapters which run shaders on the CPU are given. They are no part of the package's index, so
 * that pages with a GPU go without them: pass them as {@link Conv2dTraits.further}.
 */
import type { ForwardLaunch, Variant } from "../shared/spec.js";
import { broadcasts, walks } from "./cpu-traits.js";
import { conv2dSubgroupDepthwise } from "./subgroup-depthwise.js";
import { conv2dSubgroupGemm } from "./subgroup-gemm.js";

export const CPU_FORWARD: readonly Variant<ForwardLaunch>[] = [
  { name: "subgroup-depthwise", supports: walks, launch: conv2dSubgroupDepthwise },
  { name: "subgroup-gemm", supports: broadcasts, launch: conv2dSubgroupGemm },
];
