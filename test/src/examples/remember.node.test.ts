import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { barriers } from "../support/accessibility.node.js";
import { repository } from "../support/repository.node.js";
import { skip } from "../support/skip.js";
import { tinyEmbedder } from "../support/tiny-embedder.js";
import {
  buildSite,
  findChromium,
  launchChromium,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";

/* The demo page remembers faces that are named, with weights that its user chooses, and sends nothing anywhere. */

const test = suite("remembered faces");
const PASS_MS = 120_000;
const folder = mkdtempSync(path.join(tmpdir(), "retinaface-remember-"));
const sample = path.join(repository, "packages/retinaface/assets/sample.png");
let server: Awaited<ReturnType<typeof serveFolder>>;
let browser: Browser;

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

const who = (page: Page) => page.locator("#people-faces .who").allTextContents();
const status = (page: Page, hasText: string | RegExp) =>
  page.locator("#people-status", { hasText }).waitFor({ timeout: PASS_MS });

/** The page with the sample picture and an embedding network. */
async function openPage(page: Page, weights: string): Promise<void> {
  await page.goto(`${server.origin}/?backend=wasm`);
  await page.locator("#status", { hasText: "Ready" }).waitFor({ timeout: PASS_MS });
  await page.setInputFiles("#files", sample);
  await page.locator("#count", { hasText: "3" }).waitFor({ timeout: PASS_MS });
  await page.click("#people summary");
  await page.setInputFiles("#people-weights", weights);
}

/** Names of the page's databases that hold something of people. */
const kept = (page: Page) =>
  page.evaluate(async () =>
    (await indexedDB.databases()).map(({ name }) => name).filter((name) => /people/.test(name!)),
  );

if (findChromium() === undefined) skip(test, "the page", "no Chromium on this machine");
else
  test("a face that is named is recognised, after a reload too, until everybody is forgotten", async () => {
    const [weights, others] = ["a", "b"].map((name) => path.join(folder, `${name}.safetensors`));
    writeFileSync(weights, await tinyEmbedder(1));
    writeFileSync(others, await tinyEmbedder(2));
    await buildSite(path.join(folder, "site"));
    server = await serveFolder(path.join(folder, "site"));
    browser = await launchChromium();
    const page = await browser.newPage();
    const seen = watchPage(page);
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.method() !== "GET" || request.postData() !== null) sent.push(request.url());
    });
    await openPage(page, weights);
    await status(page, "0 people remembered");
    assert.equal(await who(page), Array(3).fill("nobody is remembered yet"));
    const before = seen.requests.length;
    const first = page.locator("#people-faces li").first();
    await first.locator("input").fill("Ann Ł");
    await first.locator("button").click();
    await status(page, "1 person remembered, 1 picture");
    assert.match((await who(page))[0], /^Ann Ł \(1\.00\)$/);
    assert.equal(await barriers(page), []);
    assert.equal(seen.requests.slice(before), [], "naming a face asks for nothing");

    await openPage(page, weights);
    await status(page, "1 person remembered");
    assert.match((await who(page))[0], /^Ann Ł \(1\.00\)$/);
    assert.equal(await kept(page), ["retinaface-people"]);
    await page.setInputFiles("#people-weights", others);
    await status(page, /another|made by the model/);

    await page.click("#forget");
    await status(page, "Everybody is forgotten");
    assert.equal(await kept(page), []);
    assert.equal(await who(page), Array(3).fill("nobody is remembered yet"));
    await openPage(page, weights);
    await status(page, "0 people remembered");

    assert.equal(sent, [], "nothing is sent");
    const isOwn = (url: string) => url.startsWith(`${server.origin}/`) || url.startsWith("blob:");
    assert.equal(
      seen.requests.filter((url) => !isOwn(url)),
      [],
    );
    assert.equal(seen.errors, []);
  });

test.run();
