import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../core/errors.js";
import type { GPUBindGroup } from "../core/web.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import type { CompiledKernel } from "../device/pipelines.js";
import type { Owned } from "./owned.js";
import { type Params, paramsInPlace, writeParams } from "./params.js";
import { type Operand, opSteps, type Step } from "./steps.js";

/** A dispatch, ready to be recorded. */
export interface Command {
  readonly compiled: CompiledKernel;
  readonly kernel: Kernel;
  readonly bindings: readonly BufferBinding[];
  readonly group: GPUBindGroup;
  readonly offsets: number[];
}

/** Binds steps to memory, as often as that changes. */
export class Binder {
  readonly #device: Device;
  readonly #steps: readonly Step[];
  readonly #compiled: readonly CompiledKernel[];
  readonly #params: Params;
  readonly #varying: readonly number[];

  /** @param compiled the steps' kernels */
  constructor(
    device: Device,
    steps: readonly Step[],
    compiled: readonly CompiledKernel[],
    owned: Owned,
  ) {
    this.#device = device;
    this.#steps = steps;
    this.#compiled = compiled;
    const kernels = steps.map(({ kernel }) => kernel);
    const params = writeParams(device, kernels, "params of a plan");
    owned.add(() => device.free(params.buffer));
    this.#params = params;
    this.#varying = [...steps.keys()].filter((i) => steps[i].varies);
  }

  /** Writes the parameters of dispatches that vary. @throws TensorError `STALE_PLAN` when one needs another kernel */
  refresh(): void {
    const { buffer, offsets } = this.#params;
    for (const i of this.#varying) {
      this.#device.write(buffer, paramsNow(this.#device, this.#steps[i]), offsets[i]);
    }
  }

  /** @param before commands of the same steps, of which those that bind the same are taken over */
  bind(
    bindingOf: (operand: Operand) => BufferBinding,
    before: readonly Command[] | undefined,
  ): Command[] {
    return this.#steps.map(({ kernel, operands }, i) => {
      const bindings = operands.map(bindingOf);
      const known = before?.[i];
      if (known && sameBindings(known.bindings, bindings)) return known;
      const compiled = this.#compiled[i];
      const { buffer, offsets } = this.#params;
      const size = kernel.params?.byteLength;
      const group = this.#device.bind(
        compiled,
        bindings,
        size ? { buffer: buffer.buffer, size } : undefined,
      );
      return { compiled, kernel, bindings, group, offsets: size ? [offsets[i]] : [] };
    });
  }
}

/** The parameters of a dispatch as its node's attributes are now. */
function paramsNow(device: Device, { kernel, varies }: Step): Uint8Array {
  const { node, index } = varies!;
  const now = paramsInPlace(opSteps(device, node)[index]?.kernel, kernel);
  if (!now) {
    throw new TensorError(
      "STALE_PLAN",
      `${node.op.name} takes another kernel than when the plan was compiled: call compile() again.`,
    );
  }
  return now;
}

function sameBindings(a: readonly BufferBinding[], b: readonly BufferBinding[]): boolean {
  return a.every(
    ({ buffer, offset, size }, i) =>
      buffer === b[i].buffer && offset === b[i].offset && size === b[i].size,
  );
}
