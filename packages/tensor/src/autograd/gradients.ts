/**
 * The table of gradients: one row for each operation that has one. It stands above operations and tape, so
 * that neither knows of the other, and a program that only runs networks carries no gradient at all.
 *
 * A gradient is made of operations; a training step that is traced gets its backward pass by calling it with
 * traced tensors.
 */
import type { UnaryOp } from "@retinaface-webgpu/kernels-wgsl";
import { inferenceOp, trainingOp } from "../ops/batchnorm/forward.js";
import { inferenceGradient, trainingGradient } from "../ops/batchnorm/gradient.js";
import * as binary from "../ops/binary/forward.js";
import * as binaryGradients from "../ops/binary/gradient.js";
import { conv2dOp } from "../ops/conv2d/forward.js";
import { conv2dGradient, transposedGradient } from "../ops/conv2d/gradient.js";
import { inputGradientOp } from "../ops/conv2d/input-gradient.js";
import { deformSampleOp } from "../ops/deform/forward.js";
import { deformSampleGradient } from "../ops/deform/gradient.js";
import * as gathers from "../ops/gather/forward.js";
import * as gatherGradients from "../ops/gather/gradient.js";
import { crossEntropyOp, focalOp, smoothL1Op } from "../ops/losses/forward.js";
import { crossEntropyGradient, focalGradient, smoothL1Gradient } from "../ops/losses/gradient.js";
import { matmulOp } from "../ops/matmul/forward.js";
import { matmulGradient } from "../ops/matmul/gradient.js";
import * as movement from "../ops/movement/forward.js";
import * as movementGradients from "../ops/movement/gradient.js";
import type { Op } from "../ops/op.js";
import { padOp } from "../ops/pad/forward.js";
import { padGradient } from "../ops/pad/gradient.js";
import { averageOp, maxOp as maxPoolOp } from "../ops/pool/forward.js";
import { avgPoolGradient, maxPoolGradient } from "../ops/pool/gradient.js";
import { interpolateOp, rasterizeOp } from "../ops/raster/forward.js";
import { interpolateGradient, rasterizeGradient } from "../ops/raster/gradient.js";
import * as reduce from "../ops/reduce/forward.js";
import * as reduceGradients from "../ops/reduce/gradient.js";
import { bilinearOp, nearestOp } from "../ops/resize/forward.js";
import { resizeGradient } from "../ops/resize/gradient.js";
import { cumulativeSumOp } from "../ops/scan/forward.js";
import { cumulativeSumGradient } from "../ops/scan/gradient.js";
import { numberOp, whereOp } from "../ops/select/forward.js";
import { whereGradient } from "../ops/select/gradient.js";
import { logSoftmaxOp, softmaxOp } from "../ops/softmax/forward.js";
import { softmaxGradient } from "../ops/softmax/gradient.js";
import { sortOp } from "../ops/sort/forward.js";
import { sortGradient } from "../ops/sort/gradient.js";
import { sparseMatmulOp } from "../ops/sparse/forward.js";
import { sparseMatmulGradient } from "../ops/sparse/gradient.js";
import type { Gradient, OpSpec } from "../ops/spec.js";
import { triangleOp } from "../ops/triangle/forward.js";
import { triangleGradient } from "../ops/triangle/gradient.js";
import { unaryOps } from "../ops/unary/all.js";
import { unaryGradient } from "../ops/unary/gradient.js";

type Row = readonly [spec: object, gradient: Gradient<never>];

/** One row; the types see to it that the gradient takes the operation's attributes. */
function row<A>(op: Op<A>, gradient: Gradient<A>): Row {
  return [op.spec, gradient];
}

const elementwise = Object.entries(unaryOps).map(([name, op]) =>
  row(op, unaryGradient(name as UnaryOp)),
);

const table = new Map<object, Gradient<never>>([
  ...elementwise,
  row(binary.addOp, binaryGradients.addGradient),
  row(binary.subOp, binaryGradients.subGradient),
  row(binary.mulOp, binaryGradients.mulGradient),
  row(binary.divOp, binaryGradients.divGradient),
  row(binary.powOp, binaryGradients.powGradient),
  row(binary.maximumOp, binaryGradients.maximumGradient),
  row(binary.minimumOp, binaryGradients.minimumGradient),
  row(binary.preluOp, binaryGradients.preluGradient),
  row(binary.equalOp, binaryGradients.noGradient),
  row(binary.lessOp, binaryGradients.noGradient),
  row(binary.lessEqualOp, binaryGradients.noGradient),
  row(binary.greaterOp, binaryGradients.noGradient),
  row(binary.greaterEqualOp, binaryGradients.noGradient),
  row(whereOp, whereGradient),
  row(numberOp, binaryGradients.noGradient),
  row(matmulOp, matmulGradient),
  row(reduce.sumOp, reduceGradients.sumGradient),
  row(reduce.meanOp, reduceGradients.meanGradient),
  row(reduce.sumSquaresOp, reduceGradients.sumSquaresGradient),
  row(reduce.prodOp, reduceGradients.prodGradient),
  row(reduce.maxOp, reduceGradients.extremeGradient),
  row(reduce.minOp, reduceGradients.extremeGradient),
  row(softmaxOp, softmaxGradient),
  row(logSoftmaxOp, softmaxGradient),
  row(movement.reshapeOp, movementGradients.reshapeGradient),
  row(movement.permuteOp, movementGradients.permuteGradient),
  row(movement.broadcastOp, movementGradients.broadcastGradient),
  row(movement.castOp, movementGradients.castGradient),
  row(movement.concatOp, movementGradients.concatGradient),
  row(movement.sliceOp, movementGradients.sliceGradient),
  row(padOp, padGradient),
  row(cumulativeSumOp, cumulativeSumGradient),
  row(triangleOp, triangleGradient),
  row(gathers.gatherOp, gatherGradients.gatherGradient),
  row(gathers.scatterOp, gatherGradients.scatterGradient),
  row(gathers.gatherElementsOp, gatherGradients.gatherElementsGradient),
  row(gathers.scatterElementsOp, gatherGradients.scatterElementsGradient),
  row(sortOp, sortGradient),
  row(sparseMatmulOp, sparseMatmulGradient),
  row(rasterizeOp, rasterizeGradient),
  row(interpolateOp, interpolateGradient),
  row(conv2dOp, conv2dGradient),
  row(inputGradientOp, transposedGradient),
  row(deformSampleOp, deformSampleGradient),
  row(maxPoolOp, maxPoolGradient),
  row(averageOp, avgPoolGradient),
  row(nearestOp, resizeGradient),
  row(bilinearOp, resizeGradient),
  row(inferenceOp, inferenceGradient),
  row(trainingOp, trainingGradient),
  row(crossEntropyOp, crossEntropyGradient),
  row(focalOp, focalGradient),
  row(smoothL1Op, smoothL1Gradient),
]);

/** The gradient of an operation, by its declaration; undefined where it has none. */
export function gradientOf(spec: object): Gradient<unknown> | undefined {
  const own = (spec as Partial<OpSpec<never>>).gradient;
  return (table.get(spec) ?? own) as Gradient<unknown> | undefined;
}
