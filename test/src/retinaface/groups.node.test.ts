/** What a graphics card is asked for: images that wait for it together, and few dispatches a frame. */
import { compile, type Device, nn, writeSafetensors } from "@retinaface-webgpu/tensor";
import {
  type DetectCallOptions,
  type Face,
  type RawImage,
  RetinaFace,
  RetinaFaceNetwork,
  type Timings,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type GroupDetector, Groups } from "../../../packages/retinaface/dist/detect/groups.js";
import { asGpu } from "../support/gpu.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

let card: Device;
test.before(async () => {
  card = await asGpu();
});
test.after(() => card.destroy());

type Look = (images: readonly RawImage[], options: DetectCallOptions) => Promise<Face[][]>;

/** Notes which images come together, by their width and first byte; answers when it is let. */
class FakeDetector implements GroupDetector {
  readonly calls: string[] = [];
  readonly backend: string = "webgpu";
  device = { adapter: { software: false } } as GroupDetector["device"];
  open!: () => void;
  readonly gate = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  constructor(private readonly look: Look = async (images) => images.map(() => [])) {}
  async detect(image: RawImage, options: DetectCallOptions): Promise<Face[]> {
    return (await this.detectBatch([image], options))[0];
  }
  async detectBatch(images: readonly RawImage[], options: DetectCallOptions): Promise<Face[][]> {
    this.calls.push(images.map(({ width, data }) => `${width}:${data[0]}`).join(" "));
    await this.gate;
    return this.look(images, options);
  }
}

const image = (width: number, name: number, height = 1): RawImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 4).fill(name),
});

const named = (width: number, names: readonly number[]) =>
  names.map((name) => `${width}:${name}`).join(" ");

test("what waits with its like goes together, the rest alone, each in its turn and to whom it belongs", async () => {
  const detector = new FakeDetector(async (images) =>
    images.map(({ data }) => [{ score: data[0] } as Face]),
  );
  const groups = new Groups(detector);
  const names = Array.from({ length: 22 }, (_, i) => i);
  // The first two are looked at at once; every seventh is of another size.
  const asked = names.map((n) => groups.detect(image(n % 7 === 6 ? 5 : 9, n), {}));
  assert.is(groups.held, 16);
  detector.open();
  const faces = await Promise.all(asked);
  assert.equal(
    faces.map(([{ score }]) => score),
    names,
  );
  assert.is(groups.held, 0);
  const alone = ["5:6", "5:13", "9:19", "5:20", "9:21"];
  const together = [
    named(9, [2, 3, 4, 5, 7, 8, 9, 10]),
    named(9, [11, 12, 14, 15, 16, 17, 18, 19]),
  ];
  assert.equal(detector.calls.slice(0, 4), ["9:0", "9:1", together[0], alone[0]]);
  assert.equal(new Set(detector.calls.slice(4)), new Set([together[1], "5:13", "5:20", "9:21"]));
});

test("large images, other limits, processors and several looks are nobody's group", async () => {
  const calls = async (
    detector: FakeDetector,
    each: (n: number) => [RawImage, DetectCallOptions],
  ) => {
    const groups = new Groups(detector);
    const asked = Array.from({ length: 12 }, (_, n) => groups.detect(...each(n)));
    detector.open();
    await Promise.all(asked);
    return detector.calls.filter((call) => call.includes(" "));
  };
  assert.equal(await calls(new FakeDetector(), (n) => [image(2000, n, 900), {}]), []);
  assert.is(
    (await calls(new FakeDetector(), (n) => [image(2000, n, 900), { maxSide: 64 }])).length,
    1,
  );
  assert.equal(
    await calls(new FakeDetector(), (n) => [image(9, n), { maxSide: 99 + (n % 2) }]),
    [],
  );
  assert.equal(await calls(new FakeDetector(), (n) => [image(9, n), { testTime: true }]), []);
  assert.equal(await calls(new FakeDetector(), (n) => [image(9, n), { mesh: true }]), []);
  const slow = new FakeDetector();
  slow.device = { adapter: { software: true } } as GroupDetector["device"];
  assert.equal(await calls(slow, (n) => [image(9, n), {}]), []);
});

