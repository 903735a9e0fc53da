import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../../core/errors.js";
import type { GPUBindGroup } from "../../core/web.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import type { CompiledKernel } from "../../device/pipelines.js";
import { PARAMS_SLOT, paramsInPlace, writeParams } from "../params.js";
import type { Lowering, StepDispatch } from "./webgpu.js";

/** A dispatch that is ready to go. */
export interface StepCommand {
  readonly compiled: CompiledKernel;
  readonly kernel: Kernel;
  readonly group: GPUBindGroup;
  readonly offsets: number[];
}

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
  const { buffer, offsets: places } = writeParams(
    device,
    order.map(({ kernel }) => kernel),
    "params of a step",
  );
  const offsets = new Map(order.map((dispatch, i) => [dispatch, places[i]]));
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
  const changing = new Uint8Array(varying.length * PARAMS_SLOT);
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
  const now = paramsInPlace(lowering.kernels(node)[index], kernel);
  if (!now) {
    throw new TensorError(
      "STALE_STEP",
      `${node.op.name} takes another kernel than when the step was compiled (an option of the optimizer ` +
        "changed, such as momentum from 0): call compileStep() again.",
    );
  }
  return now;
}
