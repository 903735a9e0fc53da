import { Device } from "@retinaface-webgpu/tensor";
import type { Test } from "uvu";
import { skip } from "./skip.js";

const probe = await Device.create();
const hasHalf = probe.has("shader-f16");
probe.destroy();

/** Registers a test by `register`, or a skip where the adapter cannot run it. */
export function whereHalf(test: Test, name: string, register: () => void): void {
  if (hasHalf) register();
  else skip(test, name, "the adapter has no shader-f16");
}

/** A test of f16, or a skip where the adapter has none. */
export function halfTest(test: Test, name: string, run: () => Promise<void>): void {
  whereHalf(test, name, () => test(name, run));
}
