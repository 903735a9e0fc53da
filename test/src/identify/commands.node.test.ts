import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildProgram, USAGE_CODES } from "../../../packages/identify/dist/cli/program.js";
import { drawIdentities } from "../support/identify-command.node.js";
import { runInProcess } from "../support/in-process.node.js";
import { repository } from "../support/repository.node.js";
import { tinyEmbedder } from "../support/tiny-embedder.js";

/* The commands enrol, match, list, remove and evaluate, with a network that learned nothing: pictures alike are alike to it. */

const test = suite("identify commands");
const folder = mkdtempSync(path.join(tmpdir(), "retinaface-identify-"));
const place = (name: string) => path.join(folder, name);
const sample = path.join(repository, "packages/retinaface/assets/sample.png");
const weights = place("net.safetensors");
const gallery = place("herd.gallery");
const wasm = ["--backend", "wasm", "--threads", "1"];

test.before(async () => {
  writeFileSync(weights, await tinyEmbedder(1));
  writeFileSync(place("other.safetensors"), await tinyEmbedder(2));
  drawIdentities(place("herd"), 5, { days: 2, each: 2 });
  // A picture that cannot be read, and strangers that nobody enrols.
  writeFileSync(place("herd/id1/broken.png"), "no picture");
  drawIdentities(place("more"), 8, { days: 1, each: 2 });
  for (const known of [0, 1, 2, 3, 4]) rmSync(place(`more/id${known}`), { recursive: true });
});
test.after(() => rmSync(folder, { recursive: true }));

/** Runs a command that must end so. */
async function identify(status: number, ...args: string[]) {
  const ended = await runInProcess(buildProgram(), USAGE_CODES, args);
  assert.is(ended.status, status, `${args.join(" ")}: ${ended.stderr}`);
  const lines = ended.stdout.split("\n").filter((line) => line !== "");
  return { lines: lines.map((line) => JSON.parse(line)), said: ended.stderr };
}

interface Line {
  file: string;
  id?: string;
  error?: { code: string };
  faces: {
    box: number[];
    identity?: string | null;
    matches: { id: string; similarity: number }[];
  }[];
}

test("enrol makes a gallery, with a threshold on strangers; match says who it is, or nobody", async () => {
  const more = ["--unknown", place("more"), "--far", "0.2"];
  const enrolled = await identify(
    1,
    ...[
      "enrol",
      place("herd"),
      "--out",
      gallery,
      "--weights",
      weights,
      "--whole",
      ...more,
      ...wasm,
    ],
  );
  const told = enrolled.lines.at(-1);
  assert.equal([told.identities, told.pictures, told.combine], [5, 20, "best"]);
  assert.equal([told.threshold.far, told.threshold.trials], [0.2, 6]);
  assert.is(told.threshold.strangers, "given");
  const errors = (enrolled.lines as Line[]).filter(({ error }) => error);
  assert.equal(
    errors.map(({ file, error }) => [path.basename(file), error!.code]),
    [["broken.png", "IMAGE_UNSUPPORTED"]],
  );
  assert.is((enrolled.lines as Line[]).filter(({ id }) => id === "id2").length, 4);

  // Without --weights: the gallery names those that it was made with.
  const known = ["id0", "id3"].map((id) => place(`herd/${id}/day1-1.png`));
  const stranger = place("more/id6/day1-1.png");
  const args = ["--gallery", gallery, "--whole", "--limit", "2", ...wasm];
  const { lines, said } = await identify(0, "match", ...known, stranger, ...args);
  assert.match(said, /weights: .*net\.safetensors/);
  const faces = (lines as Line[]).map((line) => line.faces[0]);
  assert.equal(
    faces.slice(0, 2).map(({ identity, matches }) => [identity, matches[0].id, matches.length]),
    [
      ["id0", "id0", 2],
      ["id3", "id3", 2],
    ],
  );
  for (const { matches } of faces.slice(0, 2)) assert.ok(matches[0].similarity > 0.99999);
  assert.equal(faces[0].box, [0, 0, 24, 24]);
  const { value } = told.threshold;
  for (const { identity, matches } of faces) {
    assert.is(identity, matches[0].similarity >= value ? matches[0].id : null);
  }
  const never = await identify(0, "match", stranger, ...args, "--threshold", "1");
  assert.is((never.lines as Line[])[0].faces[0].identity, null);
  const soft = await identify(0, "match", known[0], ...args, "--combine", "soft");
  assert.match(soft.said, /for combine best, and says little of soft: give --threshold/);
  const [{ id, similarity }] = (soft.lines as Line[])[0].faces[0].matches;
  assert.is(id, "id0");
  assert.ok(similarity < 0.99999, "less than its most similar picture");
});

