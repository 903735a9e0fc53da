/**
 * Records of the kernels that only training steps need besides convolutions and batch norm. As in
 * `../records.ts`, both sides compile this file; fields are words unless said otherwise.
 */

/** What a map computes of x, y and z, with the constants p and q. */
export enum MapKind {
  /** x, whatever its bits mean. */
  copy = 0,
  add,
  subtract,
  multiply,
  divide,
  maximum,
  minimum,
  equal,
  less,
  lessEqual,
  greater,
  greaterEqual,
  relu,
  /** Slope p. */
  leakyRelu,
  absolute,
  sign,
  negate,
  square,
  squareRoot,
  reciprocalRoot,
  reciprocal,
  exponential,
  sigmoid,
  /** To p … q. */
  clamp,
  addConstant,
  multiplyConstant,
  constantMinus,
  constantOver,
  equalConstant,
  lessConstant,
  lessEqualConstant,
  greaterConstant,
  greaterEqualConstant,
  /** x to the power of the whole number p in 0 … 8. */
  wholePower,
  floatOfInteger,
  floatOfUnsigned,
  /** Towards zero, saturating, NaN to 0. */
  integerOfFloat,
  unsignedOfFloat,
  /** y where x is not 0, else z. */
  select,
  /** The same of integers x, whatever the bits of y and z mean. */
  selectByInteger,
  /** p. */
  constant,
  /** y + p · (x − y). */
  lerp,
  /** p · x + y. */
  addScaled,
  /** x · min(1, p / (√y + 1e-6)). */
  clipNorm,
  /** Gradients: x is that of the result, y and z are the operands. */
  divideGradient,
  divisorGradient,
  maximumGradient,
  otherMaximumGradient,
  minimumGradient,
  otherMinimumGradient,
  /** Of functions of one element: y is its result, or the element. */
  reluGradient,
  leakyReluGradient,
  absoluteGradient,
  squareGradient,
  squareRootGradient,
  reciprocalRootGradient,
  reciprocalGradient,
  exponentialGradient,
  sigmoidGradient,
  clampGradient,
  wholePowerGradient,
  constantOverGradient,
  tanhGradient,
  logarithmGradient,
  softplusGradient,
  /** Smooth L1 of x − y; p is β, q 0.5 / β or 0. */
  smoothL1,
  /** Of x, the gradient; p is β, q 1 / β or 0. */
  smoothL1Gradient,
  tanh,
  logarithm,
  softplus,
  /** x to the power p. */
  constantPower,
  constantPowerGradient,
  /** Sigmoid focal loss of logits x and targets y; p is α, q γ. */
  focal,
  focalGradient,
  errorFunction,
  exponentialMinusOne,
  logarithmOfOnePlus,
  gelu,
  geluTanh,
  /** p below 0. */
  elu,
  selu,
  softsign,
  floor,
  ceil,
  round,
  sine,
  cosine,
  /** x to the power y. */
  power,
  /** x where positive, else x · y. */
  prelu,
  /** e to the power p · x: a constant to the power x. */
  scaledExponential,
  /** Gradients, as those above: x is that of the result, y and z the operands, or y the element or the result. */
  powerGradient,
  exponentGradient,
  preluGradient,
  preluSlopeGradient,
  scaledExponentialGradient,
  errorFunctionGradient,
  exponentialMinusOneGradient,
  logarithmOfOnePlusGradient,
  geluGradient,
  geluTanhGradient,
  /** p below 0, all of it q times. */
  eluGradient,
  softsignGradient,
  sineGradient,
  cosineGradient,
  /**
   * Integers of 32 bits, which wrap around; x or y that is left out is p. First what is the same with a sign and without,
   * or has but one meaning.
   */
  addIntegers,
  subtractIntegers,
  multiplyIntegers,
  equalIntegers,
  /** x. */
  absoluteIntegers,
  signOfIntegers,
  maximumIntegers,
  minimumIntegers,
  lessIntegers,
  lessEqualIntegers,
  /** Towards zero; x where y is 0, as WGSL has it. */
  divideIntegers,
  maximumUnsigned,
  minimumUnsigned,
  lessUnsigned,
  lessEqualUnsigned,
  divideUnsigned,
}