test("one bad image of a group fails alone; without memory for groups there are none", async () => {
  for (const code of ["BAD", "GPU_OUT_OF_MEMORY"]) {
    const detector = new FakeDetector(async (images) => {
      const bad = images.some(({ data }) => data[0] === 5);
      if (bad || (code !== "BAD" && images.length > 1)) throw Object.assign(new Error(), { code });
      return images.map(() => []);
    });
    const groups = new Groups(detector);
    const asked = Array.from({ length: 26 }, (_, n) => groups.detect(image(9, n), {}));
    detector.open();
    const settled = await Promise.allSettled(asked);
    const failed = settled.flatMap(({ status }, n) => (status === "rejected" ? [n] : []));
    assert.equal(failed, [5]);
    const together = detector.calls.filter((call) => call.includes(" ")).length;
    assert.ok(code === "BAD" ? together === 3 : together <= 3, `${together} groups`);
    const later = Array.from({ length: 12 }, (_, n) => groups.detect(image(9, n + 50), {}));
    await Promise.all(later);
    const more = detector.calls.filter((call) => call.includes(" ")).length - together;
    assert.is(more, code === "BAD" ? 1 : 0);
  }
});

test("a folder on a card: the faces of single images, in order, bad ones alone, and an abortion ends it", async () => {
  const detector = await RetinaFace.load({
    weights: await tinyWeights(card),
    device: card,
    ...LENIENT,
  });
  const images = Array.from({ length: 22 }, (_, n) =>
    n === 6 ? noiseImage(40, 64, n) : noiseImage(64, 40, n),
  );
  const expected: Face[][] = [];
  for (const one of images) expected.push(await detector.detect(one));
  const files: RawImage[] = images.map((one, n) =>
    n === 17 ? { ...one, data: one.data.slice(1) } : one,
  );
  const { detectBatch } = detector;
  const sizes: number[] = [];
  let release = () => {};
  const gathered = new Promise<void>((resolve) => {
    release = resolve;
  });
  // The first two are held until all others wait behind them.
  detector.detectBatch = async (batch, options) => {
    sizes.push(batch.length);
    if (sizes.length <= 2) await gathered;
    return detectBatch.call(detector, batch, options);
  };
  async function* source() {
    yield* files;
    setImmediate(release);
  }
  const told: Timings[] = [];
  const onTimings = (timings: Timings) => told.push(timings);
  let next = 0;
  for await (const { index, faces, error } of detector.detectFiles(source(), {
    ahead: 30,
    onTimings,
  })) {
    assert.is(index, next++);
    assert.is(error === undefined, index !== 17);
    if (!faces) continue;
    assert.is(faces.length, expected[index].length);
    for (const [i, { box, score }] of faces.entries()) {
      assert.ok(Math.abs(score - expected[index][i].score) < 1e-4);
      for (const [k, v] of box.entries()) {
        assert.ok(Math.abs(v - expected[index][i].box[k]) < 0.05);
      }
    }
  }
  assert.is(next, 22);
  assert.is(told.length, 21);
  assert.equal(
    sizes.filter((size) => size > 1),
    [8, 8],
  );
  const controller = new AbortController();
  const aborted = detector.detectFiles(images, { signal: controller.signal });
  assert.ok((await aborted.next()).value?.faces);
  controller.abort(new Error("enough"));
  assert.is((await aborted.next().catch((reason) => reason)).message, "enough");
  detector.dispose();
});

/** Of the 53 dispatches that are the network on adapters without a card, from 96×80 pixels to probabilities. */
const SOFTWARE_ARENA = 331_008;

test("a frame of MobileNet-0.25 is at most 34 dispatches on a card, with no larger arena", async () => {
  const network = new RetinaFaceNetwork(nn.Init.seeded(card, 1), { backbone: "mobilenet0.25" });
  network.eval().requiresGrad(false);
  const input = { shape: [1, 96, 80, 3], dtype: "f32" as const };
  const plan = await compile(card, (x) => network.forward(x), [input]);
  assert.ok(plan.stats.arenaBytes <= SOFTWARE_ARENA, `${plan.stats.arenaBytes} bytes`);
  const weights = writeSafetensors(await network.stateDict());
  const detector = await RetinaFace.load({ weights, device: card });
  const frame = noiseImage(96, 80);
  await detector.detect(frame);
  const before = card.memory();
  await detector.detect(frame);
  const dispatches = card.memory().dispatches - before.dispatches;
  assert.ok(dispatches <= 34, `${dispatches} dispatches`);
  assert.is(card.memory().submits - before.submits, 1);
  for (const owner of [detector, plan, network]) owner.dispose();
});

test.run();