test("list, remove, add: what was removed is no longer found", async () => {
  const removed = await identify(0, "remove", "id3", "--gallery", gallery);
  assert.equal(removed.lines, [{ removed: "id3", pictures: 4 }]);
  const [head, ...people] = (await identify(0, "list", "--gallery", gallery)).lines;
  assert.is(head.identities, 4);
  assert.equal(
    people.map(({ id }) => id),
    ["id0", "id1", "id2", "id4"],
  );
  const before = readFileSync(gallery);
  const absent = await identify(2, "remove", "id0", "nobody", "--gallery", gallery);
  assert.match(absent.said, /"nobody": nothing was removed.*\[OPTION_INVALID\]/);
  assert.equal(readFileSync(gallery), before);

  mkdirSync(place("again/id3"), { recursive: true });
  copyFileSync(place("herd/id3/day1-1.png"), place("again/id3/a.png"));
  cpSync(place("herd/id0"), place("again/id0"), { recursive: true });
  const add = ["enrol", place("again"), "--out", gallery, "--add", "--whole", ...wasm];
  const added = await identify(0, ...add);
  assert.match(added.said, /4 pictures are enrolled already/);
  assert.match(added.said, /the threshold stays/);
  assert.equal([added.lines.at(-1).identities, added.lines.at(-1).pictures], [5, 17]);
});

test("faces are found in photos; a photo with several is nobody's", async () => {
  mkdirSync(place("photos/Ann"), { recursive: true });
  copyFileSync(sample, place("photos/Ann/sample.png"));
  const out = ["--out", place("ann.gallery"), "--weights", weights, ...wasm];
  const several = await identify(2, "enrol", place("photos"), ...out);
  assert.is((several.lines as Line[])[0].error!.code, "FACE_AMBIGUOUS");
  assert.match(several.said, /no picture of .* could be enrolled/);
  const one = await identify(0, "enrol", place("photos"), "--largest", ...out);
  assert.is(one.lines.at(-1).threshold, undefined);
  assert.match(one.said, /no threshold: one identity/);
  const { lines, said } = await identify(
    0,
    "match",
    sample,
    "--gallery",
    place("ann.gallery"),
    ...wasm,
  );
  assert.match(said, /has no threshold/);
  const { faces } = (lines as Line[])[0];
  assert.is(faces.length, 3);
  const size = ({ box: [x1, y1, x2, y2] }: { box: number[] }) => (x2 - x1) * (y2 - y1);
  const largest = faces.reduce((best, face) => (size(face) > size(best) ? face : best));
  assert.is(largest.matches[0].id, "Ann");
  assert.ok(largest.matches[0].similarity > 0.9999);
  assert.is(largest.identity, undefined);
});

