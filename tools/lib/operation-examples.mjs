/** A call of every operation, from which docs/operations.md is made: what is not here fails `npm test`. */

const i32 = (...shape) => ({ shape, dtype: "i32" });
const f32 = (...shape) => ({ shape, dtype: "f32" });
const any = (...shape) => ({ shape });

/** The call as it is shown, the shapes of its tensors by name, and the call. */
const row = (shown, inputs, call) => ({ shown, inputs, call });

/** Functions of one tensor, element by element. */
const unary = (...names) =>
  names.map((name) => row(`${name}(x)`, { x: any(2, 3) }, (ops, x) => ops[name](x)));

/** Functions of two tensors, or of a tensor and a number, that broadcast. */
const binary = (...names) =>
  names.map((name) =>
    row(`${name}(a, b)`, { a: any(4, 1, 3), b: any(2, 1) }, (ops, a, b) => ops[name](a, b)),
  );

const reductions = (...names) =>
  names.map((name) =>
    row(`${name}(x, { axes: [1] })`, { x: any(2, 3, 4) }, (ops, x) => ops[name](x, { axes: [1] })),
  );

const image = { x: f32(1, 6, 8, 4) };
const channels = { mean: f32(4), variance: f32(4), gamma: f32(4), beta: f32(4) };

/** By group. */
export const operationExamples = {
  "Made from nothing": [
    row("ones(device, [2, 3])", {}, (ops, device) => ops.ones(device, [2, 3])),
    row("full(device, [2, 3], 7)", {}, (ops, device) => ops.full(device, [2, 3], 7)),
    row("arange(device, 5)", {}, (ops, device) => ops.arange(device, 5)),
    row("eye(device, 3)", {}, (ops, device) => ops.eye(device, 3)),
    row("rand(device, [2, 3], { seed: 1 })", {}, (ops, device) =>
      ops.rand(device, [2, 3], { seed: 1 }),
    ),
    row("randn(device, [2, 3], { seed: 1 })", {}, (ops, device) =>
      ops.randn(device, [2, 3], { seed: 1 }),
    ),
  ],
  "Element by element": [
    ...unary("abs", "ceil", "cos", "elu", "erf", "exp", "expm1", "floor", "gelu", "leakyRelu"),
    ...unary("log", "log1p", "neg", "reciprocal", "relu", "round", "rsqrt", "selu", "sigmoid"),
    ...unary("sign", "sin", "softplus", "softsign", "sqrt", "square", "tanh"),
    row("clamp(x, 0, 6)", { x: any(2, 3) }, (ops, x) => ops.clamp(x, 0, 6)),
    row("addScalar(x, 2)", { x: any(2, 3) }, (ops, x) => ops.addScalar(x, 2)),
    row("mulScalar(x, 2)", { x: any(2, 3) }, (ops, x) => ops.mulScalar(x, 2)),
    row("powScalar(x, 3)", { x: any(2, 3) }, (ops, x) => ops.powScalar(x, 3)),
    row("dropout(x, { keep, seed, call })", { x: any(2, 3) }, (ops, x) =>
      ops.dropout(x, { keep: 0.5, seed: 1, call: 0 }),
    ),
  ],
  "Two tensors, broadcast": [
    ...binary("add", "sub", "mul", "div", "pow", "maximum", "minimum"),
    ...binary("equal", "less", "lessEqual", "greater", "greaterEqual"),
    row("prelu(x, slope)", { x: any(2, 4, 3), slope: any(3) }, (ops, x, slope) =>
      ops.prelu(x, slope),
    ),
    row("where(condition, a, b)", { condition: i32(4, 3), a: any(4, 3), b: any(3) }, (ops, ...x) =>
      ops.where(...x),
    ),
  ],
  Reductions: [
    ...reductions("sum", "mean", "sumSquares", "prod", "max", "min", "variance", "norm"),
    row("argmax(x, 1)", { x: any(2, 3, 4) }, (ops, x) => ops.argmax(x, 1)),
    row("argmin(x, 1)", { x: any(2, 3, 4) }, (ops, x) => ops.argmin(x, 1)),
    row("logSumExp(x, 1)", { x: any(2, 3) }, (ops, x) => ops.logSumExp(x, 1)),
    row("sumTo(x, [3])", { x: any(2, 3) }, (ops, x) => ops.sumTo(x, [3])),
    row("cumsum(x, 1)", { x: any(2, 3) }, (ops, x) => ops.cumsum(x, 1)),
  ],
  "Order and indices": [
    row("sort(x)", { x: any(2, 5) }, (ops, x) => ops.sort(x)),
    row("argsort(x)", { x: any(2, 5) }, (ops, x) => ops.argsort(x)),
    row("topk(x, 3)", { x: any(2, 5) }, (ops, x) => ops.topk(x, 3)),
    row("gather(x, index)", { x: any(7, 3), index: i32(2, 4) }, (ops, ...x) => ops.gather(...x)),
    row("scatterAdd(x, index, 7)", { x: any(2, 4, 3), index: i32(2, 4) }, (ops, x, index) =>
      ops.scatterAdd(x, index, 7),
    ),
    row("gatherElements(x, index, 1)", { x: any(2, 7), index: i32(2, 3) }, (ops, x, index) =>
      ops.gatherElements(x, index, 1),
    ),
    row("scatterAddElements(x, index, 7, 1)", { x: any(2, 3), index: i32(2, 3) }, (ops, x, i) =>
      ops.scatterAddElements(x, i, 7, 1),
    ),
    row("oneHot(labels, 5)", { labels: i32(2, 3) }, (ops, labels) => ops.oneHot(labels, 5)),
  ],
  "Shapes and places": [
    row("reshape(x, [3, -1])", { x: any(2, 6) }, (ops, x) => ops.reshape(x, [3, -1])),
    row("flatten(x)", { x: any(2, 3, 4) }, (ops, x) => ops.flatten(x)),
    row("permute(x, [2, 0, 1])", { x: any(2, 3, 4) }, (ops, x) => ops.permute(x, [2, 0, 1])),
    row("transpose(x)", { x: any(2, 3, 4) }, (ops, x) => ops.transpose(x)),
    row("broadcastTo(x, [4, 2, 3])", { x: any(2, 1) }, (ops, x) => ops.broadcastTo(x, [4, 2, 3])),
    row('cast(x, "f32")', { x: any(2, 3) }, (ops, x) => ops.cast(x, "f32")),
    row("concat([a, b], 1)", { a: any(2, 3), b: any(2, 4) }, (ops, ...x) => ops.concat(x, 1)),
    row("stack([a, b])", { a: any(2, 3), b: any(2, 3) }, (ops, ...x) => ops.stack(x)),
    row("slice(x, [{ step: 2 }])", { x: any(5, 3) }, (ops, x) => ops.slice(x, [{ step: 2 }])),
    row("narrow(x, 1, 2, 3)", { x: any(2, 6) }, (ops, x) => ops.narrow(x, 1, 2, 3)),
    row("split(x, [2, 4], 1)", { x: any(2, 6) }, (ops, x) => ops.split(x, [2, 4], 1)),
    row("chunk(x, 2, 1)", { x: any(2, 5) }, (ops, x) => ops.chunk(x, 2, 1)),
    row("flip(x, [1])", { x: any(2, 3) }, (ops, x) => ops.flip(x, [1])),
    row("repeat(x, [2, 3])", { x: any(2, 3) }, (ops, x) => ops.repeat(x, [2, 3])),
    row("pad(x, [[1, 2], [0, 3]])", { x: any(2, 3) }, (ops, x) =>
      ops.pad(x, [
        [1, 2],
        [0, 3],
      ]),
    ),
    row("tril(x)", { x: any(2, 3, 3) }, (ops, x) => ops.tril(x)),
    row("triu(x)", { x: any(2, 3, 3) }, (ops, x) => ops.triu(x)),
  ],
  Products: [
    row("matmul(a, b)", { a: any(5, 2, 3), b: any(3, 4) }, (ops, a, b) => ops.matmul(a, b)),
    row('einsum("ij,kj->ik", [a, b])', { a: any(2, 3), b: any(4, 3) }, (ops, ...x) =>
      ops.einsum("ij,kj->ik", x),
    ),
    row(
      "sparseMatmul({ crowIndices, colIndices, values, size }, dense)",
      { crowIndices: i32(3), colIndices: i32(5), values: any(5), dense: any(4, 3) },
      (ops, crowIndices, colIndices, values, dense) =>
        ops.sparseMatmul({ crowIndices, colIndices, values, size: [2, 4] }, dense),
    ),
    row(
      "scaledDotProductAttention(q, k, v)",
      { q: any(2, 5, 4), k: any(2, 7, 4), v: any(2, 7, 3) },
      (ops, q, k, v) => ops.scaledDotProductAttention(q, k, v),
    ),
    row(
      "conv2d(x, weight, bias)",
      { x: any(1, 6, 8, 4), weight: any(5, 4, 3, 3), bias: any(5) },
      (ops, ...x) => ops.conv2d(...x),
    ),
    row(
      "convTranspose2d(x, weight, bias, { stride: 2 })",
      { x: any(1, 3, 4, 4), weight: any(4, 5, 2, 2), bias: any(5) },
      (ops, ...x) => ops.convTranspose2d(...x, { stride: 2 }),
    ),
  ],
  "Images [n, h, w, channels]": [
    row(
      "deformConv2d(x, offset, weight, bias, mask, { padding: 1 })",
      {
        x: any(1, 6, 8, 4),
        offset: any(1, 6, 8, 18),
        weight: any(5, 4, 3, 3),
        bias: any(5),
        mask: any(1, 6, 8, 9),
      },
      (ops, ...x) => ops.deformConv2d(...x, { padding: 1 }),
    ),
    row("maxPool(x, { kernelSize: 2 })", { x: any(1, 6, 8, 4) }, (ops, x) =>
      ops.maxPool(x, { kernelSize: 2 }),
    ),
    row("maxPoolWithPositions(x, { kernelSize: 2 })", { x: any(1, 6, 8, 4) }, (ops, x) =>
      ops.maxPoolWithPositions(x, { kernelSize: 2 }),
    ),
    row("avgPool(x, { kernelSize: 2 })", { x: any(1, 6, 8, 4) }, (ops, x) =>
      ops.avgPool(x, { kernelSize: 2 }),
    ),
    row("globalAvgPool(x)", { x: any(1, 6, 8, 4) }, (ops, x) => ops.globalAvgPool(x)),
    row("resizeNearest(x, { size: [9, 9] })", { x: any(1, 6, 8, 4) }, (ops, x) =>
      ops.resizeNearest(x, { size: [9, 9] }),
    ),
    row("resizeBilinear(x, { size: [9, 9] })", { x: any(1, 6, 8, 4) }, (ops, x) =>
      ops.resizeBilinear(x, { size: [9, 9] }),
    ),
  ],
  Meshes: [
    row(
      "rasterize(positions, triangles, { size: [6, 8] })",
      { positions: f32(2, 5, 3), triangles: i32(4, 3) },
      (ops, positions, triangles) => {
        const { barycentrics, triangle, bounds } = ops.rasterize(positions, triangles, {
          size: [6, 8],
        });
        return { barycentrics, triangle, bounds };
      },
    ),
    row(
      "interpolateVertices(values, { barycentrics, triangle, bounds, triangles })",
      {
        values: f32(2, 5, 7),
        barycentrics: f32(2, 6, 8, 3),
        triangle: i32(2, 6, 8),
        bounds: i32(2, 4, 4),
        triangles: i32(4, 3),
      },
      (ops, values, barycentrics, triangle, bounds, triangles) =>
        ops.interpolateVertices(values, { barycentrics, triangle, bounds, triangles }),
    ),
  ],
  Normalisation: [
    row("softmax(x)", { x: any(2, 3) }, (ops, x) => ops.softmax(x)),
    row("logSoftmax(x)", { x: any(2, 3) }, (ops, x) => ops.logSoftmax(x)),
    row("normalize(x)", { x: any(2, 3) }, (ops, x) => ops.normalize(x)),
    row(
      "layerNorm(x, { weight, bias })",
      { x: any(2, 3), weight: any(3), bias: any(3) },
      (ops, x, weight, bias) => ops.layerNorm(x, { weight, bias }),
    ),
    row(
      "groupNorm(x, 2, { weight, bias })",
      { x: any(2, 5, 4), weight: any(4), bias: any(4) },
      (ops, x, weight, bias) => ops.groupNorm(x, 2, { weight, bias }),
    ),
    row(
      "batchNorm(x, { mean, variance, gamma, beta })",
      { ...image, ...channels },
      (ops, x, mean, variance, gamma, beta) => ops.batchNorm(x, { mean, variance, gamma, beta }),
    ),
    row(
      "batchNormLeakyRelu(x, { gamma, beta, … }, 0.1)",
      { ...image, ...channels },
      (ops, x, runningMean, runningVariance, gamma, beta) => {
        const layer = { gamma, beta, runningMean, runningVariance, eps: 1e-5, momentum: 0.1 };
        return ops.batchNormLeakyRelu(x, { ...layer, training: false }, 0.1);
      },
    ),
    row(
      "batchNormTraining(x, gamma, beta)",
      { ...image, gamma: f32(4), beta: f32(4) },
      (ops, x, gamma, beta) => ops.batchNormTraining(x, gamma, beta),
    ),
  ],
  Losses: [
    row("crossEntropy(logits, labels)", { logits: any(6, 3), labels: i32(6) }, (ops, ...x) =>
      ops.crossEntropy(...x),
    ),
    ...[
      "binaryCrossEntropyWithLogits",
      "sigmoidFocalLoss",
      "smoothL1Loss",
      "mseLoss",
      "l1Loss",
    ].map((name) =>
      row(`${name}(x, target)`, { x: any(6, 3), target: any(6, 3) }, (ops, ...x) =>
        ops[name](...x),
      ),
    ),
  ],
};

/** Exported beside operations, and no tensor comes of them. */
export const NO_OPERATIONS = ["defineOp", "updateRunningStatistics"];
