import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { PNG } from "pngjs";
import type { Face, RawImage } from "retinaface-webgpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type CommandDetector,
  detectPhotos,
} from "../../../packages/retinaface/dist/cli/detect.js";
import { writeFileAtomic } from "../../../packages/retinaface/dist/cli/files.js";
import {
  findPhotos,
  OutputNames,
  type Photo,
} from "../../../packages/retinaface/dist/cli/photos.js";
import { covered } from "../../../packages/retinaface/dist/cli/timings.js";
import type { DetectCallOptions } from "../../../packages/retinaface/dist/detect/options.js";
import { encodePng } from "../support/png-encoder.node.js";
import { Sink } from "../support/sink.node.js";

const test = suite("cli");
let folder = "";

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-cli-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

const png = (width: number, height: number) =>
  encodePng({
    width,
    height,
    depth: 8,
    colourType: 2,
    sample: (x, y, c) => (x * y + c * 50) % 256,
  });

async function put(name: string, contents: Uint8Array | string = png(60, 40)): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, contents);
  return file;
}

const FACE: Face = {
  box: [10.12345, 5, 40.98765, 30],
  score: 0.98765432,
  landmarks: {
    leftEye: [18, 12],
    rightEye: [32, 12],
    nose: [25, 18.555],
    leftMouth: [19, 24],
    rightMouth: [31, 24],
  },
};

class FakeDetector implements CommandDetector {
  readonly backend = "wasm";
  readonly threads = 3;
  seen: RawImage[] = [];
  disposed = 0;
  constructor(private readonly find: (image: RawImage) => Promise<Face[]> = async () => [FACE]) {}
  detect(image: RawImage): Promise<Face[]> {
    this.seen.push(image);
    return this.find(image);
  }
  dispose(): void {
    this.disposed++;
  }
}

async function run(photos: Photo[], detector = new FakeDetector(), options = {}) {
  const streams = { stdout: new Sink(), stderr: new Sink() };
  const load = async () => detector;
  const failed = await detectPhotos({ photos, load, streams, ...options });
  const lines = streams.stdout.text.split("\n").filter((line) => line !== "");
  return { failed, lines: lines.map((line) => JSON.parse(line)), streams, detector };
}

/** A GPU with memory for photos of a long side up to `most` pixels. */
class SmallDetector extends FakeDetector {
  sides: number[] = [];
  constructor(private readonly most: number) {
    super();
  }
  override async detect({ width }: RawImage, options: { maxSide?: number } = {}): Promise<Face[]> {
    const side = Math.min(width, options.maxSide ?? width);
    this.sides.push(side);
    if (side <= this.most) return [FACE];
    throw Object.assign(new Error("too large"), { code: "GPU_OUT_OF_MEMORY" });
  }
}

test("a photo that the GPU has no memory for is scaled down, and standard error says so", async () => {
  const file = await put("wide.png", png(2000, 4));
  const small = new SmallDetector(1100);
  const { failed, lines, streams } = await run(await findPhotos([file]), small);
  assert.is(failed, 0);
  assert.equal(small.sides, [2000, 1414, 1000]);
  assert.is(lines[0].width, 2000);
  assert.match(streams.stderr.text, /wide\.png.*2000×4.*1000 pixels/);
  const bounded = new SmallDetector(1100);
  await run(await findPhotos([file]), bounded, { maxSide: 1200 });
  assert.equal(bounded.sides, [1200, 849], "never above --max-side");
  const none = new SmallDetector(0);
  const gaveUp = await run(await findPhotos([file]), none);
  assert.is(gaveUp.lines[0].error.code, "GPU_OUT_OF_MEMORY");
  assert.is(none.sides.length, 4);
});

test("a line for each photo: whole contract, rounded numbers", async () => {
  const file = await put("one.png");
  const { failed, lines, detector, streams } = await run([{ file }]);
  assert.is(failed, 0);
  assert.equal(lines, [
    {
      file,
      width: 60,
      height: 40,
      faces: [
        {
          box: [10.12, 5, 40.99, 30],
          score: 0.987654,
          landmarks: [
            [18, 12],
            [32, 12],
            [25, 18.55],
            [19, 24],
            [31, 24],
          ],
        },
      ],
    },
  ]);
  assert.equal(Object.keys(lines[0]), ["file", "width", "height", "faces"]);
  assert.is(detector.disposed, 1);
  assert.is(streams.stderr.text, "");
});

