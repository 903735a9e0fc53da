import { mayHaveGpu, openGpu } from "#platform";
import { type AdapterDescription, describeAdapter } from "./adapter.js";

/**
 * What `Device.create()` would run on, without making a device; undefined where there is no WebGPU. Where the system shows
 * no graphics card at all, nothing is loaded to find out.
 */
export async function probeAdapter(): Promise<AdapterDescription | undefined> {
  if (!mayHaveGpu()) return undefined;
  try {
    const { gpu, release } = await openGpu();
    try {
      const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
      return adapter ? describeAdapter(adapter.info) : undefined;
    } finally {
      release();
    }
  } catch {
    return undefined;
  }
}
