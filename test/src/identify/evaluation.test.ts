import {
  bestThreshold,
  confusionsOf,
  evaluateClosedSet,
  evaluateOpenSet,
  evaluateVerification,
  foldAccuracy,
  histogram,
  lfwName,
  pairScores,
  parsePairs,
  rankOf,
  renderIdentityReport,
  rocCurve,
} from "@retinaface-webgpu/identify";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { confusionSheet } from "../../../packages/identify/dist/evaluation/confusion-sheet.js";
import {
  cmcPlot,
  openSetPlot,
  verificationPlots,
} from "../../../packages/identify/dist/evaluation/plots.js";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

/* The measures beside others that count one by one, by their definitions. */

const test = suite("evaluation");

/** Scores in steps, so that many are equal. */
function scoresOf(random: Random, count: number, mean: number, step: number): number[] {
  return Array.from({ length: count }, () => Math.round(random.normal(mean, 0.2) / step) * step);
}

const share = (values: readonly number[], holds: (value: number) => boolean) =>
  values.filter(holds).length / values.length;

test("verification is what counting gives", () => {
  const random = new Random(2);
  for (const [same, other, step] of [
    [1, 1, 1e-9],
    [13, 37, 0.1],
    [40, 300, 1e-9],
    [64, 1000, 0.02],
  ]) {
    const genuine = scoresOf(random, same, 0.5, step);
    const impostor = scoresOf(random, other, 0, step);
    const { auc, eer, tarAtFar } = evaluateVerification({ genuine, impostor });
    let above = 0;
    for (const g of genuine) for (const i of impostor) above += g > i ? 1 : g === i ? 0.5 : 0;
    assertClose([auc], [above / same / other], { atol: 1e-12, what: "AUC" });
    for (const { far, tar, threshold } of tarAtFar) {
      if (other * far < 1) {
        assert.equal([tar, threshold], [null, null]);
        continue;
      }
      // Of all thresholds that accept few enough, the one that accepts most.
      const candidates = [...genuine, ...impostor, 9].filter(
        (t) => share(impostor, (s) => s >= t) <= far + 1e-12,
      );
      const wanted = Math.max(...candidates.map((t) => share(genuine, (s) => s >= t)));
      assertClose([tar!], [wanted], { atol: 1e-12, what: `TAR at ${far}` });
      assertClose([share(genuine, (s) => s >= threshold!)], [tar!], { atol: 1e-12 });
    }
    // Where the two rates cross: between the last threshold with FAR < FRR and the first with FAR >= FRR.
    const rates = [...genuine, ...impostor].map((t) => ({
      far: share(impostor, (s) => s >= t),
      frr: share(genuine, (s) => s < t),
    }));
    const highest = Math.min(...rates.filter(({ far, frr }) => far >= frr).map(({ far }) => far));
    const lowest = Math.max(0, ...rates.filter(({ far, frr }) => far < frr).map(({ far }) => far));
    assert.ok(eer >= lowest - 1e-12 && eer <= highest + 1e-12, `${lowest} ${eer} ${highest}`);
  }
});

test("a perfect model and one that guesses", () => {
  const perfect = evaluateVerification({ genuine: [0.9, 0.8], impostor: [0.1, 0.2, 0.3] });
  assert.equal([perfect.auc, perfect.eer], [1, 0]);
  const guess = evaluateVerification({ genuine: [0.5, 0.5], impostor: [0.5, 0.5] });
  assert.equal([guess.auc, guess.eer], [0.5, 0.5]);
  const worst = evaluateVerification({ genuine: [0.1], impostor: [0.9] });
  assert.equal([worst.auc, worst.eer], [0, 1]);
  throwsCode(() => evaluateVerification({ genuine: [], impostor: [1] }), "OPTION_INVALID");
  throwsCode(() => rocCurve({ genuine: [1], impostor: [Number.NaN] }), "OPTION_INVALID");
});

