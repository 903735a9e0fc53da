import type { Conv2dSpec, Conv2dTraits, Kernel } from "@retinaface-webgpu/kernels-wgsl";
import * as kernels from "@retinaface-webgpu/kernels-wgsl";
import { CPU_FORWARD } from "@retinaface-webgpu/kernels-wgsl/conv2d-cpu";
import { deformCases, indexCases, rasterCases } from "./snapshot-index-cases.js";

/** WebGPU's default limits on a GPU without optional features. */
export const traits: Conv2dTraits = {
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxUniformBinding: 65536,
  maxStorageBinding: 128 * 2 ** 20,
  subgroups: false,
  f16: false,
  software: false,
};

/** A CPU adapter whose subgroups are vectors of 8. */
export const cpuTraits: Conv2dTraits = {
  ...traits,
  subgroups: true,
  subgroupSize: 8,
  software: true,
  further: CPU_FORWARD,
};

/** The same where launches may have temporary memory. */
export const cpuScratchTraits: Conv2dTraits = {
  ...cpuTraits,
  scratch: true,
  further: [kernels.CPU_WINOGRAD, ...CPU_FORWARD],
};

/** The dispatches of a launch by its title; but for those with temporary memory only the first, as the others are alike. */
function dispatchCases(
  title: string,
  { dispatches, scratch }: { dispatches: readonly { kernel: Kernel }[]; scratch?: unknown },
): Record<string, Kernel> {
  const all = scratch ? dispatches : dispatches.slice(0, 1);
  return Object.fromEntries(
    all.map(({ kernel }, i) => [i === 0 ? title : `${title} ${i + 1}`, kernel]),
  );
}

/** Rows that take two dispatches. */
const HALF = { op: "sum", shape: [3, 70000], axes: [1], type: "f16" } as const;

const conv: Conv2dSpec = {
  batch: 2,
  inHeight: 9,
  inWidth: 11,
  inChannels: 8,
  outChannels: 16,
  kernelSize: [3, 3],
  stride: [1, 1],
  dilation: [1, 1],
  padding: [1, 1, 1, 1],
  groups: 1,
  activation: { kind: "leaky_relu", slope: 0.1 },
};

const convolutions: Record<string, Conv2dSpec> = {
  general: { ...conv, kernelSize: [5, 3], stride: [2, 1], dilation: [1, 2], groups: 2 },
  "3x3": conv,
  pointwise: { ...conv, kernelSize: [1, 1], padding: [0, 0, 0, 0] },
  depthwise: { ...conv, outChannels: 8, groups: 8 },
  residual: { ...conv, residual: { order: "before-activation", height: 5, width: 6 } },
};

/** Two convolutions of one input, and a depthwise one with the 1×1 behind it, in one dispatch. */
function fusedCases(): Record<string, Kernel> {
  const joined = kernels.joinedConv2d(conv, { ...conv, activation: { kind: "relu" } }, cpuTraits)!;
  const { depthwise, pointwise } = convolutions;
  const pair = kernels.depthwisePoint(depthwise!, pointwise!);
  const none = { kind: "none" } as const;
  const several = [9, 5, 3].map((inHeight) => ({ ...pointwise!, inHeight, activation: none }));
  return {
    "conv2d joined": kernels.conv2d(joined, cpuTraits).dispatches[0]!.kernel,
    depthwisePoint: pair.pair.dispatches[0]!.kernel,
    "depthwisePoint pack": pair.depthwise.pack(true),
    severalPoints: kernels.severalPoints(several).kernel,
  };
}

function convolutionCases(): Record<string, Kernel> {
  kernels.offerMeasuredConv2d();
  const cases: Record<string, Kernel> = {};
  for (const [name, spec] of Object.entries(convolutions)) {
    for (const variant of kernels.conv2dVariants(spec, cpuScratchTraits)) {
      const launch = kernels.conv2d(spec, cpuScratchTraits, variant);
      Object.assign(cases, dispatchCases(`conv2d ${name} ${variant}`, launch));
      cases[`conv2d ${name} ${variant} pack`] = launch.pack(true);
    }
    for (const variant of kernels.conv2dBackwardInputVariants(spec, traits)) {
      const launch = kernels.conv2dBackwardInput(spec, traits, variant);
      cases[`conv2dBackwardInput ${name} ${variant}`] = launch.dispatches[0].kernel;
    }
    for (const variant of kernels.conv2dBackwardWeightVariants(spec, cpuScratchTraits)) {
      const launch = kernels.conv2dBackwardWeight(spec, cpuScratchTraits, variant);
      if ("dispatches" in launch) {
        Object.assign(cases, dispatchCases(`conv2dBackwardWeight ${name} ${variant}`, launch));
        continue;
      }
      cases[`conv2dBackwardWeight ${name} ${variant}`] = launch.partial;
      cases[`conv2dBackwardWeight ${name} ${variant} finish`] = launch.finish(true);
      if (launch.direct) cases[`conv2dBackwardWeight ${name} ${variant} direct`] = launch.direct;
    }
  }
  return { ...cases, ...fusedCases() };
}

