import type { Random } from "@retinaface-webgpu/tensor";
import {
  type Detections,
  evaluateDetections,
  type FaceRecord,
  FormatError,
  f1Score,
  formatCandidates,
  linePlot,
  parseCandidates,
  plotTuning,
  precisionRecallPlot,
  renderReport,
  seededRandom,
  type TuneImage,
  tuneThresholds,
} from "@retinaface-webgpu/train";
import { nms } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** Faces with several jittered candidates each, and background candidates that score lower. */
function makeImages(random: Random, count: number): TuneImage[] {
  return Array.from({ length: count }, (_, i) => {
    const faces = Array.from({ length: 3 }, (__, f) => [f * 90, 10, f * 90 + 40, 60]);
    const record: FaceRecord = {
      id: `${i}`,
      image: `${i}`,
      boxes: Float32Array.from(faces.flat()),
      landmarks: new Float32Array(30),
      labels: faces.map(() => "face"),
      ignored: new Uint8Array(3),
    };
    const rows = faces.flatMap((box) =>
      Array.from({ length: 4 }, () => [
        ...box.map((v) => v + random.uniform(-7, 7)),
        random.uniform(0.2, 1),
      ]),
    );
    for (let n = 0; n < 6; n++) {
      const [x, y] = [random.uniform(0, 250), random.uniform(100, 200)];
      rows.push([x, y, x + 40, y + 50, random.uniform(0.01, 0.5)]);
    }
    const candidates: Detections = {
      boxes: Float64Array.from(rows.flatMap((row) => row.slice(0, 4))),
      scores: Float64Array.from(rows, (row) => row[4]),
    };
    return { record, candidates };
  });
}

test("the best thresholds are those of a search by brute force", () => {
  const images = makeImages(seededRandom(4), 10);
  const nmsThresholds = [0.2, 0.4, 0.6];
  const result = tuneThresholds(images, { nmsThresholds });
  let best = 0;
  const scores = images.flatMap(({ candidates }) => [...candidates.scores]);
  for (const nmsThreshold of nmsThresholds) {
    for (const visThreshold of scores) {
      const kept = images.map(({ record, candidates: { boxes, scores: all } }) => {
        const after = [...nms(boxes, all, nmsThreshold)].filter((i) => all[i] >= visThreshold);
        return {
          record,
          detections: {
            boxes: Float64Array.from(after.flatMap((i) => [...boxes.subarray(i * 4, i * 4 + 4)])),
            scores: Float64Array.from(after, (i) => all[i]),
          },
        };
      });
      const last = evaluateDetections(kept).curve.at(-1);
      if (last) best = Math.max(best, f1Score(last));
    }
  }
  assert.ok(Math.abs(result.best!.f1 - best) < 1e-12);
  assert.is(result.faces, 30);
  assert.equal(
    result.table.map((row) => row.nmsThreshold),
    nmsThresholds,
  );
});

test("the confidence threshold proposed keeps the average precision", () => {
  const result = tuneThresholds(makeImages(seededRandom(5), 10));
  const { best, confidence } = result;
  const chosen = confidence.find((row) => row.confidenceThreshold === best!.confidenceThreshold)!;
  assert.ok(chosen.ap50 >= best!.ap50 - 0.001);
  assert.ok(best!.confidenceThreshold <= best!.visThreshold);
  const counts = confidence.map((row) => row.candidates);
  assert.equal(
    counts,
    [...counts].sort((a, b) => b - a),
  );
});

test("recall at a given precision, and goals that cannot be reached", () => {
  const images = makeImages(seededRandom(6), 10);
  const f1 = tuneThresholds(images).best!;
  const strict = tuneThresholds(images, { goal: { kind: "recall", precision: 1 } }).best!;
  assert.is(strict.precision, 1);
  assert.ok(strict.visThreshold >= f1.visThreshold);
  const nothing = images.map(({ record }) => ({
    record,
    candidates: { boxes: Float64Array.from([0, 0, 1, 1]), scores: Float64Array.from([0.5]) },
  }));
  const missed = tuneThresholds(nothing, { goal: { kind: "recall", precision: 0.9 } });
  assert.is(missed.best, null);
  assert.throws(() => tuneThresholds([]), /needs images/);
  assert.throws(
    () => tuneThresholds(images, { goal: { kind: "recall", precision: 2 } }),
    /between 0 and 1/,
  );
});