test("pairs of LFW's form", () => {
  const text = "2\t1\nAda Li\t1\t4\nBob\t2\tCy\t10\nCy\t1\t2\nAda Li\t3\tBob\t1\n";
  const pairs = parsePairs(text);
  assert.equal(
    pairs.map(({ first, second, same, fold }) => [lfwName(first), lfwName(second), same, fold]),
    [
      ["Ada Li/Ada Li_0001", "Ada Li/Ada Li_0004", true, 0],
      ["Bob/Bob_0002", "Cy/Cy_0010", false, 0],
      ["Cy/Cy_0001", "Cy/Cy_0002", true, 1],
      ["Ada Li/Ada Li_0003", "Bob/Bob_0001", false, 1],
    ],
  );
  assert.equal(parsePairs(text.replaceAll("\n", "\r\n")), pairs);
  assert.is(parsePairs("1\nA 1 2\nA 1 B 1")[1].second.id, "B");
  for (const [wrong, message] of [
    ["", /line 1/],
    ["ten\n", /line 1/],
    ["2 300\nA 1 2\n", /1200 lines, there are 1/],
    ["1e9 1e9\n", /line 1/],
    ["1\nA 1\nA 1 B 1\n", /line 2: a pair of one identity/],
    ["1\nA 1 2\nA 1 B\n", /line 3: a pair of two/],
    ["1\nA 1 2\nA 1 B 0\n", /line 3: "0"/],
    ["1\nA 1 1\nA 1 B 1\n", /line 2: both/],
    ["1\nA 1 2\nA 1 A 2\n", /line 3: both/],
  ] as const) {
    throwsCode(() => parsePairs(wrong), "PAIRS_INVALID", message);
  }
});

test("accuracy in folds: the threshold comes from the others", () => {
  const random = new Random(8);
  const pairs = Array.from({ length: 200 }, (_, i) => {
    const same = i % 2 === 0;
    return { same, fold: i % 5, score: random.normal(same ? 0.4 : 0, 0.2) };
  });
  const right = (of: typeof pairs, t: number) =>
    of.filter(({ same, score }) => score >= t === same).length;
  const { accuracy, standardError, folds } = foldAccuracy(pairs);
  const wanted = [0, 1, 2, 3, 4].map((fold) => {
    const others = pairs.filter((pair) => pair.fold !== fold);
    const own = pairs.filter((pair) => pair.fold === fold);
    const { threshold } = folds[fold];
    const best = Math.max(...[...others.map(({ score }) => score), 9].map((t) => right(others, t)));
    assert.is(right(others, threshold), best);
    return right(own, threshold) / own.length;
  });
  assert.equal(
    folds.map((fold) => fold.accuracy),
    wanted,
  );
  const mean = wanted.reduce((sum, value) => sum + value) / 5;
  const variance = wanted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4;
  assertClose([accuracy, standardError], [mean, Math.sqrt(variance / 5)], { atol: 1e-12 });
  const never = [
    { same: false, fold: 0, score: 0.7 },
    { same: false, fold: 1, score: 0.8 },
  ];
  assert.ok(bestThreshold(never) > 0.8);
  throwsCode(() => foldAccuracy(never.slice(1)), "OPTION_INVALID", /two at least/);
});

const matches = (...ids: string[]) => ids.map((id, i) => ({ id, similarity: 0.9 - i / 10 }));

test("closed set: ranks and the mean of identities", () => {
  const queries = [
    { truth: "a", matches: matches("a", "b", "c") },
    { truth: "a", matches: matches("b", "a", "c") },
    { truth: "a", matches: matches("a", "c", "b") },
    { truth: "b", matches: matches("c", "a", "b") },
    { truth: "d", matches: matches("a", "b", "c") },
  ];
  assert.equal(queries.map(rankOf), [1, 2, 1, 3, Number.POSITIVE_INFINITY]);
  const result = evaluateClosedSet(queries, 4);
  assert.equal([result.rank1, result.rank5], [0.4, 0.8]);
  assert.equal(result.cmc, [0.4, 0.6, 0.8, 0.8]);
  assertClose([result.rank1ByIdentity], [(2 / 3 + 0 + 0) / 3], { atol: 1e-12 });
  assert.equal(
    confusionsOf(queries).map(({ query, truth, taken, own }) => [query, truth, taken, own]),
    [
      [1, "a", "b", 0.8],
      [3, "b", "c", 0.7],
      [4, "d", "a", undefined],
    ],
  );
  throwsCode(() => evaluateClosedSet([]), "OPTION_INVALID");
});

