import { test } from "uvu";
import { fuzzPlans } from "../../support/fuzz-plans.js";
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

test.run();
