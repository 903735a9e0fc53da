import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { launchChromiumForVideo } from "./browser.mjs";
import { root } from "./paths.mjs";
import { hasTotals, judge } from "./test-report.mjs";
import { startTestServer } from "./test-server.mjs";

/** After the totals: time for a rejection that nobody handled to show. */
const SETTLE_MS = 100;

/**
 * Bundles test files for the browser, each an entry point, shared modules in chunks of their own.
 * @param {{file: string}[]} tests
 * @param {string} folder what the names of the bundles are relative to
 * @returns {Promise<{bundles: Map<string, Uint8Array>} | {errors: string}>}
 */
async function bundle(tests, folder) {
  try {
    const { outputFiles } = await build({
      entryPoints: tests.map(({ file }) => file),
      outbase: folder,
      outdir: folder,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      target: "es2023",
      write: false,
      logLevel: "silent",
    });
    return {
      bundles: new Map(outputFiles.map((file) => [bundleName(folder, file.path), file.contents])),
    };
  } catch (error) {
    return { errors: error.message };
  }
}

function bundleName(folder, file) {
  return path.relative(folder, file).split(path.sep).join("/");
}

/**
 * Runs compiled test files in headless Chromium, each in a fresh page of a fresh context, one after another:
 * they share one GPU process.
 *
 * @param {{name: string, file: string, both: boolean}[]} tests
 * @param {{folder: string, timeoutMs: number, signal: AbortSignal}} options
 * @param {(result: import("./test-report.mjs").FileResult) => void} report called as each file ends
 */
export async function runBrowserTests(tests, { folder, timeoutMs, signal }, report) {
  const { bundles, errors } = await bundle(tests, folder);
  if (bundles === undefined) {
    const problem = "the test files cannot be bundled for a browser";
    report(judge({ name: "browser bundle", output: errors, seconds: 0, problem }));
    return;
  }
  const shared = process.env.RETINAFACE_SHARED || path.join(root, "../shared");
  const server = await startTestServer(bundles, path.resolve(shared));
  const browser = await launchChromiumForVideo();
  try {
    console.log(
      `Chromium ${browser.version()}, WebGPU adapter: ${await adapterName(browser, server)}`,
    );
    for (const test of tests) {
      if (signal.aborted) break;
      const url = `${server.origin}/page/${encodeURI(bundleName(folder, test.file))}`;
      const result = await runPage(browser, { name: test.name, url, timeoutMs, signal });
      report({ ...result, both: test.both });
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

async function adapterName(browser, server) {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/page/`);
  const name = await page.evaluate(async () => {
    const info = (await navigator.gpu?.requestAdapter())?.info;
    return info && [info.vendor, info.architecture, info.description].filter(Boolean).join(" ");
  });
  await page.close();
  return name ?? "none";
}

/** Runs one page until uvu prints its totals, an error ends it, or time is up. */
async function runPage(browser, { name, url, timeoutMs, signal }) {
  const started = performance.now();
  const context = await browser.newContext();
  const page = await context.newPage();
  let output = "";
  let problem;
  const ended = new Promise((resolve) => {
    const stop = (why) => {
      problem ??= why;
      resolve();
    };
    page.on("console", (message) => {
      // uvu marks each test by one call; keep the marks on one line.
      output += message.text() + (/[•✘]/.test(message.text()) ? "" : "\n");
      if (hasTotals(output)) resolve();
    });
    page.on("pageerror", (error) => {
      output += `${error.stack ?? error}\n`;
      stop(`an error nobody caught: ${error.message}`);
    });
    page.on("crash", () => stop("the page crashed"));
    browser.once("disconnected", () => stop("the browser crashed"));
    signal.addEventListener("abort", () => stop("interrupted"), { once: true });
    setTimeout(() => stop(`ran longer than ${timeoutMs / 1000} s`), timeoutMs).unref();
  });
  try {
    await page.goto(url);
    await ended;
    await sleep(SETTLE_MS);
    await context.close();
  } catch (error) {
    problem ??= error.message;
  }
  return judge({ name, output, seconds: (performance.now() - started) / 1000, problem });
}