function numbered(name: string, list: readonly Kernel[]): [string, Kernel][] {
  return list.map((kernel, k) => [`${name} ${k + 1}`, kernel]);
}

function elementwiseCases(): [string, Kernel][] {
  const shapes = { aShape: [2, 3, 8], bShape: [8], shape: [2, 3, 8] };
  const odd = { aShape: [2, 1, 5], bShape: [3, 1], shape: [2, 3, 5] };
  const constants = { a: 0.5, b: 2 };
  return [
    ...kernels.unaryOps.flatMap((op): [string, Kernel][] => [
      [`unary ${op}`, kernels.unary({ op, count: 64, ...constants })],
      [`unaryBackward ${op}`, kernels.unaryBackward({ op, count: 64, ...constants })],
    ]),
    ["unary odd", kernels.unary({ op: "relu", count: 65 * 65537 })],
    ["unary f16", kernels.unary({ op: "sigmoid", count: 64, type: "f16" })],
    ["unary i32", kernels.unary({ op: "clamp", count: 64, type: "i32", a: -1, b: 1e30 })],
    ...kernels.binaryOps.map((op): [string, Kernel] => [
      `binary ${op}`,
      kernels.binary({ op, ...shapes }),
    ]),
    ...(["mul", "div", "pow", "maximum", "minimum", "prelu"] as const).flatMap((op) =>
      (["a", "b"] as const).map((operand): [string, Kernel] => [
        `binaryBackward ${op} ${operand}`,
        kernels.binaryBackward({ op, ...shapes }, operand),
      ]),
    ),
    ["binary odd", kernels.binary({ op: "add", ...odd })],
    ["select", kernels.select({ ...shapes, conditionShape: [2, 3, 1] })],
    ["select odd i32", kernels.select({ ...odd, conditionShape: [5], conditionType: "i32" })],
  ];
}

function movementCases(): [string, Kernel][] {
  const strided = {
    shape: [3, 4, 8],
    from: { strides: [32, 8, 1] },
    to: { strides: [8, 24, 1], offset: 16 },
  };
  const padding = { shape: [3, 4], before: [1, 2], after: [0, 3] };
  const axis = { outer: 3, extent: 5, inner: 4, before: 2, after: 1 };
  const rows = { outer: 2, extent: 7, inner: 8, indices: 5 };
  return [
    ["oneHot", kernels.oneHot({ labels: 5, classes: 3 })],
    [
      "triangle lower",
      kernels.triangle({ side: "lower", batch: 2, rows: 3, columns: 4, diagonal: 1 }),
    ],
    [
      "triangle upper",
      kernels.triangle({ side: "upper", batch: 2, rows: 3, columns: 4, diagonal: 1 }),
    ],
    ["cumulativeSum", kernels.cumulativeSum({ outer: 2, extent: 40, inner: 3, reverse: false })],
    [
      "cumulativeSum reverse",
      kernels.cumulativeSum({ outer: 2, extent: 40, inner: 3, reverse: true }),
    ],
    ["randomUniform", kernels.randomUniform({ count: 9, seed: 1, stream: 2, low: -1, high: 1 })],
    ["randomNormal", kernels.randomNormal({ count: 9, seed: 1, stream: 2, mean: 0, deviation: 1 })],
    ["dropoutMask", kernels.dropoutMask({ count: 9, seed: 1, stream: 2, keep: 0.75 })],
    ["joinRows", kernels.joinRows({ rows: 3, lengths: [4, 8, 12] })],
    ["joinRows odd", kernels.joinRows({ rows: 3, lengths: [4, 1], type: "i32" })],
    ["cutRows", kernels.cutRows({ rows: 3, lengths: [8, 4] })],
    ["stridedCopy", kernels.stridedCopy(strided)],
    ["stridedCast f16", kernels.stridedCast(strided, "f16")],
    ["stridedCast to i32", kernels.stridedCast(strided, "i32")],
    ["stridedCast to u32", kernels.stridedCast({ ...strided, type: "f16" }, "u32")],
    ["stridedCopy odd", kernels.stridedCopy({ ...strided, to: { strides: [1, 24, 3] } })],
    ["fill", kernels.fill(1001, 1.5)],
    ["pad constant", kernels.pad({ ...padding, mode: "constant", value: -1 })],
    ["pad reflect", kernels.pad({ ...padding, mode: "reflect" })],
    ["pad edge", kernels.pad({ ...padding, mode: "edge" })],
    ["padBackwardAxis reflect", kernels.padBackwardAxis({ ...axis, mode: "reflect" })],
    ["padBackwardAxis edge", kernels.padBackwardAxis({ ...axis, mode: "edge" })],
    ["gather", kernels.gather(rows)],
    ["gather odd", kernels.gather({ ...rows, inner: 3 })],
    ...indexCases(rows),
    ...deformCases(),
    ...rasterCases(),
    ...numbered("reduce f16", kernels.reduce(HALF).kernels),
  ];
}

