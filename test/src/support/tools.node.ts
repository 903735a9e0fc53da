import type { Browser, Page } from "playwright-core";
import { importTool } from "./repository.node.js";

/** What the tests use of tools/lib. */
export const { launchChromium, launchChromiumForVideo, launchChromiumWithoutWebGpu } =
  await importTool<{
    launchChromiumWithoutWebGpu(): Promise<Browser>;
    launchChromium(flags?: string[]): Promise<Browser>;
    launchChromiumForVideo(flags?: string[]): Promise<Browser>;
  }>("tools/lib/browser.mjs");

export const { findChromium } = await importTool<{ findChromium(): string | undefined }>(
  "tools/lib/chromium.mjs",
);

export const { serveFolder } = await importTool<{
  serveFolder(
    folder: string,
    port?: number,
    options?: { inlineScripts?: boolean },
  ): Promise<{ origin: string; close(): Promise<void> }>;
}>("tools/lib/static-server.mjs");

export const { buildSite } = await importTool<{
  buildSite(folder: string, weights?: string): Promise<void>;
}>("tools/lib/site.mjs");

export const { packPackages, installTarballs } = await importTool<{
  packPackages(folder: string): Promise<{ name: string; tarball: string }[]>;
  installTarballs(folder: string, tarballs: string[]): Promise<{ offline: boolean }>;
}>("tools/lib/packages.mjs");

export const { run } = await importTool<{
  run(
    command: string,
    args: readonly string[],
    options?: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number },
  ): Promise<{ code: number; output: string; stdout: string }>;
}>("tools/lib/run.mjs");

/** Collects what a page complains of and every address it asks for. */
export function watchPage(page: Page): { errors: string[]; requests: string[] } {
  const seen = { errors: [] as string[], requests: [] as string[] };
  page.on("pageerror", (error) => seen.errors.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    const { url } = message.location();
    if (message.type() !== "error" || url.endsWith("/favicon.ico")) return;
    seen.errors.push(`${message.text()} ${url}`);
  });
  page.on("request", (request) => seen.requests.push(request.url()));
  return seen;
}

export const { replaceSite } = await importTool<{
  replaceSite(
    folder: string,
    inputs: string[],
    write: (fresh: string) => Promise<void>,
  ): Promise<void>;
}>("tools/lib/site-folder.mjs");

export const { startTestServer } = await importTool<{
  startTestServer(
    bundles: Map<string, Uint8Array>,
    sharedFolder: string,
  ): Promise<{ origin: string; close(): Promise<void> }>;
}>("tools/lib/test-server.mjs");
