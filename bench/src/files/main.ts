#!/usr/bin/env node
/**
 * `npm run bench:files`: from a folder of photos to faces, by whole processes and in warm loops, this library beside sharp and
 * onnxruntime with the same network.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { sharedFile } from "../detectors/contestants.js";
import { describeMachine } from "../environment.js";
import { findBenchWeights } from "../network.js";
import { reportFailure, UsageError } from "../options.js";
import { planResults } from "../output.js";
import { summarize } from "../statistics.js";
import { compareNetworks, firstFaces } from "./aims.js";
import { DRAWN, drawFolder } from "./folder.js";
import { runWarm, runWhole, type WholeRun } from "./measure.js";
import { type FilesOptions, parseFilesOptions } from "./options.js";
import { type Program, programsFor, type Work } from "./programs.js";
import { type FilesResult, filesChart, formatFiles, type ProgramRow, peakOf } from "./report.js";

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** Engines of ours. WebGPU runs where an adapter answers. */
const BACKENDS = ["wasm", "webgpu"];

async function photosOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  if (names.length === 0) throw new UsageError(`no JPEG or PNG in ${folder}`);
  return names.map((name) => path.join(folder, name));
}

/** All programs take turns, photos in the system's cache: a first run of each is not counted. */
async function compare(
  programs: readonly Program[],
  photos: readonly string[],
  rounds: number,
): Promise<ProgramRow[]> {
  const runs = new Map<Program, WholeRun[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const program of programs) {
      if (round > 0 && !runs.has(program)) continue;
      progress(`${round === 0 ? "warming up" : `round ${round}`}: ${program.name}`);
      try {
        const run = await runWhole(program, photos);
        if (round === 0) runs.set(program, []);
        else runs.get(program)!.push(run);
      } catch (error) {
        if (round > 0 || !(error instanceof UsageError)) throw error;
        progress(`${program.name} is left out: ${error.message}`);
      }
    }
  }
  const rows: ProgramRow[] = [];
  for (const [program, whole] of runs) {
    progress(`warm loops: ${program.name}`);
    const warm = await runWarm(program, photos, rounds);
    const { name, group } = program;
    rows.push({
      name,
      group,
      whole: summarize(whole.map(({ milliseconds }) => milliseconds)),
      warm: summarize(warm),
      peak: peakOf(whole.map(({ peak }) => peak)),
      faces: whole[0].faces,
    });
  }
  return rows;
}

async function measure(options: FilesOptions, temporary: string): Promise<FilesResult> {
  const environment = describeMachine();
  const device = await createHostDevice();
  const { bytes, origin } = await findBenchWeights(device);
  device.destroy();
  const weights = path.join(temporary, `weights${path.extname(origin) || ".safetensors"}`);
  await writeFile(weights, bytes);
  const { maxSide, rounds, filter } = options;
  const onnx = sharedFile("weights/mobilenet0.25_640x640.onnx");
  const isOfficial = origin === "mobilenet0.25_Final.pth" && existsSync(onnx);
  if (!isOfficial) progress("there is no ONNX model of these weights: nothing to compare with");
  const work: Work = { weights, onnx: isOfficial ? onnx : undefined, maxSide };
  const programs = programsFor(work, BACKENDS).filter(({ name }) => filter?.test(name) ?? true);
  if (programs.length === 0) throw new UsageError(`nothing matches --filter ${filter?.source}`);
  const drawn = path.join(temporary, "photos");
  const photos = options.photos ? await photosOf(options.photos) : await drawFolder(drawn, DRAWN);
  const rows = await compare(programs, photos, rounds);
  progress("the network alone");
  const network = isOfficial ? await compareNetworks(weights, 3 * rounds, progress) : undefined;
  progress("first faces");
  return {
    environment,
    weights: origin,
    photos: options.photos ?? "drawn photos",
    count: photos.length,
    maxSide,
    rows,
    network,
    firstFaces: await firstFaces(weights, rounds),
    loadAverageAfter: Number(loadavg()[0].toFixed(2)),
  };
}

try {
  const options = parseFilesOptions(process.argv.slice(2));
  const writeResults = await planResults("files", ["photos"], options);
  const temporary = await mkdtemp(path.join(tmpdir(), "bench-files-"));
  try {
    const result = await measure(options, temporary);
    const charts = new Map([["photos", filesChart(result)]]);
    await writeResults({ result, table: formatFiles(result), charts });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
} catch (error) {
  process.exitCode = reportFailure(error);
}