function reductionCases(): [string, Kernel][] {
  const shape = [2, 300, 5, 7];
  const long = { rows: 3, length: 1000 };
  const short = { rows: 1000, length: 2 };
  return [
    ...(["sum", "mean", "sumSquares", "max", "min"] as const).flatMap((op) => [
      ...numbered(`reduce ${op} inner`, kernels.reduce({ op, shape, axes: [2, 3] }).kernels),
      ...numbered(`reduce ${op} outer`, kernels.reduce({ op, shape, axes: [0, 1] }).kernels),
    ]),
    ...numbered("reduce prod", kernels.reduce({ op: "prod", shape, axes: [1] }).kernels),
    ...numbered("reduce i32", kernels.reduce({ op: "max", shape, axes: [1], type: "i32" }).kernels),
    ["argReduce", kernels.argReduce({ op: "argmax", outer: 3, extent: 5, inner: 7 })],
    ...[short, long].flatMap((spec): [string, Kernel][] => [
      [`softmax ${spec.length}`, kernels.softmax(spec)],
      [`softmax log ${spec.length}`, kernels.softmax({ ...spec, log: true })],
      [`softmaxBackward ${spec.length}`, kernels.softmaxBackward(spec)],
      [`softmaxBackward log ${spec.length}`, kernels.softmaxBackward({ ...spec, log: true })],
    ]),
  ];
}

