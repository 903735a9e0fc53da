import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../../core/errors.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import type { StepCommand } from "./compiled-step.js";
import type { Lowering, StepDispatch } from "./webgpu.js";

/** Bytes between the parameters of two dispatches, as uniform buffers are bound. */
const ALIGNMENT = 256;

/** A dispatch with its buffers. */
export interface BoundDispatch {
  readonly kernel: Kernel;
  readonly bindings: readonly BufferBinding[];
  readonly varies?: StepDispatch["varies"];
}

/** Dispatches that are ready to go, and what writes the parameters of those that vary. */
export interface Commands {
  readonly commands: readonly StepCommand[];
  readonly refresh: () => void;
  readonly release: () => void;
}

/** Compiles kernels, in parallel, and binds them; all parameters lie in one buffer, those that vary first. */
export async function prepareCommands(
  device: Device,
  dispatches: readonly BoundDispatch[],
  lowering: Lowering,
): Promise<Commands> {
  const compiled = await Promise.all(dispatches.map(({ kernel }) => device.prepare(kernel)));
  const varying = dispatches.filter(({ varies }) => varies);
  const order = [...varying, ...dispatches.filter(({ varies }) => !varies)];
  const offsets = new Map<BoundDispatch, number>();
  let total = 0;
  for (const dispatch of order) {
    offsets.set(dispatch, total);
    total += Math.ceil((dispatch.kernel.params?.byteLength ?? 0) / ALIGNMENT) * ALIGNMENT;
  }
  const bytes = new Uint8Array(Math.max(total, 16));
  for (const [dispatch, offset] of offsets) {
    if (dispatch.kernel.params) bytes.set(new Uint8Array(dispatch.kernel.params), offset);
  }
  const buffer = device.allocate(bytes.length, "params of a step");
  device.write(buffer, bytes);
  const commands = dispatches.map((dispatch, i): StepCommand => {
    const { kernel, bindings } = dispatch;
    const block = kernel.params && {
      buffer: buffer.buffer,
      offset: 0,
      size: kernel.params.byteLength,
    };
    const group = device.bind(compiled[i], bindings, block);
    return { compiled: compiled[i], kernel, group, offsets: block ? [offsets.get(dispatch)!] : [] };
  });
  const changing = new Uint8Array(varying.length * ALIGNMENT);
  return {
    commands,
    refresh: () => {
      if (varying.length === 0) return;
      for (const dispatch of varying) {
        changing.set(paramsNow(dispatch, lowering), offsets.get(dispatch)!);
      }
      device.write(buffer, changing);
    },
    release: () => device.free(buffer),
  };
}

/** The parameters of a kernel as its node's attributes are now. */
function paramsNow({ kernel, varies }: BoundDispatch, lowering: Lowering): Uint8Array {
  const { node, index } = varies!;
  const now = lowering.kernels(node)[index];
  if (now?.wgsl !== kernel.wgsl || now.params?.byteLength !== kernel.params?.byteLength) {
    throw new TensorError(
      "STALE_STEP",
      `${node.op.name} takes another kernel than when the step was compiled (an option of the optimizer ` +
        "changed, such as momentum from 0): call compileStep() again.",
    );
  }
  return new Uint8Array(now.params ?? new ArrayBuffer(0));
}
