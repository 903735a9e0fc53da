import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import * as kernels from "@retinaface-webgpu/kernels-wgsl";

/** Deformable convolutions' samples and gradients, of vectors with a mask and of scalars without. */
export function deformCases(): [string, Kernel][] {
  const spec: kernels.DeformSpec = {
    ...{ batch: 2, inHeight: 9, inWidth: 11, channels: 8, outHeight: 5, outWidth: 11 },
    ...{ kernelSize: [3, 3], stride: [2, 1], dilation: [1, 1], padding: [1, 1] },
    ...{ offsetGroups: 2, modulated: true },
  };
  const odd = { ...spec, channels: 6, modulated: false };
  return [
    ["", spec],
    [" odd", odd],
  ].flatMap(([name, each]): [string, Kernel][] => {
    const one = each as kernels.DeformSpec;
    const { clear, count, begin, place, order, sum } = kernels.deformInputGradient(one);
    return [
      [`deformSample${name}`, kernels.deformSample(one)],
      [`deformOffsetGradient${name}`, kernels.deformOffsetGradient(one)],
      [`deformInputGradient clear${name}`, clear],
      [`deformInputGradient count${name}`, count],
      [`deformInputGradient begin${name}`, begin],
      [`deformInputGradient place${name}`, place],
      [`deformInputGradient order${name}`, order],
      [`deformInputGradient sum${name}`, sum],
    ];
  });
}

/** Drawing of triangles and its gradients. */
export function rasterCases(): [string, Kernel][] {
  const spec = { batch: 2, vertices: 7, triangles: 9, height: 11, width: 13, channels: 3 };
  return [
    ["rasterBounds", kernels.rasterBounds(spec)],
    ["rasterize", kernels.rasterize(spec)],
    ["rasterizeBackward", kernels.rasterizeBackward(spec)],
    ["interpolateVertices", kernels.interpolateVertices(spec)],
    ["interpolateWeightsBackward", kernels.interpolateWeightsBackward(spec)],
    ["interpolateValuesBackward", kernels.interpolateValuesBackward(spec)],
  ];
}

/** Gathers and their adjoints, sorts, sparse products. */
export function indexCases(
  rows: Omit<kernels.ScatterSpec, "elements" | "type">,
): [string, Kernel][] {
  const line = { outer: 2, extent: 5000, inner: 3, take: 7 };
  const up = kernels.sort({ ...line, descending: false });
  const down = kernels.sort({ ...line, descending: true, type: "i32" });
  const slices = kernels.scatterAddSorted({ ...rows, elements: false });
  const elements = kernels.scatterAddSorted({ ...rows, elements: true, type: "i32" });
  return [
    ["gatherElements", kernels.gatherElements(rows)],
    ["scatterAdd", kernels.scatterAdd({ ...rows, elements: false })],
    ["scatterAdd elements", kernels.scatterAdd({ ...rows, elements: true })],
    ["scatterElements", kernels.scatterElements(rows)],
    ["csrMatmul", kernels.csrMatmul({ rows: 5, inner: 7, columns: 8, values: 9 })],
    ["csrRows", kernels.csrRows({ rows: 5, values: 9 })],
    ["sort blocks", up.kernels[0]],
    ["sort blocks i32", down.kernels[0]],
    ["sort flip", up.kernels[1]],
    ["sort merge", up.kernels[2]],
    ["sort step", up.kernels[4]],
    ["sort write", up.write],
    ["scatterAdd sort", slices.kernels[0]],
    ["scatterAdd sort elements", elements.kernels[0]],
    ["scatterAdd starts", slices.starts],
    ["scatterAdd sum", slices.sum],
    ["scatterAdd sum elements", elements.sum],
  ];
}
