import { Command, Option } from "commander";
import { type AnchorConfig, DEFAULT_CONFIG, type DetectorConfig } from "retinaface-webgpu";
import { overwriteOption, readConfigFile } from "retinaface-webgpu/node";
import type { AnchorRecall } from "../anchors/recall.js";
import { plotAnchorSearch, searchAnchors } from "../anchors/search.js";
import { withSizes } from "../data/image-size.js";
import { formatTestScale, type TestScale } from "../evaluate/test-scales.js";
import { formatTable, loadData, printJson, reportProblems, say } from "./console.js";
import { dataOption, positiveNumbers, scaleOption, wholeNumber } from "./options.js";
import { resultsOf } from "./outputs.js";

interface AnchorValues {
  readonly data: string;
  readonly k?: number;
  readonly maxK: number;
  readonly scale: TestScale;
  readonly ratios?: number[];
  readonly seed: number;
  readonly present?: string;
  readonly out?: string;
  readonly plot?: string;
  readonly overwrite?: boolean;
}

/** A configuration file, completed by the published one. */
export async function readAnchors(file: string): Promise<DetectorConfig> {
  return { ...DEFAULT_CONFIG, ...(await readConfigFile(file)) };
}

function sayRecall(name: string, rows: readonly AnchorRecall[]): void {
  const range = ({ from, to }: AnchorRecall) => {
    if (to !== null) return `${from}–${to}`;
    return from === 0 ? "all" : `${from}–`;
  };
  say(`\n${name}: faces with an anchor of at least this IoU, by size in pixels of the input`);
  say(
    formatTable(
      ["size", "faces", "IoU 0.35", "IoU 0.5", "mean IoU"],
      rows.map((row) => [range(row), row.faces, row.recall35, row.recall50, row.meanIou]),
    ),
  );
}

async function runAnchors(values: AnchorValues): Promise<void> {
  const { data, k, maxK, scale, ratios, seed, out, plot } = values;
  const dataset = loadData(data);
  const outputs = resultsOf(values, [values.present], dataset);
  await outputs.check(out, plot);
  const sized = await withSizes(dataset.records);
  reportProblems(sized.problems);
  const present: AnchorConfig = values.present
    ? (await readAnchors(values.present)).anchors
    : DEFAULT_CONFIG.anchors;
  const found = searchAnchors(sized.records, { k, maxK, scale, ratios, seed, present });
  say("");
  say(
    formatTable(
      ["k", "mean IoU", "sizes (width × height)"],
      found.search.map((row) => [
        row.k,
        row.meanIou,
        row.centres.map(([w, h]) => `${w.toFixed(0)}×${h.toFixed(0)}`).join(" "),
      ]),
    ),
  );
  say(`elbow at k = ${found.elbow}, chosen k = ${found.k}`);
  sayRecall("present anchors", found.recall.present);
  sayRecall("proposed anchors", found.recall.proposed);
  const config: DetectorConfig = { ...DEFAULT_CONFIG, anchors: found.config };
  if (out) await outputs.writeText(out, `${JSON.stringify(config, null, 2)}\n`);
  if (plot) await outputs.writeText(plot, plotAnchorSearch(found));
  const problems = dataset.problems.length + sized.problems.length;
  const { config: _, ...rest } = found;
  printJson({
    data,
    images: sized.records.length,
    problems,
    scale: formatTestScale(scale),
    ...rest,
    config,
  });
  if (sized.problems.length > 0) process.exitCode = 1;
}

export function anchorsCommand(): Command {
  return new Command("anchors")
    .description("search anchor sizes for a data set by k-means over its faces")
    .addOption(dataOption().makeOptionMandatory())
    .addOption(
      new Option("-k <n>", "number of anchor sizes (default: the elbow's)").argParser(
        wholeNumber(1),
      ),
    )
    .addOption(new Option("--max-k <n>", "largest k tried").argParser(wholeNumber(1)).default(12))
    .addOption(scaleOption())
    .addOption(
      new Option(
        "--ratios <list>",
        "widths over heights (default: the faces' typical one)",
      ).argParser(positiveNumbers),
    )
    .addOption(new Option("--seed <n>", "seed of k-means").argParser(wholeNumber(0)).default(1))
    .option("--present <file>", "configuration to compare with (default: the published anchors)")
    .option("--out <file>", "write the configuration as JSON, for train, evaluate and detect")
    .option("--plot <file>", "write the curve of k as SVG")
    .addOption(overwriteOption())
    .action(runAnchors);
}
