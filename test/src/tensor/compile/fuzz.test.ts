import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import { fuzzPlans, fuzzWasm } from "../../support/fuzz-plans.js";
import { useDevice } from "../../support/gpu.js";
import { rounds } from "../../support/rounds.js";

/* Random networks as plans; `npm run test:nightly` takes thousands. */

const device = useDevice(test);

/** From here on, few networks find each of the faults that were planted to see whether they do. */
const FIRST_SEED = 45;
const GRAPHS = rounds(32);

test(`${GRAPHS} random networks agree with float64, whatever becomes of their weights`, async () => {
  for (let i = 0; i < GRAPHS; i++) await fuzzPlans(device(), FIRST_SEED + i);
});

const OTHERS = rounds(8);

test(`${OTHERS} networks of any operations agree with float64 on both engines`, async () => {
  const engine = await WasmEngine.create({ threads: 2 });
  const host = await createHostDevice();
  try {
    for (let seed = 2; seed < 2 + OTHERS; seed++) {
      await fuzzPlans(device(), seed, "all");
      await fuzzWasm(host, engine, seed, "all");
    }
  } finally {
    engine.dispose();
    host.destroy();
  }
});

test.run();