test("bad images fail alone, in their place", async () => {
  const files = [
    await put("bad/1-good.png"),
    await put("bad/2-cut.png", png(60, 40).subarray(0, 200)),
    await put("bad/3-empty.jpg", ""),
    await put("bad/4-text.jpg", "a text"),
    await put("bad/5.bmp", "BM and no more"),
    path.join(folder, "bad/6-absent.jpg"),
    await put("bad/7-good.png"),
  ];
  const { failed, lines } = await run(files.map((file) => ({ file })));
  assert.is(failed, 5);
  assert.equal(
    lines.map((line) => line.file),
    files,
  );
  assert.equal(
    lines.map((line) => line.error?.code),
    [
      undefined,
      "IMAGE_CORRUPT",
      "IMAGE_EMPTY",
      "IMAGE_UNSUPPORTED",
      "IMAGE_UNSUPPORTED",
      "IMAGE_UNREADABLE",
      undefined,
    ],
  );
  for (const { error } of lines) if (error) assert.ok(error.message.length > 10);
});

test("an error of the detector is the photo's, one of loading is everyone's", async () => {
  const file = await put("one.png");
  let calls = 0;
  const flaky = new FakeDetector(async () => {
    if (calls++ === 0) throw Object.assign(new Error("lost"), { code: "DEVICE_LOST" });
    return [];
  });
  const { failed, lines } = await run([{ file }, { file }], flaky);
  assert.is(failed, 1);
  assert.equal(lines[0].error, { code: "DEVICE_LOST", message: "lost" });
  assert.equal(lines[1].faces, []);

  const load = () => Promise.reject(Object.assign(new Error("none"), { code: "X" }));
  for (const name of ["one.png", "absent.png"]) {
    const streams = { stdout: new Sink(), stderr: new Sink() };
    const photos = [{ file: path.join(folder, name) }];
    try {
      await detectPhotos({ photos, load, streams });
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code: string }).code, "X");
    }
    assert.is(streams.stdout.text, "");
  }
});

test("annotated copies have names of their own and never overwrite a photo", async () => {
  const a = await put("out/x/a.png");
  const b = await put("out/y/a.jpg");
  const c = await put("out/A.png");
  const before = await readFile(c);
  const out = path.join(folder, "out");
  await run([{ file: a }, { file: b }, { file: c }], new FakeDetector(), { out });
  const written = (await readdir(out)).sort();
  assert.equal(written, ["A-4.png", "A.png", "a-2.png", "a-3.png", "x", "y"]);
  assert.equal(await readFile(c), before);
  const copy = PNG.sync.read(await readFile(path.join(out, "a-2.png")));
  assert.equal([copy.width, copy.height], [60, 40]);
  assert.not.equal(copy.data, PNG.sync.read(before).data);
});

test("an output folder is made; one that cannot be is an error before any work", async () => {
  const file = await put("one.png");
  await run([{ file }], new FakeDetector(), { out: path.join(folder, "new/deep") });
  assert.equal(await readdir(path.join(folder, "new/deep")), ["one.png"]);
  const detector = new FakeDetector();
  try {
    await run([{ file }], detector, { out: path.join(file, "below-a-file") });
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, "WRITE_FAILED");
  }
  assert.is(detector.seen.length, 0);
});

test("abort drops the photo at hand and leaves whole lines", async () => {
  const file = await put("one.png");
  const controller = new AbortController();
  let calls = 0;
  const slow = new FakeDetector(async () => {
    if (calls++ === 0) return [];
    setTimeout(() => controller.abort(), 10);
    return new Promise(() => undefined);
  });
  const photos = [{ file }, { file }, { file }];
  const { lines, streams } = await run(photos, slow, { signal: controller.signal });
  assert.is(lines.length, 1);
  assert.ok(streams.stdout.text.endsWith("}\n"));
  assert.is(slow.disposed, 1);
});

test("a reader that goes away ends the run without an error", async () => {
  const file = await put("one.png");
  const detector = new FakeDetector();
  let written = 0;
  const stdout = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      written++;
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  const failed = await detectPhotos({
    photos: [{ file }, { file }, { file }],
    load: async () => detector,
    streams: { stdout, stderr: new Sink() },
  });
  assert.is(failed, 0);
  assert.is(written, 1);
  assert.is(detector.disposed, 1);
});

test("a slow reader is waited for", async () => {
  const file = await put("one.png");
  let text = "";
  const stdout = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      text += chunk;
      setTimeout(done, 5);
    },
  });
  const photos = Array.from({ length: 5 }, () => ({ file }));
  await detectPhotos({
    photos,
    load: async () => new FakeDetector(),
    streams: { stdout, stderr: new Sink() },
  });
  assert.is(text.split("\n").length, 6);
});

