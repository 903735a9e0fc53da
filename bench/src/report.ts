import { type LinePlot, linePlot } from "@retinaface-webgpu/train";
import type { Ceilings } from "./ceilings.js";
import { barChart } from "./chart.js";
import type { ColdStarts } from "./cold-start.js";
import { type Environment, formatEnvironment } from "./environment.js";
import type { KernelResult } from "./kernels.js";
import type { benchModel, NetworkResult } from "./model.js";
import type { StageResult } from "./stages.js";
import type { Summary } from "./statistics.js";
import { formatBytes, formatNumber, formatShare, formatTable } from "./table.js";
import type { TrainingResult } from "./training.js";

/** Everything a run measured; sections left out by `--filter` are absent. */
export interface BenchResult {
  readonly environment: Environment;
  readonly ceilings: Ceilings;
  readonly kernels?: readonly KernelResult[];
  readonly weights?: string;
  readonly model?: Awaited<ReturnType<typeof benchModel>>;
  readonly stages?: StageResult;
  readonly training?: TrainingResult;
  readonly coldStart?: ColdStarts;
  /** One-minute load average as the run ended. */
  readonly loadAverageAfter?: number;
}

/** The whole result as text. */
export function formatResult(result: BenchResult): string {
  const { ceilings, kernels, model, stages, training, coldStart } = result;
  const sections = [
    formatEnvironment(result.environment),
    formatCeilings(ceilings),
    kernels?.length ? formatKernels(kernels) : undefined,
    model && formatModel(model, result.weights ?? "unknown"),
    stages && formatStages(stages),
    training && formatTraining(training),
    coldStart && formatColdStart(coldStart),
  ];
  return `${sections.filter(Boolean).join("\n\n")}\n`;
}

function formatCeilings(ceilings: Ceilings): string {
  return formatTable(
    ["ceilings", "", "unit"],
    [
      ["fused multiply-add", ceilings.gflops, "GFLOP/s"],
      ["copy", ceilings.gbytes, "GB/s"],
      ["empty dispatch", ceilings.dispatchMicroseconds, "µs"],
      ["submit and wait", ceilings.roundTripMilliseconds, "ms"],
    ],
  );
}

function formatKernels(kernels: readonly KernelResult[]): string {
  return formatTable(
    ["kernel", "ms", "±", "GFLOP/s", "GB/s", "of ceiling", "bound by", "first call ms"],
    kernels.map(({ name, time, gflops, gbytes, share, bound, firstCall }) => [
      name,
      time.median,
      formatShare(time.spread),
      gflops,
      gbytes,
      formatShare(share),
      bound,
      firstCall,
    ]),
  );
}

function networkRows(results: readonly NetworkResult[]) {
  return results.map(({ batch, side, time, gflops, compile, firstRun, memory }) => [
    `${batch} × ${side}×${side}`,
    time.median,
    formatShare(time.spread),
    time.median / batch,
    gflops,
    compile,
    firstRun,
    formatBytes(memory.arena),
    formatBytes(memory.activations),
    formatBytes(memory.peak),
  ]);
}

const NETWORK_HEADER = [
  "network",
  "ms",
  "±",
  "ms/image",
  "GFLOP/s",
  "compile ms",
  "first run ms",
  "arena",
  "activations",
  "peak so far",
];

function formatModel(model: NonNullable<BenchResult["model"]>, weights: string): string {
  const { main, sides, batches, weightBytes, byKernel } = model;
  const total = byKernel.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return [
    `RetinaFace MobileNet-0.25 (weights: ${weights}, ${formatBytes(weightBytes)} packed), ` +
      `${main.dispatches} dispatches`,
    formatTable(NETWORK_HEADER, networkRows([main, ...sides, ...batches])),
    "",
    byKernel.length > 0
      ? formatTable(
          ["one frame by kernel", "dispatches", "ms", "share", "GFLOP/s"],
          byKernel.map(({ name, dispatches, milliseconds, gflops }) => [
            name,
            dispatches,
            milliseconds,
            formatShare(milliseconds / total),
            gflops,
          ]),
        )
      : "one frame by kernel: not measured, the adapter has no timestamps",
  ].join("\n");
}

