/**
 * What is too long for `npm test`: thousands of random networks as plans of both engines against float64, those of odd
 * seeds convolutional, those of even ones of any operations.
 *
 *     npm run test:nightly -- [--graphs 4000] [--seed FIRST]
 *
 * A failure prints the seed and the network; `--graphs 1 --seed N` repeats it. Exit code 1 when one failed.
 */
import { parseArgs } from "node:util";
import { Device } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { fuzzPlans, fuzzWasm } from "../support/fuzz-plans.js";

const { values } = parseArgs({
  options: {
    graphs: { type: "string", default: "4000" },
    seed: { type: "string", default: "1" },
  },
});
const [graphs, first] = [Number(values.graphs), Number(values.seed)];
if (!Number.isSafeInteger(graphs) || !Number.isSafeInteger(first) || graphs < 1) {
  console.error("usage: npm run test:nightly -- [--graphs COUNT] [--seed FIRST]");
  process.exit(2);
}

/** Networks on one device, so that its memory is seen to stay bounded. */
const EACH = 200;
/** More than a few of the same kind say nothing new. */
const MOST_FAILURES = 10;

const engine = await WasmEngine.create({ threads: 2 });
const host = await createHostDevice();
let failed = 0;
const started = performance.now();
for (let seed = first; seed < first + graphs && failed < MOST_FAILURES; ) {
  const device = await Device.create();
  const end = Math.min(seed + EACH, first + graphs);
  for (; seed < end && failed < MOST_FAILURES; seed++) {
    const kind = seed % 2 === 1 ? "images" : "all";
    const engines = [() => fuzzPlans(device, seed, kind), () => fuzzWasm(host, engine, seed, kind)];
    for (const fuzz of engines) {
      try {
        await fuzz();
      } catch (error) {
        failed++;
        console.error((error as Error).message);
      }
    }
  }
  device.destroy();
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${seed - first} networks, ${failed} failed, ${seconds} s`);
}
engine.dispose();
host.destroy();
process.exitCode = failed > 0 ? 1 : 0;
