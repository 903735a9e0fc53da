import { Device } from "@retinaface-webgpu/tensor";
import { type Outcome, runFolder, testFolders, unsupportedReasons } from "./run.node.js";

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: npm run -s test:onnx -- DIR");
  process.exit(2);
}
const device = await Device.create();
const outcomes: Outcome[] = [];
for (const test of testFolders(folder)) {
  const outcome = await runFolder(device, test);
  if (outcome.result === "failed") console.log(`failed ${outcome.name}: ${outcome.reason}`);
  outcomes.push(outcome);
}
device.destroy();
for (const line of unsupportedReasons(outcomes)) console.log(line);
const count = (result: Outcome["result"]) => outcomes.filter((o) => o.result === result).length;
const failed = count("failed");
console.log(`${count("passed")} passed, ${failed} failed, ${count("unsupported")} unsupported`);
process.exitCode = failed > 0 || outcomes.length === 0 ? 1 : 0;
