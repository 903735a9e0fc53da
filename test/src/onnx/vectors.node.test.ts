import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { type Outcome, runFolder, testFolders, unsupportedReasons } from "./run.node.js";

const device = useDevice(test);
const FOLDER = "onnx-backend-tests";

for (const given of ["device", "constants"] as const) {
  sharedTest(
    test,
    `ONNX's operator tests pass where the library has the operator, inputs given as ${given}`,
    [FOLDER],
    async () => {
      const outcomes: Outcome[] = [];
      for (const folder of testFolders(sharedPath(FOLDER))) {
        outcomes.push(await runFolder(device(), folder, given));
      }
      const failed = outcomes.filter(({ result }) => result === "failed");
      assert.equal(failed, []);
      const passed = outcomes.filter(({ result }) => result === "passed").length;
      console.log(`# ${passed} passed; ${unsupportedReasons(outcomes).join("; ")}`);
      assert.ok(passed >= 232, `${passed} passed`);
    },
  );
}

test.run();
