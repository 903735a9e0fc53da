import type { Device } from "../../device/device.js";
import type { Owned } from "../owned.js";
import type { LoweredStep } from "./compiled-step.js";
import type { StepGraph } from "./graph.js";

/** How a step's graph gets to run on a device; what it takes is the step's to give back. */
export type StepLowering = (device: Device, graph: StepGraph, owned: Owned) => Promise<LoweredStep>;

const lowerings = new WeakMap<Device, StepLowering>();

/** Lets steps on a device be lowered otherwise than to WebGPU. */
export function installStepLowering(device: Device, lowering: StepLowering): void {
  lowerings.set(device, lowering);
}

export function loweringOf(device: Device): StepLowering | undefined {
  return lowerings.get(device);
}