function layerCases(): [string, Kernel][] {
  const norm = { rows: 5000, channels: 8, eps: 1e-5 };
  const pool = {
    batch: 2,
    channels: 8,
    from: [1, 9, 11],
    to: [1, 5, 6],
    kernel: [1, 3, 3],
    stride: [1, 2, 2],
    dilation: [1, 1, 1],
    before: [0, 1, 1],
    after: [0, 1, 1],
  } as const;
  const y = kernels.resizeAxis(4, 7, "halfPixel");
  const x = kernels.resizeAxis(5, 10, "asymmetric", 2);
  const image = { batch: 2, channels: 8, y, x };
  const product = {
    m: 70,
    n: 65,
    k: 40,
    batch: [2],
    aBatchStrides: [1],
    bBatchStrides: [0],
    variant: "tiled",
  } as const;
  const long = { rows: 33_123, channels: 4 };
  return [
    ...numbered("batchNormStatistics", kernels.batchNormStatistics(norm).kernels),
    [
      "batchNormStatistics running",
      kernels.batchNormStatistics({ ...norm, momentum: 0.1 }).kernels[1],
    ],
    ...numbered("batchNormStatistics long", kernels.batchNormStatistics(long).kernels.slice(1)),
    ["batchNormNormalize", kernels.batchNormNormalize(norm)],
    ["batchNormNormalize leaky", kernels.batchNormNormalize({ ...norm, slope: 0.1 })],
    ["batchNormBackwardInference", kernels.batchNormBackwardInference(norm)],
    ["batchNormUpdateRunning", kernels.batchNormUpdateRunning({ ...norm, momentum: 0.1 })],
    ...numbered("batchNormBackwardParameters", kernels.batchNormBackwardParameters(norm).kernels),
    ["batchNormBackwardInput", kernels.batchNormBackwardInput(norm)],
    ["batchNormWhole", kernels.batchNormWhole({ ...norm, momentum: 0.1, slope: 0.1 })],
    ["batchNormBackwardWhole", kernels.batchNormBackwardWhole({ ...norm, slope: 0.1 })],
    ["batchNormBackwardInput leaky", kernels.batchNormBackwardInput({ ...norm, slope: 0.1 })],
    ["maxPool", kernels.maxPool(pool)],
    ["maxPoolBackward", kernels.maxPoolBackward(pool)],
    ...[false, true].flatMap((countPadding): [string, Kernel][] => [
      [`averagePool ${countPadding}`, kernels.averagePool({ ...pool, countPadding })],
      [
        `averagePoolBackward ${countPadding}`,
        kernels.averagePoolBackward({ ...pool, countPadding }),
      ],
    ]),
    ...(["floor", "ceil", "roundPreferFloor", "roundPreferCeil"] as const).flatMap(
      (rounding): [string, Kernel][] => [
        [`resize ${rounding}`, kernels.resize({ ...image, mode: "nearest", rounding })],
        [
          `resizeBackward ${rounding}`,
          kernels.resizeBackward({ ...image, mode: "nearest", rounding }),
        ],
      ],
    ),
    ["resize bilinear", kernels.resize({ ...image, mode: "bilinear" })],
    ["resizeBackward bilinear", kernels.resizeBackward({ ...image, mode: "bilinear" })],
    ["matmul tiled", kernels.matmul(product)],
    ["matmul transposed", kernels.matmul({ ...product, transposeA: true, transposeB: true })],
    ["matmul f16", kernels.matmul({ ...product, type: "f16" })],
    ["matmul direct", kernels.matmul({ ...product, variant: "direct" })],
    ["matmul thin", kernels.matmul({ ...product, m: 1, transposeB: true, variant: "direct" })],
  ];
}

function trainingCases(): [string, Kernel][] {
  const rows = { rows: 100, ignoreIndex: -1 };
  const focal = { count: 64, alpha: 0.25, gamma: 2 };
  const smooth = { count: 64, beta: 0.5 };
  const sgd = { count: 64, learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 1e-4 };
  const adam = {
    count: 64,
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
    decoupled: false,
    step: 3,
  };
  return [
    ...[3, 1000].flatMap((classes): [string, Kernel][] => [
      [`crossEntropy ${classes}`, kernels.crossEntropy({ ...rows, classes })],
      [`crossEntropyBackward ${classes}`, kernels.crossEntropyBackward({ ...rows, classes })],
    ]),
    ["sigmoidFocal", kernels.sigmoidFocal(focal)],
    ["sigmoidFocalBackward", kernels.sigmoidFocalBackward(focal)],
    ["smoothL1", kernels.smoothL1(smooth)],
    ["smoothL1Backward", kernels.smoothL1Backward(smooth)],
    ["hardNegatives", kernels.hardNegatives({ batch: 3, priors: 4200, ratio: 7 })],
    [
      "matchBoxes",
      kernels.matchBoxes({ batch: 2, boxes: 100, faces: 8, positive: 0.5, negative: 0.4 }),
    ],
    ["simOtaClaims", kernels.simOtaClaims({ batch: 2, priors: 100, faces: 8, classes: 1 })],
    ["simOtaLabels", kernels.simOtaLabels({ batch: 2, priors: 100, faces: 8, classes: 1 })],
    ["sgdUpdate", kernels.sgdUpdate(sgd)],
    ["sgdUpdate momentum", kernels.sgdUpdate({ ...sgd, momentum: 0.9 })],
    ["sgdUpdate nesterov", kernels.sgdUpdate({ ...sgd, momentum: 0.9, nesterov: true })],
    ["adamUpdate", kernels.adamUpdate(adam)],
    ["adamUpdate decoupled", kernels.adamUpdate({ ...adam, decoupled: true })],
    ["clipByNorm", kernels.clipByNorm(64, 10)],
    ["unscale", kernels.unscale(64)],
    ["storedAsHalf", storedAsHalf()],
    ["lerpUpdate", kernels.lerpUpdate(64, 0.1)],
    ["accumulate", kernels.accumulate(64, 0.5, true)],
    ["takeElements", kernels.takeElements(64, false)],
    ["takeElements keeps", kernels.takeElements(63, true)],
  ];
}