test("a progress bar only on a terminal and for more than one photo", async () => {
  const file = await put("one.png");
  for (const [isTTY, count, shown] of [
    [true, 2, true],
    [true, 1, false],
    [false, 2, false],
  ] as const) {
    const streams = { stdout: new Sink(), stderr: new Sink() };
    streams.stderr.isTTY = isTTY;
    const photos = Array.from({ length: count }, () => ({ file }));
    const slow = new FakeDetector(() => new Promise((resolve) => setTimeout(resolve, 150, [])));
    await detectPhotos({ photos, load: async () => slow, streams });
    assert.is(streams.stderr.text.includes("photos"), shown, `${isTTY} ${count}`);
  }
});

test("files, folders with images below, patterns; in order, by name", async () => {
  const names = ["b.JPG", "a.png", "sub/deep/c.jpeg", "sub/d.webp", "sub/notes.txt", ".hidden.jpg"];
  for (const name of names) await put(`find/${name}`, "x");
  const base = path.join(folder, "find");
  const relative = async (...args: string[]) =>
    (await findPhotos(args.map((arg) => path.join(base, arg)))).map(({ file, error }) =>
      error ? `${path.relative(base, file)}: ${error.code}` : path.relative(base, file),
    );
  assert.equal(await relative(""), ["a.png", "b.JPG", "sub/d.webp", "sub/deep/c.jpeg"]);
  assert.equal(await relative("sub/notes.txt", "a.png"), ["sub/notes.txt", "a.png"]);
  assert.equal(await relative("*.{png,JPG}"), ["a.png", "b.JPG"]);
  assert.equal(await relative("**/*.jpeg", "absent.jpg"), ["sub/deep/c.jpeg", "absent.jpg"]);
  assert.equal(await relative("*.tiff"), ["*.tiff: NO_IMAGES"]);
  await mkdir(path.join(base, "empty"));
  assert.equal(await relative("empty"), ["empty: NO_IMAGES"]);
  await put("find/odd [1].png", "x");
  assert.equal(await relative("odd [1].png"), ["odd [1].png"]);
});

test("output names are unique whatever their letter case", () => {
  const names = new OutputNames("o", []);
  const given = ["a.jpg", "b/a.png", "A.jpeg", "a-2.jpg", "noext", ".jpg"];
  assert.equal(
    given.map((file) => names.next(file)),
    ["o/a.png", "o/a-2.png", "o/A-3.png", "o/a-2-2.png", "o/noext.png", "o/.jpg.png"],
  );
});

/** Says that it took some time. */
class TimedDetector extends FakeDetector {
  override async detect(image: RawImage, options: DetectCallOptions = {}): Promise<Face[]> {
    const parts = { decode: 0, prepare: 1, upload: 2, gpu: 30, faces: 4, total: 37 };
    options.onTimings?.(parts);
    return super.detect(image);
  }
}

test("timings: medians, and of several photos how much went on at a time", async () => {
  assert.is(covered([]), 0);
  const spans = [
    [5, 8],
    [0, 2],
    [1, 4],
    [6, 7],
    [8, 9],
  ] as const;
  assert.is(covered(spans), 8);
  const photos = await findPhotos([await put("timed/a.png"), await put("timed/b.png")]);
  const { streams } = await run(photos, new TimedDetector(), { timings: true });
  const [medians, overlap] = streams.stderr.text.split("\n").slice(-3);
  assert.match(medians, /wasm, 3 thread.*2 photo.*prepare 1\.0, network 30\.0, faces 4\.0/);
  const seconds = "(\\d+\\.\\d\\d) s";
  const said = new RegExp(
    `2 photos in ${seconds}: decoding .* ${seconds} .* network .* ${seconds}, both .* ${seconds}`,
  );
  const [, whole, decoding, network, both] = (said.exec(overlap) ?? []).map(Number);
  assert.ok(network >= 0.03 && network <= 0.06, overlap);
  assert.ok(both <= Math.min(decoding, network) + 0.01 && decoding <= whole, overlap);
  const one = await run(photos.slice(1), new TimedDetector(), { timings: true });
  assert.not.match(one.streams.stderr.text, /both/);
});

test("files are written whole or not at all", async () => {
  const file = path.join(folder, "atomic/file");
  await mkdir(path.dirname(file));
  await writeFileAtomic(file, Buffer.from("first"));
  await writeFileAtomic(file, Buffer.from("second"));
  assert.is(await readFile(file, "utf8"), "second");
  await mkdir(path.join(folder, "atomic/taken"));
  for (const target of [path.join(folder, "no/folder/file"), path.join(folder, "atomic/taken")]) {
    try {
      await writeFileAtomic(target, Buffer.from("x"));
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code: string }).code, "WRITE_FAILED");
    }
  }
  assert.equal((await readdir(path.dirname(file))).sort(), ["file", "taken"]);
});

test.run();
