/** How the library waits for Dawn in Node: idle turns of the event loop end with a nap, busy ones do not. */
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { restDuring } from "../../../packages/tensor/dist/platform/rest.js";

const test = suite("rest");

/** Turns of the event loop during `wait`, taken without a pause as Dawn's module does, and the naps in them. */
async function watch(wait: () => Promise<unknown>, work: () => void = () => {}) {
  const naps: number[] = [];
  const { wait: nap } = Atomics;
  Atomics.wait = ((cell: Int32Array<SharedArrayBuffer>, at: number, value: number, ms: number) => {
    naps.push(ms);
    return nap(cell, at, value, ms);
  }) as typeof Atomics.wait;
  let turns = 0;
  let ended = false;
  const turn = () => {
    if (ended) return;
    turns++;
    work();
    setImmediate(turn);
  };
  turn();
  try {
    await wait();
  } finally {
    ended = true;
    Atomics.wait = nap;
  }
  return { turns, naps };
}

function busy(milliseconds: number): void {
  for (const start = performance.now(); performance.now() - start < milliseconds; );
}

test("value and error of the promise", async () => {
  assert.is(await restDuring(Promise.resolve(5)), 5);
  const error = await restDuring(Promise.reject(new RangeError("no"))).catch((e) => e);
  assert.instance(error, RangeError);
});

test("idle turns end with naps that grow with the wait, to a millisecond", async () => {
  const { turns, naps } = await watch(() => restDuring(sleep(200)));
  assert.ok(turns < 1500, `${turns} turns in 200 ms`);
  assert.ok(naps.length > 20, `${naps.length} naps`);
  assert.ok(naps.every((nap) => nap >= 0.05 && nap <= 1));
  assert.ok(naps[0] < 0.5, `the first is ${naps[0]} ms`);
});

test("without a wait, none", async () => {
  await restDuring(sleep(5));
  await sleep(5);
  const { naps } = await watch(() => sleep(50));
  assert.is(naps.length, 0);
});

test("turns in which something else runs are not prolonged", async () => {
  const { turns, naps } = await watch(
    () => restDuring(sleep(150)),
    () => busy(2),
  );
  assert.ok(naps.length < turns / 2, `${naps.length} naps in ${turns} turns`);
});

test("many waits, one after another and at a time, take one nap a turn", async () => {
  for (let i = 0; i < 300; i++) await restDuring(sleep(0));
  const { turns, naps } = await watch(() =>
    Promise.all(Array.from({ length: 50 }, () => restDuring(sleep(100)))),
  );
  assert.ok(naps.length > 10 && naps.length <= turns + 1, `${naps.length} naps, ${turns} turns`);
});

test.run();
