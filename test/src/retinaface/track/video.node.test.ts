/** Videos by ffmpeg: a line a frame with tracks, copies with their sound, faces hidden, and what is said where that fails. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Face, RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { detectVideos, redactVideos } from "../../../../packages/retinaface/dist/cli/video.js";
import { fillGaps } from "../../../../packages/retinaface/dist/track/fill.js";
import { probeVideo } from "../../../../packages/retinaface/dist/video/ffmpeg.node.js";
import { readFrames } from "../../../../packages/retinaface/dist/video/frames.node.js";
import { start } from "../../support/command.node.js";
import { Sink } from "../../support/sink.node.js";
import { skip } from "../../support/skip.js";
import { faceAt } from "../../support/track-sequences.js";

const COMMAND = fileURLToPath(
  new URL("../../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const [WIDTH, HEIGHT, FRAMES] = [64, 48, 12];

function hasFfmpeg(): boolean {
  try {
    execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const withFfmpeg = (name: string, run: () => Promise<void>) =>
  hasFfmpeg() ? test(name, run) : skip(test, name, "ffmpeg is not installed");

let folder: string;
let video: string;
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "video-"));
  video = path.join(folder, "-walk.mp4");
  if (!hasFfmpeg()) return;
  const picture = `testsrc=size=${WIDTH}x${HEIGHT}:rate=10:duration=${FRAMES / 10}`;
  const sound = `sine=frequency=440:duration=${FRAMES / 10}`;
  const make = ["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  execFileSync("ffmpeg", [
    ...make,
    "-metadata",
    "title=secret",
    "-pix_fmt",
    "yuv420p",
    `file:${video}`,
  ]);
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** Finds a face that moves to the right, and misses it in the fifth frame. */
function load(looks: number[] = []) {
  let frame = -1;
  const detect = async (image: RawImage): Promise<Face[]> => {
    frame++;
    looks.push(image.width);
    const x = 5 + 2 * frame;
    return frame === 4 ? [] : [faceAt([x, 10, x + 20, 36], 0.9)];
  };
  return async () => ({ detect, dispose() {} });
}

const linesOf = (streams: { stdout: Sink }) =>
  streams.stdout.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const sinks = () => ({ stdout: new Sink(), stderr: new Sink() });

async function framesOf(file: string): Promise<RawImage[]> {
  const frames: RawImage[] = [];
  for await (const frame of readFrames(file, await probeVideo(file))) frames.push(frame);
  return frames;
}

withFfmpeg(
  "a line a frame, with time and track; annotated copies have the frames and the sound",
  async () => {
    const streams = sinks();
    const looks: number[] = [];
    const out = path.join(folder, "out");
    const videos = [{ file: video }];
    const job = { videos, out, every: 1, load: load(looks), streams };
    assert.is(await detectVideos(job), 0, streams.stdout.text);
    const lines = linesOf(streams);
    assert.equal(
      lines.map(({ frame }) => frame),
      [...Array(FRAMES).keys()],
    );
    assert.is(lines[3].time, 0.3);
    assert.equal(
      lines.map(({ faces }) => faces.map(({ track }: { track: number }) => track)),
      [...Array(4).fill([1]), [], ...Array(7).fill([1])],
    );
    assert.equal(looks, Array(FRAMES).fill(WIDTH));
    assert.equal(await readdir(out), ["-walk.mp4"]);
    const copy = path.join(out, "-walk.mp4");
    assert.is((await framesOf(copy)).length, FRAMES);
    assert.match(streamsOf(copy), /audio/);
    const again = await detectVideos({ ...job, load: load(), streams: sinks() }).catch((e) => e);
    assert.is(again.code, "OUTPUT_EXISTS");
  },
);

function streamsOf(file: string): string {
  const args = ["-v", "error", "-show_entries", "stream=codec_type:format_tags", "-of", "csv"];
  return execFileSync("ffprobe", [...args, `file:${file}`]).toString();
}

withFfmpeg("the threshold that is asked for is that of new faces", async () => {
  const streams = sinks();
  const job = { videos: [{ file: video }], every: 1, threshold: 0.95, load: load(), streams };
  await detectVideos(job);
  assert.ok(linesOf(streams).every(({ faces }) => faces.length === 0));
});

