import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

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

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
