import type {
  Conv2dParts,
  Conv2dSpec,
  Conv2dTraits,
  Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import * as kernels from "@retinaface-webgpu/kernels-wgsl";
import { deformCases } from "./deform-cases.js";
import { indexCases } from "./index-cases.js";
import type { Part, Work, WorkStep } from "./work.js";

function simple(name: string, kernel: Kernel, sizes: readonly number[]): Work {
  return { name, sizes, steps: [{ kernel, bindings: sizes.map((_, i) => i) }] };
}

function elementsOf(spec: Conv2dSpec): { x: number; weight: number; y: number } {
  const [height, width] = kernels.conv2dOutputSize(spec);
  const [kh, kw] = spec.kernelSize;
  return {
    x: spec.batch * spec.inHeight * spec.inWidth * spec.inChannels,
    weight: (spec.outChannels * spec.inChannels * kh * kw) / spec.groups,
    y: spec.batch * height * width * spec.outChannels,
  };
}

/** Packs weights (buffers 0 and 1) into buffer 2, then convolves 3 into 4, adding 5 if there is one. */
function launchWork(
  name: string,
  launch: kernels.Conv2dLaunch,
  sizes: { x: number; weight: number; bias: number; y: number; residual: number },
): Work {
  const residual = sizes.residual > 0;
  const parts: Conv2dParts<number | Part> = {
    input: 3,
    output: 4,
    ...(residual ? { residual: 5 } : {}),
    scratch: launch.scratch?.map((_, i) => (residual ? 6 : 5) + i),
    packed: (offset, size) => ({ buffer: 2, offset, size }),
  };
  const steps = launch.dispatches.map(
    (dispatch): WorkStep => ({
      kernel: dispatch.kernel,
      bindings: kernels.bindConv2d(dispatch, parts),
    }),
  );
  return {
    name: `${name} [${launch.variant}]`,
    sizes: [
      sizes.weight,
      sizes.bias,
      launch.packedLength,
      sizes.x,
      sizes.y,
      ...(residual ? [sizes.residual] : []),
      ...(launch.scratch ?? []),
    ],
    setup: [{ kernel: launch.pack(true), bindings: [0, 1, 2] }],
    steps,
  };
}

/** The variants to time: the chooser's, or all. */
type Choose = (names: readonly string[]) => readonly string[];

function forwardWorks(
  name: string,
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  choose: Choose,
): Work[] {
  const { residual } = spec;
  const label = residual ? `conv ${name} + upsampled` : `conv ${name}`;
  return choose(kernels.conv2dVariants(spec, traits)).map((variant) =>
    launchWork(label, kernels.conv2d(spec, traits, variant), {
      ...elementsOf(spec),
      bias: spec.outChannels,
      residual: residual ? spec.batch * residual.height * residual.width * spec.outChannels : 0,
    }),
  );
}

function gradientWorks(
  name: string,
  full: Conv2dSpec,
  traits: Conv2dTraits,
  choose: Choose,
): Work[] {
  const spec: Conv2dSpec = { ...full, activation: { kind: "none" }, residual: undefined };
  const { x, weight, y } = elementsOf(spec);
  const bias = Math.max(spec.inChannels, spec.outChannels);
  const toInput = choose(kernels.conv2dBackwardInputVariants(spec, traits)).map((variant) => {
    const launch = kernels.conv2dBackwardInput(spec, traits, variant);
    return launchWork(`conv ∂input ${name}`, launch, { x: y, weight, bias, y: x, residual: 0 });
  });
  const toWeight = choose(kernels.conv2dBackwardWeightVariants(spec, traits)).map((variant) => {
    const launch = kernels.conv2dBackwardWeight(spec, traits, variant);
    const title = `conv ∂weight ${name} [${launch.variant}]`;
    if ("dispatches" in launch) {
      const places = { input: 0, gradient: 1, weight: 2, bias: 3 };
      return {
        name: title,
        sizes: [x, y, weight, spec.outChannels, ...launch.scratch],
        steps: launch.dispatches.map(({ kernel, operands }) => ({
          kernel,
          bindings: operands.map((one) =>
            typeof one === "string" ? places[one] : 4 + one.scratch,
          ),
        })),
      };
    }
    return {
      name: title,
      sizes: [x, y, launch.scratchLength, weight, spec.outChannels],
      steps: [
        { kernel: launch.partial, bindings: [0, 1, 2] },
        { kernel: launch.finish(true), bindings: [2, 3, 4] },
      ],
    };
  });
  return [...toInput, ...toWeight];
}

/** Shapes whose gradients are timed too, by the names of `conv2dBenchCases`. */
const WITH_GRADIENT = /^(first 3→8|depthwise 64|depthwise s2 64|pointwise 64→64 @80|3×3 64→64 @80)/;

function convolutions(traits: Conv2dTraits, choose: Choose): Work[] {
  return kernels.conv2dBenchCases().flatMap(({ name, spec }) => {
    const gradients = WITH_GRADIENT.test(name) && !spec.residual;
    return [
      ...forwardWorks(name, spec, traits, choose),
      ...(gradients ? gradientWorks(name, spec, traits, choose) : []),
    ];
  });
}

/** Stages of a reduction: buffer 0, scratch buffers, outputs. */
function staged(
  name: string,
  plan: kernels.ReducePlan,
  input: number,
  outputs: readonly number[],
): Work {
  const sizes = [input, ...plan.scratch, ...outputs];
  const last = plan.kernels.length - 1;
  const steps = plan.kernels.map((kernel, i): WorkStep => {
    const from = sizes.length - outputs.length;
    return { kernel, bindings: i < last ? [i, i + 1] : [i, ...outputs.map((_, k) => from + k)] };
  });
  return { name, sizes, steps };
}

/** An activation map of 160×160 pixels and 64 channels. */
const SHAPE = [1, 160, 160, 64];
const COUNT = 160 * 160 * 64;

function elementwise(): Work[] {
  const bias = { op: "add", aShape: SHAPE, bShape: [64], shape: SHAPE } as const;
  const same = { op: "add", aShape: SHAPE, bShape: SHAPE, shape: SHAPE } as const;
  const unary = (["relu", "sigmoid", "exp"] as const).map((op) =>
    simple(`${op} ${COUNT}`, kernels.unary({ op, count: COUNT }), [COUNT, COUNT]),
  );
  const leaky = { op: "leakyRelu", count: COUNT, a: 0.1 } as const;
  return [
    ...unary,
    simple(`leakyRelu ∂ ${COUNT}`, kernels.unaryBackward(leaky), [COUNT, COUNT, COUNT]),
    simple(`add ${COUNT}`, kernels.binary(same), [COUNT, COUNT, COUNT]),
    simple("add a bias of 64", kernels.binary(bias), [COUNT, 64, COUNT]),
    simple(
      "transpose 4096×400",
      kernels.stridedCopy({
        shape: [4096, 400],
        from: { strides: [400, 1] },
        to: { strides: [1, 4096] },
      }),
      [COUNT, COUNT],
    ),
  ];
}

function layers(): Work[] {
  const norm = { rows: 160 * 160, channels: 64, eps: 1e-5 };
  const pool = {
    batch: 1,
    channels: 64,
    from: [1, 160, 160],
    to: [1, 80, 80],
    kernel: [1, 3, 3],
    stride: [1, 2, 2],
    dilation: [1, 1, 1],
    before: [0, 1, 1],
    after: [0, 1, 1],
  } as const;
  const resize = (mode: "nearest" | "bilinear"): Kernel => {
    const axis = kernels.resizeAxis(80, 160, mode === "nearest" ? "asymmetric" : "halfPixel");
    return kernels.resize({ batch: 1, channels: 64, y: axis, x: axis, mode, rounding: "floor" });
  };
  const product = {
    m: 256,
    n: 256,
    k: 256,
    batch: [],
    aBatchStrides: [],
    bBatchStrides: [],
  } as const;
  const square = 256 * 256;
  const channels = Array.from({ length: 4 }, () => 64);
  return [
    staged("batchNorm statistics", kernels.batchNormStatistics(norm), COUNT, [64, 64]),
    simple("batchNorm normalize", kernels.batchNormNormalize(norm), [COUNT, ...channels, COUNT]),
    simple("maxPool 3×3 s2", kernels.maxPool(pool), [COUNT, COUNT / 4, COUNT / 4]),
    simple("averagePool 3×3 s2", kernels.averagePool({ ...pool, countPadding: true }), [
      COUNT,
      COUNT / 4,
    ]),
    simple("resize nearest ×2", resize("nearest"), [COUNT / 4, COUNT]),
    simple("resize bilinear ×2", resize("bilinear"), [COUNT / 4, COUNT]),
    ...(["tiled", "direct"] as const).map((variant) =>
      simple(`matmul 256³ [${variant}]`, kernels.matmul({ ...product, variant }), [
        square,
        square,
        square,
      ]),
    ),
  ];
}

/** Priors of a 640×640 image. */
const PRIORS = 16800;

function rowsAndTraining(): Work[] {
  const two = { rows: PRIORS, length: 2 };
  const labels = { 1: Array.from({ length: PRIORS }, (_, i) => i % 2) };
  const entropy = { rows: PRIORS, classes: 2, ignoreIndex: -1 };
  const parameters = 433_344;
  const sgd = { count: parameters, learningRate: 1e-3, nesterov: false, weightDecay: 5e-4 };
  const shape = { op: "sum", shape: SHAPE } as const;
  return [
    staged("sum of all", kernels.reduce({ ...shape, axes: [0, 1, 2, 3] }), COUNT, [4]),
    staged("sum of pixels", kernels.reduce({ ...shape, axes: [0, 1, 2] }), COUNT, [64]),
    staged("sum of channels", kernels.reduce({ ...shape, axes: [3] }), COUNT, [COUNT / 64]),
    simple("softmax 16800×2", kernels.softmax(two), [PRIORS * 2, PRIORS * 2]),
    {
      ...simple("crossEntropy 16800×2", kernels.crossEntropy(entropy), [
        PRIORS * 2,
        PRIORS,
        PRIORS,
      ]),
      integers: labels,
    },
    simple("smoothL1 16800×10", kernels.smoothL1({ count: PRIORS * 10, beta: 1 }), [
      PRIORS * 10,
      PRIORS * 10,
      PRIORS * 10,
    ]),
    simple(`sgd ${parameters}`, kernels.sgdUpdate({ ...sgd, momentum: 0.9 }), [
      parameters,
      parameters,
      parameters,
    ]),
  ];
}

/** Everything that `npm run bench` times by itself. */
export function kernelCases(traits: Conv2dTraits, allVariants = false): Work[] {
  const choose: Choose = (names) => (allVariants ? names : names.slice(0, 1));
  return [
    ...convolutions(traits, choose),
    ...elementwise(),
    ...layers(),
    ...rowsAndTraining(),
    ...indexCases(),
    ...deformCases(),
  ];
}
