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
  const { shared, lines, ok } = compareShared(node, browser, "Chromium");
  const all = [
    ...lines,
    `only in Node, for files, processes, servers: ${ran(node) - shared[0]} tests`,
    `only in Chromium, for the page: ${ran(browser) - shared[1]} tests`,
  ];
  return verdict("check same tests in Node and Chromium", all, ok);
}

/** As `comparePlaces`, for Deno, which runs the shared files only. */
export function compareDeno(node, deno) {
  const { lines, ok } = compareShared(node, deno, "Deno");
  return verdict("check same tests in Node and Deno", lines, ok);
}

/** How many tests of the files that both places run did run in each, and whether that is about the same. */
function compareShared(node, other, place) {
  const inBoth = (results) => results.filter(({ both }) => both);
  const [first, second] = [inBoth(node), inBoth(other)];
  const shared = [ran(first), ran(second)];
  const lines = [
    `in both places (${first.length} files): ${shared[0]} tests in Node, ${shared[1]} in ${place}`,
    ...differences(first, second, place),
  ];
  const [fewer, more] = [Math.min(...shared), Math.max(...shared)];
  return { shared, lines, ok: more - fewer <= TOLERANCE * more };
}

function verdict(name, lines, ok) {
  for (const line of lines) console.log(line);
  return {
    name,
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
function differences(node, other, place) {
  const bare = (name) => name.replace(/^\w+ /, "");
  const counts = new Map(other.map((result) => [bare(result.name), ran([result])]));
  return node.flatMap((result) => {
    const name = bare(result.name);
    const [here, there] = [ran([result]), counts.get(name) ?? 0];
    return here === there ? [] : [`  ${name}: ${here} in Node, ${there} in ${place}`];
  });
}