test("open set: identification at a rate of false accepts is what counting gives", () => {
  const random = new Random(4);
  for (const step of [1e-9, 0.1]) {
    const known = scoresOf(random, 60, 0.5, step).map((similarity, i) => ({
      truth: i % 7 === 0 ? "other" : "a",
      matches: [{ id: "a", similarity }],
    }));
    const strangers = scoresOf(random, 50, 0.2, step);
    const { dirAtFar, curve } = evaluateOpenSet(known, strangers, [0.1, 0.02, 0.01]);
    const right = known.filter(({ truth }) => truth === "a").map((k) => k.matches[0].similarity);
    const dirFrom = (t: number) => right.filter((s) => s >= t).length / known.length;
    for (const { far, dir, threshold } of dirAtFar) {
      if (far === 0.01) {
        assert.is(dir, null);
        continue;
      }
      assert.ok(share(strangers, (s) => s >= threshold!) <= far);
      const fewer = [...right, ...strangers, 9].filter(
        (t) => share(strangers, (s) => s >= t) <= far + 1e-12,
      );
      assertClose([dir!], [Math.max(...fewer.map(dirFrom))], { atol: 1e-12 });
    }
    const distinct = [...new Set(strangers)].sort((a, b) => b - a);
    assertClose(
      curve.flatMap(({ far, dir }) => [far, dir]),
      distinct.flatMap((t) => [share(strangers, (s) => s >= t), dirFrom(t)]),
      { atol: 1e-12 },
    );
  }
});

test("histograms count each score once", () => {
  const { shares, width } = histogram([-2, -1, -0.51, 0, 0.99, 1, 1], { bins: 4 });
  assert.is(width, 0.5);
  assertClose(shares, [3 / 7, 0, 1 / 7, 3 / 7], { atol: 1e-12 });
  throwsCode(() => histogram([], { bins: 0 }), "OPTION_INVALID");
});

test("pairs of pictures: all of them, or as many as asked for, of the right kind", () => {
  const pictures = ["a", "a", "b", "b", "b", "c"].map((id, i) => ({
    id,
    vector: Float32Array.of(Math.cos(i), Math.sin(i)),
  }));
  const { genuine, impostor } = pairScores(pictures);
  const angles = (list: number[]) => list.map(Math.cos).sort((x, y) => x - y);
  assertClose(
    Array.from(genuine).sort((x, y) => x - y),
    angles([1, 1, 2, 1]),
    { atol: 1e-6 },
  );
  assert.is(impostor.length, 15 - 4);
  const drawn = pairScores(pictures, { most: 3 });
  assert.equal([drawn.genuine.length, drawn.impostor.length], [3, 3]);
  for (const score of Array.from(drawn.genuine)) {
    assert.ok([1, 2].some((angle) => Math.abs(Math.cos(angle) - score) < 1e-6));
  }
  assert.equal(pairScores(pictures, { most: 3 }), drawn);
  throwsCode(() => pairScores(pictures.slice(2, 5)), "OPTION_INVALID");
  throwsCode(() => pairScores([pictures[0], pictures[5]]), "OPTION_INVALID");
});

test("the report shows figures, curves and mistakes, and escapes names", () => {
  const scores = { genuine: [0.9, 0.8, 0.2], impostor: [0.5, 0.1, 0, -0.3] };
  const verification = evaluateVerification(scores);
  const closedSet = evaluateClosedSet([{ truth: "a", matches: matches("a") }], 1);
  const openSet = evaluateOpenSet([{ truth: "a", matches: matches("a") }], [0.1, 0.2]);
  const plots = Object.values({
    ...verificationPlots(scores, rocCurve(scores), verification),
    cmc: cmcPlot(closedSet),
    openSet: openSetPlot(openSet),
  });
  for (const svg of plots) {
    assert.match(svg, /^<svg /);
    assert.not.match(svg, /NaN|Infinity/);
  }
  const page = renderIdentityReport({
    title: "<b>",
    facts: { data: "a&b" },
    verification,
    closedSet,
    openSet,
    plots,
    confusions: "data:image/png;base64,AA==",
  });
  for (const wanted of ["&lt;b&gt;", "a&amp;b", "rank-1", "too few to tell", "data:image/png"]) {
    assert.ok(page.includes(wanted), wanted);
  }
  const black = { data: new Uint8ClampedArray(4 * 4 * 4), width: 4, height: 4 };
  const row = { query: black, taken: black, own: black, captions: ["a", "b", "c"] as const };
  const sheet = confusionSheet([row, row], 20);
  assert.equal([sheet.width, sheet.height], [6 + 3 * 26, 6 + 20 + 2 * 46]);
  assert.is(sheet.data.length, sheet.width * sheet.height * 4);
});

test.run();