withFfmpeg("every third frame is looked at, the others are predicted", async () => {
  const streams = sinks();
  const looks: number[] = [];
  await detectVideos({ videos: [{ file: video }], every: 3, load: load(looks), streams });
  assert.is(looks.length, FRAMES / 3);
  assert.is(linesOf(streams).length, FRAMES);
});

withFfmpeg(
  "redacted: black where the face was in every frame, also where it was missed; no metadata",
  async () => {
    const streams = sinks();
    const out = path.join(folder, "hidden");
    const options = { style: "fill", shape: "box", grow: 1 } as const;
    const job = { videos: [{ file: video }], out, options, threshold: 0.3, load: load(), streams };
    assert.is(await redactVideos(job), 0, streams.stdout.text);
    const [line] = linesOf(streams);
    assert.equal([line.frames, line.faces], [FRAMES, 1]);
    const copy = path.join(out, "-walk.mp4");
    for (const [n, { data }] of (await framesOf(copy)).entries()) {
      const at = (22 * WIDTH + 15 + 2 * n) * 4;
      assert.ok(data[at] + data[at + 1] + data[at + 2] < 90, `frame ${n}`);
    }
    assert.match(streamsOf(copy), /audio/);
    assert.not.match(streamsOf(copy), /secret/);
    assert.match(streamsOf(video), /secret/);
  },
);

withFfmpeg(
  "what is no video fails alone and leaves nothing behind; an aborted run ends",
  async () => {
    const bad = path.join(folder, "bad.mp4");
    await writeFile(bad, "no video at all");
    const list = path.join(folder, "list.mp4");
    await writeFile(list, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n");
    const streams = sinks();
    const out = path.join(folder, "some");
    const videos = [bad, list, video].map((file) => ({ file }));
    assert.is(await detectVideos({ videos, out, every: 1, load: load(), streams }), 2);
    const lines = linesOf(streams);
    assert.is(lines[0].error.code, "VIDEO_UNREADABLE");
    assert.is(lines[1].error.code, "VIDEO_UNREADABLE");
    assert.is(lines.length, 2 + FRAMES);
    assert.equal(await readdir(out), ["-walk.mp4"]);
    const controller = new AbortController();
    const detect = async () => {
      controller.abort();
      return [];
    };
    const stopped = { videos, out: path.join(folder, "stopped"), every: 1, streams: sinks() };
    const { signal } = controller;
    await detectVideos({ ...stopped, signal, load: async () => ({ detect, dispose() {} }) });
    assert.equal(await readdir(path.join(folder, "stopped")), []);
  },
);

/** A video of noise, which hardly compresses, so that its frames fill the file. */
function noisy(name: string, ...more: string[]): string {
  const file = path.join(folder, name);
  const picture = "nullsrc=size=64x48:rate=10:duration=2,geq=random(1)*255:128:128";
  const make = ["-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", ...more];
  execFileSync("ffmpeg", [...make, `file:${file}`]);
  return file;
}

const redacting = { style: "fill", shape: "box", grow: 1 } as const;

withFfmpeg(
  "of a damaged video there is what can be decoded, and it is said; none is an error",
  async () => {
    const bytes = await readFile(noisy("noise.mkv"));
    const torn = path.join(folder, "torn.mkv");
    await writeFile(torn, bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 3) * 5));
    const empty = noisy("empty.mkv", "-frames:v", "0");
    const videos = [torn, empty].map((file) => ({ file }));
    const streams = sinks();
    assert.is(await detectVideos({ videos, every: 1, load: load(), streams }), 1);
    const lines = linesOf(streams);
    const frames = lines.filter(({ file, error }) => file === torn && !error).length;
    assert.ok(frames > 4, `${frames} frames`);
    assert.match(streams.stderr.text, /torn\.mkv: some of it could not be decoded/);
    const last = lines.at(-1);
    assert.equal([last.file, last.error?.code], [empty, "VIDEO_UNREADABLE"]);
    const out = path.join(folder, "torn");
    const again = sinks();
    const job = { videos, out, options: redacting, threshold: 0.3, load: load(), streams: again };
    assert.is(await redactVideos(job), 1);
    const [line] = linesOf(again);
    assert.is(line.frames, frames);
    assert.match(line.warnings[0], /could not be decoded/);
    assert.equal(await readdir(out), ["torn.mkv"]);
  },
);

