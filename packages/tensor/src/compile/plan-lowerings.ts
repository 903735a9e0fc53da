import type { Device } from "../device/device.js";
import type { CompileOptions } from "./options.js";
import type { Owned } from "./owned.js";
import type { Plan } from "./plan.js";
import type { TracedForward } from "./trace.js";

/** How a forward pass gets to run on a device; what it takes is the plan's to give back. */
export type PlanLowering = (
  device: Device,
  traced: TracedForward,
  options: CompileOptions,
  owned: Owned,
) => Promise<Plan<never>>;

const lowerings = new WeakMap<Device, PlanLowering>();

/** Lets plans on a device be lowered otherwise than to WebGPU. */
export function installPlanLowering(device: Device, lowering: PlanLowering): void {
  lowerings.set(device, lowering);
}

export function planLoweringOf(device: Device): PlanLowering | undefined {
  return lowerings.get(device);
}
