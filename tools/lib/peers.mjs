import { existsSync } from "node:fs";
import path from "node:path";
import { installPackages, packagesInstalled } from "./install.mjs";
import { root } from "./paths.mjs";

const bench = path.join(root, "bench");

/** Installs the benchmark's peers unless they are there. */
export async function installPeers() {
  if (packagesInstalled(bench)) return;
  // onnxruntime-node would fetch CUDA libraries; what it needs here is in the package.
  process.env.ONNXRUNTIME_NODE_INSTALL ??= "skip";
  await installPackages(bench);
}

/**
 * Installs the benchmark's peers where the shared data is at hand: the tests then also compare with the ONNX
 * export of the weights. Without them those tests are skipped, so a failure here is only told.
 */
export async function installPeersForOracle() {
  const shared = process.env.RETINAFACE_SHARED || path.join(root, "../shared");
  if (!existsSync(path.join(shared, "weights"))) return;
  try {
    await installPeers();
  } catch (error) {
    console.log(`warning: the peers in bench/ are not installed: ${error.message}`);
  }
}