withFfmpeg(
  "a copy that ffmpeg cannot write is an error of its own, not a broken pipe",
  async () => {
    const streams = sinks();
    const out = path.join(folder, "unwritable");
    // What is in it is another container, whose sound does not fit into the one that its name tells.
    const file = path.join(folder, "loud.flv");
    const [picture, sound] = ["testsrc=size=64x48:rate=10:duration=2", "sine=duration=2"];
    execFileSync("ffmpeg", [
      ...["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound],
      ...["-c:a", "flac", "-f", "matroska", `file:${file}`],
    ]);
    const job = { videos: [{ file }], out, options: redacting, threshold: 0.3 };
    assert.is(await redactVideos({ ...job, load: load(), streams }), 1);
    assert.is(linesOf(streams)[0].error.code, "VIDEO_UNWRITABLE");
    assert.equal(await readdir(out), []);
  },
);

withFfmpeg("copies keep the shape of pixels and the colours", async () => {
  const file = path.join(folder, "wide.mp4");
  const picture = "smptebars=size=64x48:rate=5:duration=0.4";
  const meant = "scale=out_color_matrix=bt709:out_range=tv,setsar=16/11";
  const tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
  execFileSync("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", picture, "-vf", meant, ...tags],
    ...["-color_range", "tv", "-pix_fmt", "yuv420p", `file:${file}`],
  ]);
  const out = path.join(folder, "wide");
  const none = async () => ({ detect: async () => [], dispose() {} });
  const job = { videos: [{ file }], out, options: redacting, threshold: 0.3, load: none };
  assert.is(await redactVideos({ ...job, streams: sinks() }), 0);
  const copy = path.join(out, "wide.mp4");
  const [before, after] = await Promise.all([probeVideo(file), probeVideo(copy)]);
  assert.equal([after.pixelAspect, after.colours], ["16:11", before.colours]);
  assert.is(after.colours?.space, "bt709");
  const [[original], [copied]] = [await framesOf(file), await framesOf(copy)];
  // The middle of the second bar, which is yellow: green and red would differ by the other matrix.
  const at = (10 * 64 + 13) * 4;
  for (let c = 0; c < 3; c++) {
    assert.ok(Math.abs(original.data[at + c] - copied.data[at + c]) < 6, `channel ${c}`);
  }
});

withFfmpeg("a video of sides that no memory holds is refused before it is decoded", async () => {
  const file = path.join(folder, "huge.mkv");
  await writeFile(file, "YUV4MPEG2 W15000 H12000 F25:1\nFRAME\n");
  const error = await probeVideo(file).catch((error) => error);
  assert.is(error.code, "IMAGE_TOO_LARGE");
  assert.match(error.message, /15000×12000/);
});

test("without ffmpeg the command says how to install it; photos and videos do not mix", async () => {
  const file = path.join(folder, "some.mp4");
  await writeFile(file, "");
  const env = { ...process.env, PATH: "/nonexistent" };
  const run = (...args: string[]) => start(process.execPath, [COMMAND, ...args], { env }).ended;
  const [missing, mixed, every, resume, kept] = await Promise.all([
    run("detect", file),
    run("detect", file, "a.jpg"),
    run("detect", "a.jpg", "--every", "3"),
    run("detect", file, "--resume", path.join(folder, "lines")),
    run("redact", file, "--out", folder, "--keep-metadata"),
  ]);
  assert.equal(
    [missing, mixed, every, resume, kept].map(({ code }) => code),
    [2, 2, 2, 2, 2],
  );
  assert.match(resume.stderr, /--resume is for photos/);
  assert.match(kept.stderr, /--keep-metadata is for photos/);
  assert.match(missing.stderr, /apt-get install ffmpeg.*FFMPEG_MISSING/s);
  assert.match(mixed.stderr, /separate commands/);
  assert.match(every.stderr, /--every is for videos/);
});

test("gaps are filled by straight lines, and some frames before and after", () => {
  const at = (x: number): Face["box"] => [x, 0, x + 10, 10];
  const frames = [[], [], [{ track: 1, box: at(0) }], [], [{ track: 1, box: at(4) }], [], [], []];
  const lefts = fillGaps(frames, 2).map((boxes) => boxes.map(([x]) => x));
  assert.equal(lefts, [[0], [0], [0], [2], [4], [4], [4], []]);
});

test.run();
