import { existsSync } from "node:fs";
import path from "node:path";
import { installPackages, packagesInstalled } from "./install.mjs";
import { root } from "./paths.mjs";

/**
 * Installs the benchmark's peers where the shared data is at hand: the tests then also compare with the ONNX
 * export of the weights. Without them those tests are skipped, so a failure here is only told.
 */
export async function installPeersForOracle() {
  const shared = process.env.RETINAFACE_SHARED || path.join(root, "../shared");
  const bench = path.join(root, "bench");
  if (!existsSync(path.join(shared, "weights")) || packagesInstalled(bench)) return;
  process.env.ONNXRUNTIME_NODE_INSTALL ??= "skip";
  try {
    await installPackages(bench);
  } catch (error) {
    console.log(`warning: the peers in bench/ are not installed: ${error.message}`);
  }
}
