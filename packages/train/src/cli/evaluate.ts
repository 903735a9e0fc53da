import { Command, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import { type Evaluation, evaluateDetections } from "../evaluate/evaluate.js";
import { runDetector } from "../evaluate/run.js";
import { precisionRecallPlot } from "../report/report.js";
import { formatTable, imageProgress, loadData, printJson, reportProblems, say } from "./console.js";
import { evaluateWiderFace } from "./evaluate-wider.js";
import { describeProtocol, type EvaluateValues, loadEvaluated } from "./evaluated.js";
import { addTestScale, dataOption, thresholdOptions, weightsOption } from "./options.js";
import { resultsOf } from "./outputs.js";

function sayEvaluation(result: Evaluation): void {
  say(
    formatTable(
      ["images", "faces", "AP 0.5", "AP 0.5 (11 points)", "AP 0.5:0.95", "best F1", "at score"],
      [
        [
          result.images,
          result.faces,
          result.ap50,
          result.ap50ElevenPoint,
          result.ap,
          result.bestF1?.f1 ?? null,
          result.bestF1?.threshold ?? null,
        ],
      ],
    ),
  );
  say("");
  say(
    formatTable(
      ["precision", "recall", "at score"],
      result.recallAtPrecision.map(({ atLeast, point }) => [
        atLeast,
        point?.recall ?? null,
        point?.threshold ?? null,
      ]),
    ),
  );
  say("");
  say(
    formatTable(
      ["size", "faces", "recall at best F1"],
      result.bySize.map(({ from, to, faces, found }) => [
        to === null ? `${from}–` : `${from}–${to}`,
        faces,
        faces === 0 ? null : found / faces,
      ]),
    ),
  );
  const { landmarks } = result;
  if (landmarks) {
    const error = `${landmarks.byEyes.toFixed(4)} of the eyes' distance`;
    say(
      `\nlandmark error ${error}, ${landmarks.byBox.toFixed(4)} of the box, ${landmarks.faces} faces`,
    );
  }
}

async function evaluateData(values: EvaluateValues & { data: string }): Promise<void> {
  const { data, weights = null } = values;
  const dataset = loadData(data);
  const outputs = resultsOf(values, [values.weights, values.anchors], dataset);
  await outputs.check(values.json, values.plot);
  const progress = imageProgress(dataset.records.length);
  const detector = await loadEvaluated(values);
  try {
    const { images, problems } = await runDetector(dataset.records, detector.detect, {
      onProgress: (done, id) => progress.update(done, id),
    });
    progress.stop();
    reportProblems(problems);
    const result = evaluateDetections(images);
    if (result.faces === 0) say("the data hold no face to find: only false positives are measured");
    sayEvaluation(result);
    const { curve, ...summary } = result;
    const counted = dataset.problems.length + problems.length;
    const header = {
      data,
      weights,
      problems: counted,
      protocol: describeProtocol(values, detector.thresholds),
    };
    if (values.plot)
      await outputs.writeText(values.plot, precisionRecallPlot({ "IoU 0.5": curve }));
    if (values.json) {
      await outputs.writeText(values.json, `${JSON.stringify({ ...header, ...summary, curve })}\n`);
    }
    printJson({ ...header, ...summary });
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    progress.stop();
    detector.dispose();
  }
}

async function runEvaluate(values: EvaluateValues): Promise<void> {
  const { data, wider } = values;
  if ((data === undefined) === (wider === undefined)) {
    throw new OptionError("evaluate needs either --data SPEC or --wider FOLDER");
  }
  if (wider !== undefined) await evaluateWiderFace({ ...values, wider });
  else if (data !== undefined) await evaluateData({ ...values, data });
}

export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .description("measure a detector on labelled images: average precision, recall, landmark error")
    .addOption(dataOption())
    .addOption(weightsOption())
    .option("--anchors <file>", "anchors as JSON, where the checkpoint does not hold its own")
    .addOption(
      new Option(
        "--scale <size>",
        "original (the default), a long side such as 640 (never up), or a short side with the " +
          "limit of the long one such as 1600/2150; repeat it for several scales with box voting",
      ).argParser(addTestScale),
    )
    .option("--mirror", "look at mirrored images too, with box voting");
  for (const option of [...thresholdOptions(), ...backendOptions()]) command.addOption(option);
  return command
    .option("--wider <folder>", "WIDER FACE's protocol, with its four .mat files in this folder")
    .option("--images <folder>", "WIDER FACE's validation images, with --wider")
    .option("--predictions <folder>", "judge this submission instead of a detector, with --wider")
    .option("--submission <folder>", "write the detections as a submission, with --wider")
    .option("--json <file>", "write the result with its curves")
    .option("--plot <file>", "write the precision-recall curve as SVG")
    .addOption(overwriteOption())
    .action(runEvaluate);
}
