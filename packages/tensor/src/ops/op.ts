/**
 * How an operation is declared.
 *
 * An `OpSpec` has a shape rule (`outputs`), a `forward` that records kernels into preallocated outputs
 * and, where it is differentiable, a `backward` written with other operations or kernels. `defineOp`
 * makes it a function of tensors that works eagerly, on the tape, and while a module is traced for
 * `compile`. The public function wraps it with named arguments:
 *
 *     const reluOp = defineOp<{ slope: number }>({
 *       name: "leakyRelu",
 *       outputs: ([x]) => [x],
 *       forward: (run, [x], [y], { slope }) => run.kernel(unary("leakyRelu", x.size, [slope]), [x, y]),
 *       backward: ([gy], [x], _, attrs) => [leakyReluGrad(gy, x, attrs)],
 *     });
 *     export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => reluOp([x], { slope })[0];
 */

import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { gradEnabled, noGrad, type TapeNode } from "../autograd/autograd.js";
import { bytesPerElement, type DType } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import { assertShape, sizeOf } from "../core/shape.js";
import { Storage, Tensor, type TensorInfo } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import type { BufferBinding } from "../device/recorder.js";
import { activeTrace, type TraceNode } from "./trace.js";

/** What `forward` records with. */
export interface OpRun {
  readonly device: Device;
  /** Records one dispatch; arguments follow `kernel.bindings`. */
  kernel(kernel: Kernel, args: readonly (Tensor | BufferBinding)[]): void;
  /** A temporary buffer, given back when `forward` returns. */
  scratch(elements: number, dtype?: DType): BufferBinding;
}

/** Gradients of the outputs on their way to the inputs; `undefined` where nothing flows. */
export type Grads = readonly (Tensor | undefined)[];

export interface OpSpec<A> {
  readonly name: string;
  /** Shape and type rule. @throws ShapeError naming the offending shapes. */
  outputs(inputs: readonly TensorInfo[], attrs: A): TensorInfo[];
  /** True when the single output is the first input's memory under another shape. */
  readonly alias?: boolean;
  forward(run: OpRun, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): void;
  /**
   * Gradient of each input (`undefined` for none). `needs[i]` tells whether input i's is wanted.
   * Runs without recording, so that it may use other operations freely.
   */
  backward?(
    grads: Grads,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    attrs: A,
    needs: readonly boolean[],
  ): (Tensor | undefined)[];
}

export type Op<A> = (inputs: readonly Tensor[], attrs: A) => Tensor[];

/** Makes a declaration callable. */
export function defineOp<A>(spec: OpSpec<A>): Op<A> & { spec: OpSpec<A> } {
  const op = (inputs: readonly Tensor[], attrs: A): Tensor[] => applyOp(spec, inputs, attrs);
  return Object.assign(op, { spec });
}

function applyOp<A>(spec: OpSpec<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  const device = commonDevice(spec.name, inputs);
  const infos = spec.outputs(inputs, attrs);
  for (const info of infos) assertShape(spec.name, info.shape);
  if (inputs.some((input) => input.traced)) return traceOp(spec, inputs, attrs, infos, device);
  const outputs = spec.alias
    ? [new Tensor(device, infos[0], inputs[0].storage)]
    : infos.map((info) => allocate(device, info, spec.name));
  if (!spec.alias && outputs.some((output) => output.size > 0)) {
    record(device, (run) => spec.forward(run, inputs, outputs, attrs));
  }
  if (gradEnabled() && inputs.some((input) => input.requiresGrad)) {
    const node: TapeNode = {
      name: spec.name,
      inputs,
      outputs,
      backward: spec.backward
        ? (grads, needs) => noGrad(() => spec.backward!(grads, inputs, outputs, attrs, needs))
        : undefined,
    };
    for (const output of outputs) {
      if (output.dtype !== "f32" && output.dtype !== "f16") continue;
      output.requiresGrad = true;
      output.node = node;
    }
  }
  return outputs;
}

/** Runs `fn` with an `OpRun` whose scratch buffers are freed afterwards. */
export function record(device: Device, fn: (run: OpRun) => void): void {
  const scratch: Storage[] = [];
  try {
    fn({
      device,
      kernel: (kernel, args) =>
        device.run(
          kernel,
          args.map((arg) => (arg instanceof Tensor ? arg.binding : arg)),
        ),
      scratch: (elements, dtype = "f32") => {
        const storage = new Storage(device, elements * bytesPerElement(dtype), "scratch");
        storage.retain();
        scratch.push(storage);
        return { buffer: storage.buffer.buffer, offset: 0, size: storage.buffer.bytes };
      },
    });
  } finally {
    for (const storage of scratch) storage.release();
  }
}

function allocate(device: Device, info: TensorInfo, name: string): Tensor {
  const bytes = sizeOf(info.shape) * bytesPerElement(info.dtype);
  return new Tensor(device, info, new Storage(device, bytes, name));
}

function traceOp<A>(
  op: OpSpec<A>,
  inputs: readonly Tensor[],
  attrs: A,
  infos: TensorInfo[],
  device: Device,
): Tensor[] {
  const trace = activeTrace();
  if (!trace) {
    throw new TensorError("TRACED", `${op.name}: a traced tensor was used outside its trace.`);
  }
  const node: TraceNode = { op, attrs, inputs, outputs: [] };
  for (const info of infos) node.outputs.push({ info, producer: node });
  trace.nodes.push(node);
  return node.outputs.map((value) => new Tensor(device, value.info, value));
}

function commonDevice(name: string, inputs: readonly Tensor[]): Device {
  const device = inputs[0].device;
  if (inputs.some((input) => input.device !== device)) {
    throw new TensorError("DEVICE_MISMATCH", `${name}: its tensors are on different devices.`);
  }
  return device;
}
