/** Samples of deformable convolutions and their gradients as kernels for processors. */
import {
  deformInputGradient,
  deformOffsetGradient,
  deformSample,
} from "@retinaface-webgpu/kernels-wasm";
import { type DeformAttrs, deformSpec } from "../../../ops/deform/forward.js";
import type { StepValue } from "../../step/graph.js";
import { type NodeLowering, one } from "./kernels.js";

function specOf(x: StepValue, offset: StepValue, mask: StepValue | undefined, attrs: unknown) {
  const { kernelSize, stride, dilation, padding } = attrs as DeformAttrs;
  const geometry = { kernelSize, stride, dilation, padding };
  return deformSpec(x.info, offset.info, mask?.info, geometry);
}

const samples: NodeLowering = ({ inputs: [input, offset, mask], outputs: [output], attrs }) =>
  one(deformSample(specOf(input, offset, mask, attrs)), { input, offset, mask, samples: output });

const inputGradient: NodeLowering = ({ inputs, outputs: [output], attrs }) => {
  const [gradient, offset, mask] = inputs;
  const kernel = deformInputGradient(specOf(output, offset, mask, attrs));
  return one(kernel, { gradient, offset, mask, output });
};

const offsetGradient: NodeLowering = ({ inputs, outputs: [gradOffset, gradMask], attrs }) => {
  const [gradient, input, offset, mask] = inputs;
  const kernel = deformOffsetGradient(specOf(input, offset, mask, attrs));
  return one(kernel, { gradient, input, offset, mask, gradOffset, gradMask });
};

/** By the operations' names. */
export const DEFORM: Readonly<Record<string, NodeLowering>> = {
  deformSample: samples,
  deformInputGradient: inputGradient,
  deformOffsetGradient: offsetGradient,
};
