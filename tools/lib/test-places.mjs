/** Of the tests that run in both places, the share by which their number may differ. */
const TOLERANCE = 0.1;

const ran = (results) => results.reduce((total, { passed, failed }) => total + passed + failed, 0);

/**
 * Compares how many tests ran in Node and in Chromium. Files for both places must count the same within 10%, skipped
 * tests left out: a test that is skipped in one place only, or never registered there, shows as a difference.
 *
 * @param {import("./test-report.mjs").FileResult[]} node
 * @param {import("./test-report.mjs").FileResult[]} browser
 * @returns {import("./test-report.mjs").FileResult} a result beside those of the files
 */
export function comparePlaces(node, browser) {
  const inBoth = (results) => results.filter(({ both }) => both);
  const [first, second] = [inBoth(node), inBoth(browser)];
  const counts = [ran(first), ran(second)];
  const lines = [
    `in both places (${first.length} files): ${counts[0]} tests in Node, ${counts[1]} in Chromium`,
    ...differences(first, second),
    `only in Node, for files, processes, servers: ${ran(node) - counts[0]} tests`,
    `only in Chromium, for the page: ${ran(browser) - counts[1]} tests`,
  ];
  for (const line of lines) console.log(line);
  const [fewer, more] = [Math.min(...counts), Math.max(...counts)];
  const ok = more - fewer <= TOLERANCE * more;
  return {
    name: "check same tests in Node and Chromium",
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    seconds: 0,
    skips: [],
    problem: ok ? undefined : `the counts differ by more than ${TOLERANCE * 100}%`,
    output: lines.join("\n"),
  };
}

/** A line for each file whose count differs. */
function differences(node, browser) {
  const bare = (name) => name.replace(/^\w+ /, "");
  const counts = new Map(browser.map((result) => [bare(result.name), ran([result])]));
  return node.flatMap((result) => {
    const name = bare(result.name);
    const [here, there] = [ran([result]), counts.get(name) ?? 0];
    return here === there ? [] : [`  ${name}: ${here} in Node, ${there} in Chromium`];
  });
}
