import { chromium } from "playwright-core";
import { findChromium } from "./chromium.mjs";

/** A headless Chromium with WebGPU on whatever the machine has; docs/testing.md tells what each flag is for. */
const flags = [
  "--enable-unsafe-webgpu",
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
];

/**
 * Starts Chromium with a fresh profile. The caller closes it.
 * @param {string[]} [extraFlags] e.g. a fake camera
 * @returns {Promise<import("playwright-core").Browser>}
 */
export function launchChromium(extraFlags = []) {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error("no Chromium was found: run `node tools/setup.mjs --browser`");
  }
  return chromium.launch({
    executablePath,
    headless: true,
    args: [...flags, ...extraFlags],
    handleSIGINT: false,
    handleSIGTERM: false,
  });
}
