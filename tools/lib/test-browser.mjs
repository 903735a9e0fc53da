import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launchChromiumForVideo } from "./browser.mjs";
import { root } from "./paths.mjs";
import { inCompanies } from "./test-files.mjs";
import { hasTotals, judge, judgeCompany, splitCompany } from "./test-report.mjs";
import { COMPANY, startTestServer } from "./test-server.mjs";

const COMPANY_PAGE = fileURLToPath(new URL("./test-company-page.mjs", import.meta.url));

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
      entryPoints: {
        ...Object.fromEntries(
          tests.map(({ file }) => [bundleName(folder, file).replace(/\.js$/, ""), file]),
        ),
        [COMPANY.replace(/\.js$/, "")]: COMPANY_PAGE,
      },
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
 * Runs compiled test files in headless Chromium, one after another in one tab: in pages of several files that run in other places
 * too, with nothing stored by an earlier page. A page for each file would cost a second of processor time a file.
 *
 * @param {{id: string, name: string, file: string, both: boolean}[]} tests
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
  const tab = new Tab(browser);
  try {
    console.log(`Chromium ${browser.version()}, WebGPU adapter: ${await adapterName(tab, server)}`);
    const options = { folder, origin: server.origin, timeoutMs, signal };
    for (const company of inCompanies(tests)) {
      for await (const result of runCompany(tab, company, options)) {
        if (signal.aborted) return;
        report(result);
      }
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

/** A tab that is used again until something goes wrong in it. */
class Tab {
  browser;
  #page;

  constructor(browser) {
    this.browser = browser;
  }

  /** The tab, without what earlier pages stored. */
  async open(url) {
    if (this.#page === undefined) {
      this.#page = await (await this.browser.newContext()).newPage();
      return this.#page;
    }
    const session = await this.#page.context().newCDPSession(this.#page);
    const { origin } = new URL(url);
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
    await session.detach();
    return this.#page;
  }

  /** The next page gets a new tab. */
  async drop() {
    const page = this.#page;
    this.#page = undefined;
    await page?.context().close();
  }
}

async function adapterName(tab, server) {
  const url = `${server.origin}/page/`;
  const page = await tab.open(url);
  await page.goto(url);
  const name = await page.evaluate(async () => {
    const info = (await navigator.gpu?.requestAdapter())?.info;
    return info && [info.vendor, info.architecture, info.description].filter(Boolean).join(" ");
  });
  return name ?? "none";
}

/** Runs tests in one page and, unless all of them pass so, each in its own. */
async function* runCompany(tab, tests, options) {
  const { folder, origin } = options;
  const names = tests.map(({ file }) => bundleName(folder, file));
  let together;
  if (tests.length > 1) {
    const query = new URLSearchParams(names.map((name) => ["bundle", name]));
    const ended = await visit(tab, {
      ...options,
      url: `${origin}/company/?${query}`,
      files: tests,
    });
    together = judgeCompany(tests, ended);
    if (together === undefined) {
      console.log("browser: not all pass in one page: again");
      await tab.drop();
    }
  }
  for (const [index, { id, name, both }] of tests.entries()) {
    const result = together?.[index] ?? (await runPage(tab, names[index], { ...options, name }));
    yield { ...result, id, both };
    if (options.signal.aborted) return;
  }
}

/** Runs one file in a page of its own. */
async function runPage(tab, bundle, { name, ...options }) {
  const url = `${options.origin}/page/${encodeURI(bundle)}`;
  const result = judge({ name, ...(await visit(tab, { ...options, url, files: [bundle] })) });
  if (result.problem !== undefined) await tab.drop();
  return result;
}

/** Shows a page until uvu has printed totals of so many files, an error ends it, or time is up. */
async function visit(tab, { url, files, timeoutMs, signal }) {
  const ends = [performance.now()];
  let output = "";
  let problem;
  try {
    const page = await tab.open(url);
    const watch = watchPage(page, (text) => {
      output += text;
      const parts = files.length === 1 ? [output] : splitCompany(output);
      const done = parts.filter(hasTotals).length;
      while (ends.length <= done) ends.push(performance.now());
      return done === files.length;
    });
    const late = setTimeout(() => watch.stop(`ran longer than ${timeoutMs / 1000} s`), timeoutMs);
    const abort = () => watch.stop("interrupted");
    signal.addEventListener("abort", abort, { once: true });
    try {
      await page.goto(url, { waitUntil: "commit" });
      await watch.ended;
      await sleep(SETTLE_MS);
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", abort);
      problem = watch.end();
    }
  } catch (error) {
    problem ??= error.message;
  }
  return { output, ends, problem, seconds: (performance.now() - ends[0]) / 1000 };
}

/**
 * Follows what a page prints until `print`, given each text, says that it was the last, or `stop` is called.
 * `end` takes the listeners off and returns why the page failed, if it did.
 */
function watchPage(page, print) {
  let problem;
  let finish;
  const ended = new Promise((resolve) => {
    finish = resolve;
  });
  const stop = (why) => {
    problem ??= why;
    finish();
  };
  const listeners = {
    console: (message) => {
      // uvu marks each test by one call; keep the marks on one line.
      const text = message.text();
      if (print(text + (/[•✘]/.test(text) ? "" : "\n"))) finish();
    },
    pageerror: (error) => {
      print(`${error.stack ?? error}\n`);
      stop(`an error nobody caught: ${error.message}`);
    },
    crash: () => stop("the page crashed"),
    close: () => stop("the browser crashed"),
  };
  for (const [event, listener] of Object.entries(listeners)) page.on(event, listener);
  const end = () => {
    for (const [event, listener] of Object.entries(listeners)) page.off(event, listener);
    return problem;
  };
  return { ended, stop, end };
}
