/** How operations whose kernels are written for f32 take tensors that are stored as f16. */
import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { Tensor, type TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import { requireDtype } from "./dtype-check.js";

type HalfStorage = (kernel: Kernel, half: readonly boolean[]) => Kernel;

let storedAs: HalfStorage | undefined;

/** Lets them take f16: apart, so that a program that only runs networks does not carry it. */
export function installHalfStorage(adapt: HalfStorage): void {
  storedAs = adapt;
}

/** @throws TensorError `DTYPE` unless the tensor is f32, or f16 in a program that trains */
export function requireStored(op: string, tensor: TensorInfo): void {
  requireDtype(op, tensor, "f32", ...(storedAs ? (["f16"] as const) : []));
}

/** The kernel for its arguments as they are stored. */
export function forStorage(kernel: Kernel, args: readonly (Tensor | BufferBinding)[]): Kernel {
  const half = args.map((arg) => arg instanceof Tensor && arg.dtype === "f16");
  return storedAs && half.includes(true) ? storedAs(kernel, half) : kernel;
}
