import path from "node:path";
import { chromium } from "playwright-core";
import { readJson, writeJson } from "./cache.mjs";
import { chromiumState, findChromium } from "./chromium.mjs";
import { SetupError } from "./errors.mjs";
import { cacheDir } from "./paths.mjs";

/** A headless Chromium with WebGPU on whatever the machine has; docs/testing.md tells what each flag is for. */
const flags = [
  "--enable-unsafe-webgpu",
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  // SwiftShader compiles the zeroing of workgroup memory element by element: 2.5 s of 2.7 s for a kernel with 8 KiB.
  // Without this extension Dawn writes it as a loop.
  "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
];

/** What lends frames of a video to a WebGPU adapter on the CPU; a GPU needs nothing for it. */
const softwareFrameFlags = [
  "--use-angle=swiftshader",
  "--use-vulkan=swiftshader",
  "--enable-features=Vulkan",
];

/** Chromium's number for SwiftShader where it names vendors of GPUs. */
const SOFTWARE_VENDOR = 0xffff;

const gpuFile = path.join(cacheDir, "chromium-gpu.json");

/**
 * Starts Chromium as `launchChromium` does, so that WebGPU can take frames of a video whether there is a GPU or not.
 * Only a Chromium that runs knows of GPUs: it is asked once, and again when it, a driver or a device has changed.
 * @param {string[]} [extraFlags]
 * @returns {Promise<import("playwright-core").Browser>}
 */
export async function launchChromiumForVideo(extraFlags = []) {
  const forSoftware = () => launchChromium([...softwareFrameFlags, ...extraFlags]);
  const key = chromiumState();
  const remembered = readJson(gpuFile);
  if (remembered?.key === key) return remembered.gpu ? launchChromium(extraFlags) : forSoftware();
  const browser = await launchChromium(extraFlags);
  const session = await browser.newBrowserCDPSession();
  const { devices } = (await session.send("SystemInfo.getInfo")).gpu;
  const gpu = devices.some(({ vendorId }) => vendorId !== SOFTWARE_VENDOR);
  writeJson(gpuFile, { key, gpu });
  if (gpu) return browser;
  await browser.close();
  return forSoftware();
}

/**
 * Starts Chromium with a fresh profile. The caller closes it.
 * @param {string[]} [extraFlags] e.g. a fake camera
 * @returns {Promise<import("playwright-core").Browser>}
 */
export function launchChromium(extraFlags = []) {
  return launch([...flags, ...extraFlags]);
}

/**
 * Starts Chromium as most people without a graphics card have it: no page gets a WebGPU adapter.
 * @returns {Promise<import("playwright-core").Browser>}
 */
export function launchChromiumWithoutWebGpu() {
  return launch([...flags.filter((flag) => flag !== "--enable-unsafe-webgpu"), "--disable-gpu"]);
}

function launch(args) {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new SetupError("no Chromium was found: run `node tools/setup.mjs --browser`", 2);
  }
  return chromium.launch({
    executablePath,
    headless: true,
    args,
    handleSIGINT: false,
    handleSIGTERM: false,
  });
}