function formatStages(result: StageResult): string {
  const { detect, networkAlone, outside, parts, stages, dispatches, submits, faces } = result;
  return formatTable(
    ["stage at 640×640", "ms"],
    [
      ["decode the PNG file (CPU)", parts.decode],
      ["upload: hand over pixels and commands (CPU)", parts.upload],
      ["preprocess (GPU clock)", stages?.preprocess],
      ["network (GPU clock)", stages?.network],
      ["postprocess (GPU clock)", stages?.postprocess],
      ["submission and read-back", stages?.readback],
      ["faces from the result (CPU)", parts.faces],
      ["in all, profiled", parts.total],
      ["detect() of pixels, not profiled", detect],
      ["the network alone, in turn with it", networkAlone],
      ["share of detect() outside the network", formatShare(outside)],
      ["dispatches", dispatches],
      ["submits", submits],
      ["faces", faces],
    ],
  );
}

function formatTraining(training: TrainingResult): string {
  const { step, forward, plan, compiledStep, host, waiting, groups, batchOfEight } = training;
  const { stepOverForward, stepOverPlan, stepOverCompiled, firstLoss, lastLoss } = training;
  const timed = (name: string, { median, spread }: Summary) => [name, median, formatShare(spread)];
  const told = (text: string) => [text, undefined, undefined];
  const arena = formatBytes(training.arenaBytes);
  return formatTable(
    ["training at 320×320, batch 1", "ms", "± or ratio"],
    [
      timed("forward, loss, backward, SGD", step),
      timed("the same compiled", compiledStep),
      timed("of that the host", host),
      timed("then waiting for the device", waiting),
      timed("an image of eight, compiled", batchOfEight),
      ...training.wasm.map(({ threads, batch, time }) =>
        timed(`WebAssembly, ${countOf(threads)}: an image of ${batch}, compiled`, time),
      ),
      timed("eager forward", forward),
      timed("compiled forward", plan),
      ["step / compiled step", undefined, stepOverCompiled],
      ["step / eager forward", undefined, stepOverForward],
      ["step / compiled forward", undefined, stepOverPlan],
      ...Object.entries(groups).map(([name, ms]) => [`GPU clock: ${name}`, ms, undefined]),
      ...training.wasm.flatMap(({ threads, batch, groups }) =>
        Object.entries(groups).map(([name, ms]) => [
          `WebAssembly, ${countOf(threads)}, an image of ${batch}: ${name}`,
          ms,
          undefined,
        ]),
      ),
      told(`${training.dispatches} dispatches, ${arena} shared by what lives within a step`),
      told(`loss ${formatNumber(firstLoss)} → ${formatNumber(lastLoss)} over all steps`),
    ],
  );
}

const countOf = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);

function formatColdStart({ cold, warm }: ColdStarts): string {
  return formatTable(
    ["fresh process, ms", "empty shader cache", "filled shader cache"],
    [
      ["start to weights on the GPU", cold.loaded, warm.loaded],
      ["start to first faces at 640×640", cold.firstFaces, warm.firstFaces],
      ["processor time until then, all threads", cold.processor, warm.processor],
      ["pipelines compiled by then", cold.pipelines, warm.pipelines],
      ["a later detect() of that size", cold.known, warm.known],
      ["first detect() of a new size, more than its second", cold.newSize, warm.newSize],
    ],
  );
}

function plotOf(
  title: string,
  label: string,
  points: readonly (readonly [number, number])[],
): string {
  const plot: LinePlot = {
    title,
    x: { label, log: true },
    y: { label: "milliseconds", log: true },
    series: [{ name: "network", points, dots: true }],
  };
  return linePlot(plot);
}

/** What {@link chartsOf} may draw. */
export const CHARTS = ["kernels", "sides", "batches"];

/** SVG charts by the end of their file name. */
export function chartsOf(result: BenchResult): ReadonlyMap<string, string> {
  const { environment, kernels, model } = result;
  const where = `${environment.adapter.name}, ${environment.commit}, ${environment.date.slice(0, 10)}`;
  const charts = new Map<string, string>();
  if (kernels?.length) {
    const bars = kernels.map(({ name, time, gflops, share }) => ({
      label: name,
      value: time.median,
      note: `${formatNumber(gflops)} GFLOP/s, ${formatShare(share)}`,
      group: name.split(" ")[0] === "conv" ? "convolution" : "other",
    }));
    charts.set("kernels", barChart("Kernels, share of the ceiling", where, "ms", bars));
  }
  if (model && model.sides.length > 1) {
    const points = model.sides.map(({ side, time }) => [side, time.median] as const);
    charts.set("sides", plotOf(`Network over input side (${where})`, "side, pixels", points));
  }
  if (model && model.batches.length > 1) {
    const points = model.batches.map(({ batch, time }) => [batch, time.median] as const);
    charts.set("batches", plotOf(`Network over batch at 640×640 (${where})`, "images", points));
  }
  return charts;
}