/** Axes of a map, and of what a reduction keeps or sums over. */
export const AXES = 4;

/** Element by element over up to four axes, each operand with its own strides (0 repeats). */
export enum ElementMap {
  output = 4,
  /** Addresses; 0 for an operand that the function does not have. */
  x,
  y,
  z,
  kind,
  /** f32, or a word of integers' functions. */
  p,
  /** f32. */
  q,
  /** Extents, from the outermost on. */
  extents,
  /** Strides in elements, `AXES` for each of output, x, y, z. */
  strides = 15,
  chunkRows = 31,
  rows,
  size,
}

export enum ReduceKind {
  sum = 0,
  sumSquares,
  maximum,
  minimum,
  product,
}

/** What each segment of the elements to be reduced amounts to, as f64 for `ReduceMerge`; of integers as i64. */
export enum Reduce {
  input = 4,
  /** f64 or i64, by result and segment. */
  partial,
  kind,
  /** Results, and how they lie: extents and strides of `AXES` axes. */
  results,
  keptExtents,
  keptStrides = 12,
  /** Elements of each, and how they lie. */
  elements = 16,
  extents,
  strides = 21,
  segments = 25,
  segmentElements,
  chunkResults,
  /** Of elements. */
  type,
  size,
}

/** Elements of a reduction. */
export enum ReduceType {
  float = 0,
  /** With a sign. */
  integer,
  unsigned,
}

export enum ReduceMerge {
  partial = 4,
  output,
  kind,
  results,
  segments,
  /** f32: what each result is multiplied by; not for integers. */
  factor,
  chunkResults,
  type,
  size,
}

export enum RowLossKind {
  crossEntropy = 0,
  crossEntropyGradient,
  logSoftmax,
  softmaxGradient,
  logSoftmaxGradient,
}

/** Rows of `width` logits, or of what became of them. */
export enum RowLoss {
  output = 4,
  logits,
  /** Integers. */
  labels,
  gradient,
  kind,
  rows,
  width,
  ignore,
  chunkRows,
  size,
}

/** Hard negatives, a chunk an image. */
export enum Mining {
  losses = 4,
  labels,
  chosen,
  priors,
  /** f32. */
  ratio,
  scratch,
  scratchBytes,
  size,
}

export enum OptimizerKind {
  sgd = 0,
  sgdMomentum,
  sgdNesterov,
  adam,
  adamDecoupled,
}

/** Updates in place. */
export enum Optimizer {
  gradient = 4,
  parameter,
  first,
  second,
  kind,
  count,
  chunkElements,
  /** f32, eight of them: see `training/optimizer.ts`. */
  constants,
  size = 19,
}

/** Behind the window: a largest value and where it was. */
export enum PoolPositions {
  positions = 21,
  channels,
  chunkPixels,
  size,
}

export enum PoolGradientKind {
  /** By the positions that were taken down. */
  max = 0,
  average,
}

/**
 * Behind the window, whose input is the gradient of the input and whose output is that of the
 * output: a chunk is some channels of an image.
 */
export enum PoolGradient {
  positions = 21,
  channels,
  kind,
  chunkChannels,
  countFrom,
  countBelow,
  countRight,
  size,
}

/** Nearest neighbour: the window's pixels add up to the one that they were taken from. */
export enum ResizeGradient {
  gradient = 4,
  output,
  batch,
  inHeight,
  inWidth,
  outHeight,
  outWidth,
  channels,
  size,
}

/** Which face each box is. */
export enum MatchBoxes {
  input = 4,
  /** Of the faces. */
  table,
  labels,
  rows,
  batch,
  boxes,
  faces,
  /** f32. */
  positive,
  /** f32. */
  negative,
  chunkBoxes,
  size,
}

/** Which face each prior is, by what the network says of it. */
export enum SimOta {
  /** Of boxes. */
  input = 4,
  costs,
  points,
  states,
  /** Of the faces. */
  table,
  claims,
  labels,
  rows,
  priors,
  faces,
  classes,
  /** A thread's own memory, and its bytes. */
  scratch,
  scratchBytes,
  size,
}
