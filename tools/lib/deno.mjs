import { createRequire } from "node:module";
import { SetupError } from "./errors.mjs";
import { run } from "./run.mjs";

/**
 * The program of npm's `deno`. Its install script, which `npm ci` does not run here, would do no more than link
 * the file from the package of this platform; that package's own function does it on first use.
 * @returns {string}
 * @throws SetupError where it is not installed, as on platforms for which there is none
 */
export function denoProgram() {
  try {
    return createRequire(import.meta.url)("deno/install_api.cjs").runInstall();
  } catch (error) {
    throw new SetupError(`Deno is not installed: run npm ci (${error.message.split("\n")[0]})`, 2);
  }
}

/** The variables with which Deno asks nobody for anything and writes no colours into files. */
export const DENO_ENVIRONMENT = { DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" };

/** The arguments that run a program of this repository on Deno's own WebGPU, with all rights. */
export const DENO_RUN = ["run", "-A", "--unstable-webgpu", "--no-lock", "--cached-only"];

const DESCRIBE = `const adapter = await navigator.gpu?.requestAdapter();
const { vendor, architecture, description } = adapter?.info ?? {};
console.log("Deno " + Deno.version.deno + ", WebGPU adapter: " +
  (description || [vendor, architecture].join(" ").trim() || "none"));
Deno.exit();`;

/** Version and adapter, in words. */
export async function describeDeno() {
  const args = ["eval", "--unstable-webgpu", "--no-lock", DESCRIBE];
  const env = { ...process.env, ...DENO_ENVIRONMENT };
  const { code, output } = await run(denoProgram(), args, { env });
  return code === 0 ? output.trim().split("\n").at(-1) : `Deno does not start:\n${output.trim()}`;
}
