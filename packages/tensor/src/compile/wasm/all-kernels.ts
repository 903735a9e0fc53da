/** What only training, other operations than those of compiled plans and other networks than convolutional ones take. */
import type { Device } from "../../device/device.js";
import { installPlanLowering } from "../plan-lowerings.js";
import { installStepLowering } from "../step/lowerings.js";
import { planOnHost } from "./host-plan.js";
import { lowerToWasm } from "./step/step.js";

export { furtherSteps } from "./further.js";

/** Lets `compileStep` and `compile` prepare an engine's kernels on a device in its memory. */
export function installHostLowerings(device: Device): void {
  installStepLowering(device, lowerToWasm);
  installPlanLowering(device, planOnHost);
}