test("candidates survive their file; damage is named by line", () => {
  const stored = new Map(makeImages(seededRandom(7), 2).map((i) => [i.record.id, i.candidates]));
  const back = parseCandidates(formatCandidates(stored), "c.jsonl");
  for (const [id, { boxes, scores }] of stored) {
    assert.ok(back.get(id)!.boxes.every((v, i) => Math.abs(v - boxes[i]) < 1e-3));
    assert.ok(back.get(id)!.scores.every((v, i) => Math.abs(v - scores[i]) < 1e-7));
  }
  for (const bad of [
    "{",
    '{"id":1,"boxes":[],"scores":[]}',
    '{"id":"a","boxes":[1],"scores":[1]}',
  ]) {
    const isNamed = (error: unknown) =>
      error instanceof FormatError && error.message.startsWith("c.jsonl:2: ");
    assert.throws(() => parseCandidates(`\n${bad}`, "c.jsonl"), isNamed);
  }
});

/** Every tag closed in order, every attribute quoted, no stray markup. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const tags = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[<>]/g;
  for (const [text, closing, name, , selfClosing] of xml.matchAll(tags)) {
    assert.ok(name, `stray ${text}`);
    if (closing) assert.is(open.pop(), name);
    else if (!selfClosing) open.push(name);
  }
  assert.equal(open, []);
}

test("plots: lines where the numbers are, gaps, logarithms, names escaped", () => {
  const svg = linePlot({
    title: "a < b & c",
    x: { label: "x", min: 0, max: 10 },
    y: { label: "y", min: 0, max: 1 },
    series: [
      {
        name: '"one"',
        points: [
          [0, 0],
          [10, 1],
        ],
      },
      {
        name: "two",
        points: [
          [0, 1],
          [5, Number.NaN],
          [10, 1],
        ],
      },
    ],
    marks: [{ x: 5, y: 0.5, text: "<here>" }],
  });
  assertWellFormed(svg);
  // The frame runs from x = 64 to 624 and from y = 352 up to 36.
  assert.match(svg, 'points="80,352 624,36"');
  assert.is(svg.match(/<polyline/g)?.length, 1);
  assert.match(svg, "a &lt; b &amp; c");
  assert.match(svg, "&lt;here&gt;");
  const log = linePlot({
    title: "",
    x: { label: "" },
    y: { label: "", log: true, min: 0.01, max: 1 },
    series: [
      {
        name: "",
        points: [
          [0, 0.1],
          [1, 0],
          [2, 1],
          [3, 0.01],
        ],
      },
    ],
  });
  assert.match(log, /points="[\d.]+,36 [\d.]+,352"/);
  for (const points of [
    [],
    [[1, 1]],
    [
      [0, -5e-7],
      [1, 5e8],
    ],
  ] as [number, number][][]) {
    const odd = linePlot({
      title: "t",
      x: { label: "x" },
      y: { label: "y" },
      series: [{ name: "s", points }],
    });
    assertWellFormed(odd);
    assert.not.match(odd, "NaN");
  }
});

test("plots of many points stay small and keep the extremes", () => {
  const points = Array.from(
    { length: 100_000 },
    (_, i) => [i, i === 51_234 ? 9 : Math.sin(i)] as const,
  );
  const svg = linePlot({
    title: "",
    x: { label: "" },
    y: { label: "", min: -1, max: 9 },
    series: [{ name: "", points }],
  });
  assert.ok(svg.length < 60_000, `${svg.length} characters`);
  assert.match(svg, /,36 /);
});

test("a pale line lies behind the line and counts for the range", () => {
  const noisy = [0, 9, 0, 9].map((y, x) => [x, y] as const);
  const svg = linePlot({
    title: "t",
    x: { label: "x" },
    y: { label: "y" },
    series: [{ name: "s", points: noisy.map(([x]) => [x, 4.5]), behind: noisy }],
  });
  assertWellFormed(svg);
  const lines = svg.match(/<polyline[^>]*>/g)!;
  assert.is(lines.length, 2);
  assert.match(lines[0], 'opacity="0.25"');
  const heights = lines[0].match(/,[\d.]+/g)!.map((y) => Number(y.slice(1)));
  assert.ok(Math.min(...heights) >= 36 && Math.max(...heights) <= 352, `${heights}`);
});

test("loss curves are smoothed over a fortieth of the run; a part that is 0 is left out", () => {
  const steps = Array.from({ length: 80 }, (_, step) => ({
    step,
    learningRate: 0.01,
    losses: { total: step % 2 === 0 ? 1 : 3, landmarks: 0 },
  }));
  const html = renderReport({ title: "t", facts: {}, steps });
  assert.match(html, "Loss, mean of 2 steps");
  assert.not.match(html, "landmarks");
  const [, line] = html
    .match(/<polyline[^>]*stroke-width="2"[^>]*>/)![0]
    .match(/points="([^"]*)"/)!;
  const heights = line.split(" ").map((point) => point.split(",")[1]);
  assert.is(new Set(heights.slice(1)).size, 1);
  assert.is.not(heights[0], heights[1]);
});

test("a report shows what it is given, escaped and without foreign addresses", () => {
  const images = makeImages(seededRandom(8), 3);
  const evaluation = evaluateDetections(
    images.map(({ record, candidates }) => ({ record, detections: candidates })),
  );
  const html = renderReport({
    title: "Masks <1>",
    facts: { weights: "a&b.safetensors", "learning rate": 0.001 },
    steps: [1, 2, 3].map((step) => ({
      step,
      learningRate: 0.01 / step,
      losses: { total: 3 / step, boxes: 1 / step },
    })),
    validations: [{ step: 3, ap50: 0.9, ap: 0.5 }],
    evaluations: { before: evaluation, after: evaluation },
    worst: [
      { id: "a.jpg", source: "data:image/png;base64,AAAA", caption: "2 missed" },
      { id: "b.jpg", source: "javascript:alert(1)", caption: "" },
      { id: "c.jpg", source: "https://example.org/c.jpg", caption: "" },
    ],
  });
  assert.match(html, "Masks &lt;1&gt;");
  assert.match(html, "a&amp;b.safetensors");
  assert.is(html.match(/<svg/g)?.length, 4);
  assert.is(html.match(/<img/g)?.length, 1);
  assert.not.match(html, /javascript:|https:\/\/example|<script/);
  assert.match(html, /<th>before<\/th><th>after<\/th>/);
  const bare = renderReport({ title: "t", facts: {} });
  assert.not.match(bare, "<svg");
});

test("plots of curves", () => {
  const result = tuneThresholds(makeImages(seededRandom(9), 3), { nmsThresholds: [0.3, 0.5] });
  assertWellFormed(plotTuning(result));
  assertWellFormed(precisionRecallPlot({ a: result.table[0].curve }));
});

test("more curves than colours are told apart, named at their ends, the best in bold", () => {
  const nmsThresholds = Array.from({ length: 9 }, (_, i) => (i + 1) / 10);
  const result = tuneThresholds(makeImages(seededRandom(9), 3), { nmsThresholds });
  const svg = plotTuning(result);
  const samples = [
    ...svg.matchAll(
      /<line [^>]*stroke="(#\w+)" stroke-width="\d[^"]*"([^>]*)\/>(<text.*?<\/text>)/g,
    ),
  ];
  const styles = samples.map(([, colour, dash]) => colour + dash);
  assert.is(new Set(styles).size, nmsThresholds.length);
  const names = samples.map(([, , , text]) => text);
  for (const nms of nmsThresholds)
    assert.ok(
      names.some((text) => text.includes(`>NMS ${nms}<`)),
      `${nms}`,
    );
  const bold = names.filter((text) => text.includes('font-weight="bold"'));
  assert.is(bold.length, 1);
  assert.match(bold[0], `NMS ${result.best!.nmsThreshold}<`);
});

test("a report's curve has a line for what the starting weights reach, and none for random ones", () => {
  const validations = [0.5, 0.4, 0.6].map((ap50, i) => ({ step: i * 10, ap50, ap: ap50 / 2 }));
  const report = (startsTrained: boolean) =>
    renderReport({ title: "t", facts: {}, validations, startsTrained });
  assert.match(report(true), "AP at IoU 0.5 of the starting weights");
  assert.not.match(report(false), "of the starting weights");
  const flat = report(true).match(/points="([^"]*)"[^>]*stroke-dasharray="6 4"/)?.[1] ?? "";
  const heights = flat.split(" ").map((pair) => pair.split(",")[1]);
  assert.ok(heights.length > 1 && new Set(heights).size === 1, flat);
});

test.run();