function detectionCases(): [string, Kernel][] {
  const image = {
    sourceWidth: 100,
    sourceHeight: 90,
    width: 50,
    height: 45,
    targetWidth: 64,
    targetHeight: 48,
    targetOffset: 9216,
    mean: [104, 117, 123],
  } as const;
  const box = { name: "loc", width: 4 };
  const record = { classes: 2, box, others: [{ name: "landms", width: 10 }] };
  const several = {
    classes: 4,
    box,
    others: [
      { name: "mask", width: 7 },
      { name: "landms", width: 10 },
    ],
  };
  const level = {
    batch: 2,
    cells: 300,
    anchorsPerCell: 2,
    record,
    logits: { stride: 32, offset: 0 },
    heads: [
      { stride: 32, offset: 4 },
      { stride: 32, offset: 12 },
    ],
    firstPrior: 2400,
    priors: 4200,
    threshold: kernels.marginKey(0.5),
  };
  const nms = {
    batch: 2,
    record,
    priors: 4200,
    topK: 5000,
    keepTopK: 750,
    nmsThreshold: 0.4,
    variances: [0.1, 0.2],
  } as const;
  return [
    ["imageInput", kernels.imageInput(image)],
    ["imageInput larger", kernels.imageInput({ ...image, sourceHeight: 40 })],
    ["imageInput band", kernels.imageInput({ ...image, band: { firstRow: 30, rows: 20 } })],
    ["framePixels", kernels.framePixels({ width: 33, height: 7 })],
    ["candidates", kernels.candidates(level)],
    [
      "candidates several classes",
      kernels.candidates({
        ...level,
        record: several,
        heads: [...level.heads, { stride: 7, offset: 0 }],
      }),
    ],
    [
      "candidates box only",
      kernels.candidates({
        ...level,
        record: { ...record, others: [] },
        heads: level.heads.slice(1),
      }),
    ],
    ["allCandidates", kernels.allCandidates({ ...level, cells: [1600, 400, 100] })],
    ["candidateSort", kernels.candidateSort({ batch: 2, priors: 4200 })],
    ["greedyNms", kernels.greedyNms(nms)],
    ["greedyNms several classes", kernels.greedyNms({ ...nms, record: several })],
    ["greedyNms all", kernels.greedyNms({ ...nms, nmsThreshold: 1 })],
  ];
}

/** Loads, stores and what is changed in place, of which two are f16. */
function storedAsHalf(): Kernel {
  const clip = kernels.clipByNorm(64, 10);
  return kernels.storedAsHalf(clip, [false, true]);
}

/** Every kernel of the package at least once, by a title whose first word is the function that made it. */
export function snapshotCases(): ReadonlyMap<string, Kernel> {
  return new Map([
    ...Object.entries(convolutionCases()),
    ...elementwiseCases(),
    ...movementCases(),
    ...reductionCases(),
    ...layerCases(),
    ...trainingCases(),
    ...detectionCases(),
  ]);
}

/** Exported functions that make no kernel, or several that have cases under another name. */
export const HELPERS: readonly string[] = [
  "bilinearResize",
  "binaryOf",
  "nearestResize",
  "unaryOf",
  "Conv2dSpecError",
  "bindConv2d",
  "broadcastStrides",
  "chooseMatmul",
  "contiguousStrides",
  "conv2dBackwardInputVariants",
  "conv2dBackwardWeightVariants",
  "conv2dBenchCases",
  "conv2dBytes",
  "conv2dFlops",
  "conv2dOutputSize",
  "conv2dVariants",
  "fitsDepthwisePoint",
  "fitsSeveralPoints",
  "isWholeBatchNorm",
  "joinedConv2d",
  "keyMargin",
  "linearWorkgroups",
  "marginKey",
  "matmulBatchStrides",
  "nmsBoxWords",
  "nmsCapacity",
  "offerMeasuredConv2d",
  "recordLayout",
  "packParams",
  "padOutputShape",
  "poolOutputSize",
  "scatterAddSorted",
  "sortPairs",
  "unaryKernel",
  "resizeAxis",
  "segmentCount",
  "suitsDepthwisePoint",
  "suitsSeveralPoints",
  "tapRadius",
  "toFraction",
  "unaryGradientFrom",
  "writeTaps",
];
