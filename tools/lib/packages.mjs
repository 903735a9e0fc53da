import path from "node:path";
import { SetupError } from "./errors.mjs";
import { root } from "./paths.mjs";
import { run } from "./run.mjs";

/** Folders of the published packages, lowest layer first. */
export const packageFolders = [
  ...["kernels-wgsl", "kernels-wasm", "tensor"],
  ...["onnx", "mesh", "retinaface", "train", "identify"],
].map((name) => path.join(root, "packages", name));

const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];

/** What npm prints when no registry answers, as opposed to one that refuses. */
const offline =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

/**
 * Packs the built packages as `npm publish` would.
 * @param {string} folder where the tarballs go
 * @returns {Promise<{name: string, tarball: string}[]>} lowest layer first
 */
export async function packPackages(folder) {
  const workspaces = packageFolders.flatMap((each) => ["--workspace", path.relative(root, each)]);
  const args = ["pack", "--json", "--pack-destination", folder, ...workspaces, ...quiet];
  const { code, stdout, output } = await run("npm", args, { cwd: root });
  if (code !== 0) throw new SetupError(`npm pack failed (exit ${code}):\n${output.trimEnd()}`);
  return JSON.parse(stdout).map(({ name, filename }) => ({
    name,
    tarball: path.join(folder, filename),
  }));
}

/**
 * Installs tarballs and whatever `folder`'s package.json asks for, from npm's cache where it can.
 * @returns {Promise<{offline: boolean}>} whether it could not, for want of a registry
 * @throws SetupError when it failed for another reason
 */
export async function installTarballs(folder, tarballs) {
  const args = ["install", "--no-package-lock", "--prefer-offline", ...quiet, ...tarballs];
  const { code, output } = await run("npm", args, { cwd: folder });
  if (code === 0) return { offline: false };
  if (offline.test(output)) return { offline: true };
  throw new SetupError(`npm install failed (exit ${code}):\n${output.trimEnd()}`);
}
