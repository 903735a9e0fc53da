import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inOrder } from "../../../packages/retinaface/dist/detect/in-order.js";

const test = suite("in-order");
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function rejects(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  assert.is(error?.message, message);
}

test("results come in order, no more are begun than may be, turns are taken in order", async () => {
  let running = 0;
  let most = 0;
  const turns: number[] = [];
  const work = async (item: number, index: number, turn: { here: Promise<unknown> }) => {
    assert.is(item, index * 10);
    most = Math.max(most, ++running);
    await sleep((7 * (9 - index)) % 13);
    await turn.here;
    turns.push(index);
    return item;
  };
  const got: number[] = [];
  const items = Array.from({ length: 10 }, (_, i) => i * 10);
  for await (const item of inOrder(items, work, 3)) {
    running--;
    got.push(item);
  }
  assert.equal(got, items);
  assert.equal(
    turns,
    items.map((item) => item / 10),
  );
  assert.is(most, 3);
});

test("a slow source holds up no result; an endless one is left where the loop is", async () => {
  let returned = false;
  async function* slow() {
    try {
      for (let n = 0; ; n++) {
        yield n;
        if (n === 1) await sleep(200);
      }
    } finally {
      returned = true;
    }
  }
  const start = performance.now();
  const times: number[] = [];
  for await (const n of inOrder(slow(), async (item) => item, 8)) {
    times.push(performance.now() - start);
    if (n === 2) break;
  }
  assert.ok(times[1] < 150, `the second came after ${times[1]} ms`);
  assert.ok(times[2] >= 190);
  await sleep(0);
  assert.ok(returned);
});

test("an abortion ends it at once, whatever it waits for", async () => {
  const never = () => new Promise<number>(() => undefined);
  for (const items of [[1, 2], { [Symbol.asyncIterator]: () => ({ next: never }) as never }]) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 5);
    await rejects(inOrder<number, number>(items, never, 2, controller.signal).next(), "enough");
    await rejects(inOrder<number, number>(items, never, 2, controller.signal).next(), "enough");
  }
});

test("errors of the source and of the work are the loop's", async () => {
  function* broken() {
    yield 1;
    throw new Error("source");
  }
  const results = inOrder(broken(), async (item) => item, 1);
  assert.is((await results.next()).value, 1);
  await rejects(results.next(), "source");
  const work = () => Promise.reject(new Error("work"));
  await rejects(inOrder([1, 2], work, 2).next(), "work");
  assert.equal(await inOrder([], work, 2).next(), { value: undefined, done: true });
});

test.run();
