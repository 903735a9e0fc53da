import { test } from "uvu";
import { fuzzPlans } from "../../support/fuzz-plans.js";
import { useDevice } from "../../support/gpu.js";
import { rounds } from "../../support/rounds.js";

/* Random networks as plans; `npm run test:nightly` takes thousands. */

const device = useDevice(test);

const GRAPHS = rounds(60);

test(`${GRAPHS} random networks agree with float64, whatever becomes of their weights`, async () => {
  for (let seed = 1; seed <= GRAPHS; seed++) await fuzzPlans(device(), seed);
});

test.run();
