import {
  type ChainedWeightGradient,
  conv2dBackwardWeight,
  type Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Shape } from "../../core/shape.js";
import { LaunchCache } from "../launch-cache.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type Conv2dAttrs, conv2dOp, conv2dSpec, conv2dTraits } from "./forward.js";
import { type InputGradientAttrs, inputGradientOp } from "./input-gradient.js";

/** Of slices, its finishing kernel made. */
interface Sliced {
  readonly partial: Kernel;
  readonly finish: Kernel;
  readonly scratchLength: number;
  readonly direct?: Kernel;
}

const weightLaunches = /* @__PURE__ */ new LaunchCache<Sliced | ChainedWeightGradient>();

/** Gradients towards weight and bias. Inputs: x, g. */
const weightGradientOp = /* @__PURE__ */ defineOp<Conv2dAttrs & { readonly weightShape: Shape }>({
  name: "conv2dWeightGradient",
  outputs: (_, { weightShape }) => [
    { shape: weightShape, dtype: "f32" },
    { shape: [weightShape[0]], dtype: "f32" },
  ],
  forward: (run, [x, g], [gWeight, gBias], attrs) => {
    const spec = conv2dSpec(x, gWeight, attrs);
    const launch = weightLaunches.get(run.device, spec, () => {
      const made = conv2dBackwardWeight(spec, conv2dTraits(run.device, true));
      return "dispatches" in made ? made : { ...made, finish: made.finish(true) };
    });
    if ("dispatches" in launch) {
      const scratch = launch.scratch.map((elements) => run.scratch(elements));
      const parts = { input: x, gradient: g, weight: gWeight, bias: gBias };
      for (const { kernel, operands } of launch.dispatches) {
        const args = operands.map((one) =>
          typeof one === "string" ? parts[one] : scratch[one.scratch],
        );
        run.kernel(kernel, args);
      }
      return;
    }
    const { partial, finish, scratchLength, direct } = launch;
    if (direct) {
      run.kernel(direct, [x, g, gWeight, gBias]);
      return;
    }
    const scratch = run.scratch(scratchLength);
    run.kernel(partial, [x, g, scratch]);
    run.kernel(finish, [scratch, gWeight, gBias]);
  },
});

/** Of `conv2dOp`. */
export const conv2dGradient: Gradient<Conv2dAttrs> = ([g], [x, weight], _, attrs, needs) => {
  if (!g) return [];
  const gx = needs[0]
    ? inputGradientOp([g, weight], { ...attrs, inputShape: x.shape })[0]
    : undefined;
  const [gWeight, gBias] =
    needs[1] || needs[2] ? weightGradientOp([x, g], { ...attrs, weightShape: weight.shape }) : [];
  return [gx, gWeight, gBias];
};

/** Of `inputGradientOp`, the transposed convolution. */
export const transposedGradient: Gradient<InputGradientAttrs> = (
  [g],
  [x, weight],
  _,
  attrs,
  needs,
) => {
  if (!g) return [];
  return [
    needs[0] ? conv2dOp([g, weight], attrs)[0] : undefined,
    needs[1] ? weightGradientOp([g, x], { ...attrs, weightShape: weight.shape })[0] : undefined,
  ];
};
