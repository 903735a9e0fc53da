/** What people watch while a run goes on: the bar with the time that is left, and its figures in TensorBoard. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventFileStart, scalarEvents } from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../support/skip.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "watched-"));
test.after(() => rmSync(folder, { recursive: true }));

const inside = (name: string) =>
  import(new URL(`./cli/${name}.js`, import.meta.resolve("@retinaface-webgpu/train")).href);

test("the time left is told once something is done, and never as 0 s", async () => {
  const { timeLeft } = await inside("time-left");
  let now = 0;
  const left = timeLeft(100, () => now);
  assert.is(left(10), "", "a run that is gone on with has done nothing yet");
  now = 5_000;
  assert.is(left(15), ", 85 s left");
  now = 60_000;
  assert.is(left(20), ", 8 min left");
  now = 720_000;
  assert.is(left(20), ", 1 h 36 min left");
  now = 50_000;
  assert.is(left(99), "");
  assert.is(left(100), "");
});

test("a terminal has the bar before the first step and while images are validated", async () => {
  const { TrainProgress } = await inside("train-progress");
  const { stderr } = process;
  const { write, isTTY } = stderr;
  let shown = "";
  const shows = async (text: RegExp) => {
    shown = "";
    for (let wait = 0; wait < 300 && !text.test(shown); wait++) await sleep(10);
    return text.test(shown);
  };
  let progress: { onValidating(done: number, images: number): void; stop(): void } | undefined;
  const seen: boolean[] = [];
  try {
    stderr.isTTY = true;
    stderr.write = ((text: string) => {
      shown += text;
      return true;
    }) as typeof write;
    const bar = new TrainProgress(0, 40);
    progress = bar;
    seen.push(await shows(/0\/40 steps.*getting ready/));
    bar.onValidating(1, 8);
    seen.push(await shows(/0\/40 steps.*validating: image 2 of 8/));
  } finally {
    progress?.stop();
    Object.assign(stderr, { write, isTTY });
  }
  assert.equal(seen, [true, true]);
});

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
run = EventAccumulator(sys.argv[1])
run.Reload()
print(json.dumps({t: [[e.step, e.value] for e in run.Scalars(t)] for t in run.Tags()["scalars"]}))`;

const python = [process.env.RETINAFACE_PYTHON ?? "python3", "/usr/bin/python3"].find(
  (name) =>
    spawnSync(name, ["-c", "from importlib.util import find_spec as f; assert f('tensorboard')"])
      .status === 0,
);
const OPENS = "TensorBoard opens the events of a run that was gone on with";
if (!python) skip(test, OPENS, "python3 with tensorboard is not installed");
else {
  test(OPENS, () => {
    const part = (name: string, start: number, values: [number, number][]) => {
      const scalars = values.map(([step, value]) => ({ tag: "validation/ap50", step, value }));
      const events = [eventFileStart(1e9 + start, start), scalarEvents(1e9 + start, scalars)];
      writeFileSync(path.join(folder, `events.out.tfevents.${name}`), Buffer.concat(events));
    };
    part("1000000000.a.1", 0, [
      [0, 0.25],
      [10, 0.5],
      [20, 0.75],
    ]);
    part("1000000015.a.2", 15, [[20, 0.875]]);
    const { stdout, stderr, status } = spawnSync(python, ["-c", READ, folder], {
      encoding: "utf8",
    });
    assert.is(status, 0, stderr);
    const wanted = [
      [0, 0.25],
      [10, 0.5],
      [20, 0.875],
    ];
    assert.equal(JSON.parse(stdout), { "validation/ap50": wanted });
  });
}

test.run();
