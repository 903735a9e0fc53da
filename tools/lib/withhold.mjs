// Loaded before a test (`node --import`): Dawn's devices come without what `WITHHOLD` names, also in the commands
// that the test runs. `limits` stands for all that exceeds WebGPU's guaranteed limits.
import { globals } from "webgpu";

const withheld = new Set((process.env.WITHHOLD ?? "").split(",").filter(Boolean));
const { prototype } = globals.GPUAdapter;
const { requestDevice } = prototype;

prototype.requestDevice = function (descriptor = {}) {
  const { requiredFeatures = [], requiredLimits = {}, ...rest } = descriptor;
  return requestDevice.call(this, {
    ...rest,
    requiredFeatures: [...requiredFeatures].filter((feature) => !withheld.has(feature)),
    requiredLimits: withheld.has("limits") ? {} : requiredLimits,
  });
};
