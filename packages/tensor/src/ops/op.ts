/**
 * How an operation is declared.
 *
 * An `OpSpec` has a shape rule (`outputs`) and a `forward` that records kernels into preallocated outputs.
 * `defineOp` makes it a function of tensors that works eagerly, on the tape, and while a module is traced for
 * `compile`. The public function wraps it with named arguments:
 *
 *     export const leakyReluOp = defineOp<{ slope: number }>({
 *       name: "leakyRelu",
 *       outputs: ([x]) => [x],
 *       forward: (run, [x], [y], { slope }) => run.kernel(unary("leakyRelu", x.size, [slope]), [x, y]),
 *     });
 *     export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp([x], { slope })[0];
 *
 * Its gradient is a function of its own, beside it in `gradient.ts` and named in `autograd/gradients.ts`: an
 * operation knows nothing of gradients, which are made of operations, and a program that only runs networks
 * carries none.
 */

import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { describe } from "../core/arguments.js";
import { bytesPerElement } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import { gradEnabled } from "../core/grad-mode.js";
import { assertShape, sizeOf } from "../core/shape.js";
import { Storage } from "../core/storage.js";
import { Tensor, type TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { forStorage } from "./half.js";
import { runningRerun } from "./rerun.js";
import type { OpRun, OpSpec, PackedRoom } from "./spec.js";
import { activeTrace, type TraceNode } from "./trace.js";

/** A declaration that can be called. */
export interface Op<A> {
  (inputs: readonly Tensor[], attrs: A): Tensor[];
  readonly spec: OpSpec<A>;
}

/** A buffer with packed weights; see `OpRun.pack`. */
export function packed(
  run: OpRun,
  kernel: Kernel,
  args: readonly Tensor[],
  room: PackedRoom,
): BufferBinding {
  if (run.pack) return run.pack(kernel, args, room);
  const buffer = run.scratch(room.elements);
  run.kernel(kernel, [...args, buffer]);
  return buffer;
}

/** Makes a declaration callable. */
export function defineOp<A>(spec: OpSpec<A>): Op<A> {
  const op = (inputs: readonly Tensor[], attrs: A): Tensor[] => applyOp(spec, inputs, attrs);
  return Object.assign(op, { spec });
}

/** Notes an operation for its gradient. */
export type TapeWriter = <A>(
  spec: OpSpec<A>,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  attrs: A,
) => void;

/** None in programs without gradients. */
let putOnTape: TapeWriter | undefined;

/** Lets operations be recorded: a part of the whole library, which `inference.ts` goes without. */
export function installTape(writer: TapeWriter): void {
  putOnTape = writer;
}

function applyOp<A>(spec: OpSpec<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  const device = commonDevice(spec.name, inputs);
  const infos = spec.outputs(inputs, attrs);
  for (const info of infos) assertShape(spec.name, info.shape);
  if (runningRerun()?.leavesOut(spec, inputs.length, infos, attrs)) return [];
  const traces = activeTrace() !== undefined || inputs.some((input) => input.traced);
  const outputs = traces
    ? traceOp(spec, inputs, attrs, infos, device)
    : runOp(spec, inputs, attrs, infos, device);
  const records = gradEnabled() && inputs.some((input) => input.requiresGrad);
  if (records && outputs.some(isFloat)) putOnTape?.(spec, inputs, outputs, attrs);
  return outputs;
}

export function isFloat({ dtype }: TensorInfo): boolean {
  return dtype === "f32" || dtype === "f16";
}

function runOp<A>(
  spec: OpSpec<A>,
  inputs: readonly Tensor[],
  attrs: A,
  infos: TensorInfo[],
  device: Device,
): Tensor[] {
  if (spec.alias) return [new Tensor(device, infos[0], inputs[0].storage)];
  const outputs = infos.map((info) => allocate(device, info, spec.name));
  if (spec.updates || outputs.some((output) => output.size > 0)) {
    record(device, (run) => spec.forward(run, inputs, outputs, attrs));
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
          forStorage(kernel, args),
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
    throw new TensorError(
      "TRACED",
      `${op.name}: a traced tensor was used outside its trace; keep nothing of a forward pass that is compiled.`,
    );
  }
  const node: TraceNode = { op, attrs, inputs, outputs: [] };
  for (const info of infos) node.outputs.push({ info });
  trace.add(node);
  return node.outputs.map((value) => new Tensor(device, value.info, value));
}

/** @throws TensorError `ARGUMENT` unless all are tensors, `DEVICE_MISMATCH` unless they are on one device. */
export function commonDevice(name: string, inputs: readonly Tensor[]): Device {
  for (const [k, input] of inputs.entries()) {
    if (input instanceof Tensor) continue;
    throw new TensorError(
      "ARGUMENT",
      `${name}: input ${k} must be a tensor, not ${describe(input)}.`,
    );
  }
  const { device } = inputs[0];
  if (inputs.some((input) => input.device !== device)) {
    throw new TensorError(
      "DEVICE_MISMATCH",
      `${name}: its tensors are on different devices; make them on one, or read and upload the values.`,
    );
  }
  return device;
}
