/** The guide's operation as a package of a stranger: in a folder outside the workspace, from the packages as they are. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { run } from "../support/tools.node.js";

const project = mkdtempSync(path.join(tmpdir(), "retinaface-own-operation-"));

test.before(async () => {
  const guide = readFileSync(path.join(repository, "docs/own-operations.md"), "utf8");
  for (const [, name, text] of guide.matchAll(/^```ts\n\/\/ (\w+\.ts)\n([\s\S]*?)^```/gm)) {
    writeFileSync(path.join(project, name), text);
  }
  writeFileSync(path.join(project, "train.ts"), trainingText);
  writeFileSync(path.join(project, "package.json"), '{ "name": "gelu", "type": "module" }');
  const scope = path.join(project, "node_modules/@retinaface-webgpu");
  mkdirSync(scope, { recursive: true });
  for (const name of ["kernels-wgsl", "tensor"]) {
    symlinkSync(path.join(repository, "packages", name), path.join(scope, name), "junction");
  }
  const tsc = path.join(repository, "node_modules/typescript/bin/tsc");
  const types = path.join(repository, "node_modules");
  const options =
    "--strict --target es2023 --lib es2023,dom --module nodenext --skipLibCheck " +
    `--types @webgpu/types,node --typeRoots ${types}/@types,${types}`;
  const args = [tsc, ...options.split(" "), "check.ts", "train.ts"];
  const { code, output } = await run(process.execPath, args, { cwd: project, timeoutMs: 120_000 });
  assert.is(code, 0, output);
});

test.after(() => rmSync(project, { recursive: true }));

/** Fits a small network, eagerly and as a compiled step: the losses must be the same. */
const trainingText = `
import { compileStep, Device, mean, nn, optim, square, sub, tensor, tidy } from "@retinaface-webgpu/tensor";
import { gelu } from "./gelu.js";

class GELU extends nn.Module {
  override forward(x: Parameters<typeof gelu>[0]) { return gelu(x); }
}
const device = await Device.create();
const data = { x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] };
function make() {
  const init = nn.Init.seeded(device, 3);
  const net = new nn.Sequential(new nn.Linear(init, 2, 8), new GELU(), new nn.Linear(init, 8, 1));
  return { net, optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }) };
}
const eager = make();
const x = tensor(device, data.x, [4, 2]);
const y = tensor(device, data.y, [4, 1]);
const compiled = make();
const step = await compileStep(device, {
  inputs: { x: { shape: [4, 2], dtype: "f32" }, y: { shape: [4, 1], dtype: "f32" } },
  losses: ({ x, y }) => ({ total: mean(square(sub(compiled.net.forward(x), y))) }),
  optimizer: compiled.optimizer,
});
step.inputs.x.write(data.x);
step.inputs.y.write(data.y);
const losses: [number, number][] = [];
for (let k = 0; k < 20; k++) {
  const loss = tidy(() => mean(square(sub(eager.net.forward(x), y))));
  loss.backward();
  eager.optimizer.step();
  eager.optimizer.zeroGrad();
  step.run();
  losses.push([await loss.item(), (await step.read()).total]);
  loss.dispose();
}
console.log(JSON.stringify(losses));
step.dispose();
device.destroy();
`;

async function runModule(name: string): Promise<string> {
  const options = { cwd: project, timeoutMs: 120_000 };
  const { code, stdout, output } = await run(process.execPath, [name], options);
  assert.is(code, 0, output);
  return stdout;
}

test("an operation from outside passes its check: values, gradient, compiled", async () => {
  const printed = await runModule("check.js");
  const worst = /value: ([\d.e-]+),\s+compiled: ([\d.e-]+),\s+gradient: ([\d.e-]+)/.exec(printed);
  assert.ok(worst, printed);
  const [value, compiled, gradient] = worst!.slice(1).map(Number);
  assert.ok(value < 2e-6, printed);
  assert.is(compiled, 0, printed);
  assert.ok(gradient < 5e-6, printed);
});

test("it trains, eagerly and in a compiled step alike", async () => {
  const losses: [number, number][] = JSON.parse(
    (await runModule("train.js")).trim().split("\n").at(-1)!,
  );
  assert.is(losses.length, 20);
  for (const [eager, compiled] of losses) assert.ok(Math.abs(eager - compiled) < 1e-5, `${losses}`);
  assert.ok(losses[19][0] < losses[0][0] * 0.9, `${losses}`);
});

test.run();
