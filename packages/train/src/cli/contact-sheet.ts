import { Command, Option } from "commander";
import { RetinaFaceError } from "retinaface-webgpu";
import { encodePng, overwriteOption } from "retinaface-webgpu/node";
import { contactSheet } from "../augment/contact-sheet.js";
import { loadSamples, sampleJobs } from "../augment/loader.js";
import { plainAugment, type Sample, trainingAugment } from "../augment/sample.js";
import { createWorkerSampler } from "../augment/worker-sampler.node.js";
import type { Problem } from "../data/record.js";
import { defaultWorkers } from "../worker-pool.node.js";
import { loadData, printJson, reportProblems } from "./console.js";
import { dataOption, wholeNumber } from "./options.js";
import { resultsOf } from "./outputs.js";

interface ContactSheetValues {
  readonly data: string;
  readonly out: string;
  readonly count: number;
  readonly columns: number;
  readonly size: number;
  readonly tile: number;
  readonly seed: number;
  readonly epoch: number;
  readonly workers: number;
  readonly plain?: boolean;
  readonly overwrite?: boolean;
}

async function runContactSheet(values: ContactSheetValues): Promise<void> {
  const { data, out, size, tile, columns, seed, epoch } = values;
  const dataset = loadData(data);
  const { records } = dataset;
  const outputs = resultsOf(values, [], dataset);
  await outputs.check(out);
  const augment = values.plain ? plainAugment(size) : trainingAugment(size);
  const sampler = createWorkerSampler({ records, augment, seed }, values.workers);
  const jobs = sampleJobs(records.length, seed, { epoch, position: 0 });
  const wanted = Array.from({ length: values.count }, () => jobs.next().value);
  const samples: Sample[] = [];
  const problems: Problem[] = [];
  try {
    for await (const loaded of loadSamples(wanted, sampler)) {
      if ("sample" in loaded) samples.push(loaded.sample);
      else problems.push(loaded.problem);
    }
  } finally {
    await sampler.close();
  }
  reportProblems(problems);
  if (samples.length === 0)
    throw new RetinaFaceError(
      "NO_IMAGES",
      "no image could be read: mend or leave out those named above",
    );
  await outputs.write(out, encodePng(contactSheet(samples, { tile, columns })));
  const faces = samples.reduce((sum, { ignored }) => sum + ignored.length, 0);
  const counted = dataset.problems.length + problems.length;
  printJson({ file: out, samples: samples.length, faces, problems: counted });
  if (problems.length > 0) process.exitCode = 1;
}

export function contactSheetCommand(): Command {
  const number = (flags: string, text: string, least: number, value: number) =>
    new Option(flags, text).argParser(wholeNumber(least)).default(value);
  return new Command("contact-sheet")
    .description("draw augmented training samples with their faces into one PNG")
    .addOption(dataOption().makeOptionMandatory())
    .requiredOption("--out <file>", "PNG to write")
    .addOption(number("--count <n>", "number of samples", 1, 24))
    .addOption(number("--columns <n>", "samples side by side", 1, 6))
    .addOption(number("--size <n>", "side of a sample as the network sees it", 1, 640))
    .addOption(number("--tile <n>", "side of a sample on the sheet", 1, 256))
    .addOption(number("--seed <n>", "seed of the augmentation, as for train", 0, 1))
    .addOption(number("--epoch <n>", "epoch, counted from 0", 0, 0))
    .addOption(number("--workers <n>", "threads; 0: none beside the main one", 0, defaultWorkers()))
    .option("--plain", "whole images without augmentation")
    .addOption(overwriteOption())
    .action(runContactSheet);
}
