/** What a page is to people who use keys, a screen reader, or strong contrast. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

const options: RunOptions = {
  resultTypes: ["violations"],
  rules: { "target-size": { enabled: true } },
};

/** What axe-core finds wrong with a page as it stands, in light and in dark: labels, roles, contrast, headings. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const violations = await page.evaluate(async (given) => {
      const { axe } = globalThis as unknown as {
        axe: { run(options: RunOptions): Promise<AxeResults> };
      };
      const results = await axe.run(given);
      return results.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`),
      );
    }, options);
    found.push(...violations.map((text) => `${colorScheme}: ${text}`));
  }
  return found;
}

/** More stops than a page here has. */
const MOST_STOPS = 100;

/**
 * Where the Tab key stops from the top of a page to its end, by id or text.
 *
 * @throws Error for a stop whose focus cannot be seen
 */
export async function tabStops(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
  const stops: string[] = [];
  while (stops.length < MOST_STOPS) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const focused = document.activeElement;
      if (focused === null || focused === document.body) return undefined;
      const { outlineStyle, outlineWidth } = getComputedStyle(
        focused.closest(".button") ?? focused,
      );
      const seen = outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
      return { name: focused.id || focused.textContent.trim() || focused.ariaLabel, seen };
    });
    if (stop === undefined) return stops;
    if (!stop.seen) throw new Error(`the focus on ${stop.name} cannot be seen`);
    stops.push(stop.name ?? "");
  }
  throw new Error(`the Tab key has not left the page after ${MOST_STOPS} stops`);
}