test("evaluate: verification, closed and open set, identities that are held out, a report", async () => {
  const out = place("report");
  const split = ["--group", "^(day\\d)", "--query", "last:1", "--hold-out", "id[34]"];
  const args = ["evaluate", place("herd"), "--weights", weights, "--whole", ...wasm, ...split];
  const { lines, said } = await identify(0, ...args, "--out", out);
  const [result] = lines;
  assert.is(result.failed, 0, "broken.png has no day");
  assert.match(said, /1 pictures have no group/);
  const { closedSet, openSet, unseen, verification } = result;
  assert.equal([closedSet.queries, closedSet.identities], [6, 3]);
  assert.equal([unseen.closedSet.queries, unseen.closedSet.identities], [4, 2]);
  assert.equal([openSet.strangers, openSet.source], [8, "given"]);
  assert.equal([unseen.openSet.strangers, unseen.openSet.source], [4, "left-out"]);
  assert.equal([verification.genuine, verification.impostor], [5 * 6, (20 * 19) / 2 - 5 * 6]);
  assert.ok(verification.auc > 0.5 && closedSet.rank1 >= 1 / 3);
  const page = readFileSync(path.join(out, "report.html"), "utf8");
  for (const wanted of ["Identities that are held out", "<svg", "rank-1"]) {
    assert.ok(page.includes(wanted), wanted);
  }
  for (const name of ["roc.svg", "similarities.svg", "cmc.svg", "open-set.svg", "metrics.json"]) {
    assert.ok(readFileSync(path.join(out, name)).length > 100, name);
  }
  assert.match((await identify(2, ...args, "--out", out)).said, /OUTPUT_EXISTS/);
  const [worn] = (await identify(0, ...args, "--masks")).lines;
  assert.match(worn.masks, /drawn/);
  assert.equal(
    [worn.openSet.strangers, worn.unseen.openSet.strangers],
    [4, 4],
    "who is enrolled shows the face",
  );
  assert.ok(worn.verification.auc < verification.auc, "masks cover what tells them apart");
});

test("evaluate --pairs: LFW's protocol on a set in its layout", async () => {
  for (const name of ["Ada Li", "Bob", "Cy"]) {
    mkdirSync(place(`lfw/${name}`), { recursive: true });
    for (const n of [1, 2]) {
      const from = `herd/id${name.length % 5}/day${n}-1.png`;
      copyFileSync(place(from), place(`lfw/${name}/${name}_000${n}.png`));
    }
  }
  const pairs = "2\t1\nAda Li\t1\t2\nBob\t2\tCy\t1\nCy\t1\t2\nAda Li\t2\tBob\t1\n";
  writeFileSync(place("pairs.txt"), pairs);
  const args = ["evaluate", place("lfw"), "--weights", weights, "--whole", ...wasm];
  const { lines } = await identify(0, ...args, "--pairs", place("pairs.txt"));
  assert.equal([lines[0].pictures, lines[0].pairsLeftOut], [6, 0]);
  assert.is(lines[0].folds.folds.length, 2);
  assert.ok(lines[0].folds.accuracy >= 0 && lines[0].folds.accuracy <= 1);
  writeFileSync(place("pairs.txt"), pairs.replace("Bob\t2", "Bob\t7"));
  const absent = await identify(2, ...args, "--pairs", place("pairs.txt"));
  assert.match(absent.said, /no picture Bob\/Bob_0007/);
});

test("wrong uses are typed errors", async () => {
  const other = ["--weights", place("other.safetensors"), "--whole", ...wasm];
  const photo = place("herd/id0/day1-1.png");
  const model = await identify(1, "match", photo, "--gallery", gallery, ...other);
  assert.match(model.said, /\[GALLERY_MODEL\]/);
  const foreign = await identify(1, "match", photo, "--gallery", sample, ...other);
  assert.match(foreign.said, /\[GALLERY_FOREIGN\]/);
  const there = await identify(2, "enrol", place("herd"), "--out", gallery, ...other);
  assert.match(there.said, /\[OUTPUT_EXISTS\]/);
  for (const [args, message] of [
    [["enrol", place("herd"), "--out", place("x"), "--whole"], /WEIGHTS_NOT_FOUND/],
    [["enrol", sample, "--out", place("x"), ...other], /\[DATA\]/],
    [["enrol", place("herd"), "--out", place("x"), ...other, "--far", "1"], /below 1/],
    [["match", photo, "--gallery", gallery, ...other, "--detector", "x"], /--whole/],
    [["evaluate", place("herd"), ...other, "--pairs", "x", "--enrol", "2"], /leave out/],
    [["match", photo], /--gallery/],
  ] as const) {
    assert.match((await identify(2, ...args)).said, message);
  }
});

test.run();
