import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { driverState } from "./adapter.mjs";
import { run } from "./run.mjs";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

const commonPlaces = {
  linux: ["/usr/lib/chromium/chromium", "/opt/google/chrome/chrome", "/snap/bin/chromium"],
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  win32: ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"]
    .filter((variable) => process.env[variable] !== undefined)
    .map((variable) => path.join(process.env[variable], "Google/Chrome/Application/chrome.exe")),
};

/** The path of a Chromium or Chrome: CHROME_PATH, then PATH, then the usual places; undefined if none. */
export function findChromium(environment = process.env) {
  if (environment.CHROME_PATH) {
    return isExecutable(environment.CHROME_PATH) ? environment.CHROME_PATH : undefined;
  }
  const suffix = process.platform === "win32" ? ".exe" : "";
  const onPath = (environment.PATH ?? "")
    .split(path.delimiter)
    .filter(Boolean)
    .flatMap((folder) => names.map((name) => path.join(folder, name + suffix)));
  return [...onPath, ...(commonPlaces[process.platform] ?? [])].find(isExecutable);
}

/** Chromium's file, the drivers and the GPUs that it may find, as text; undefined where there is no Chromium. */
export function chromiumState() {
  const executable = findChromium();
  if (executable === undefined) return undefined;
  const { size, mtimeMs } = statSync(executable);
  const devices = existsSync("/dev/dri") ? readdirSync("/dev/dri").sort() : [];
  return [executable, size, mtimeMs, ...devices, ...driverState()].join("\n");
}

/** What Chromium says of its version; undefined where there is none, or on Windows, where it would open a window. */
export async function chromiumVersion() {
  const executable = findChromium();
  if (executable === undefined || process.platform === "win32") return undefined;
  return (await run(executable, ["--version"], { timeoutMs: 20_000 })).stdout;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
