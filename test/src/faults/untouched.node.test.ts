import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { convertCheckpoint, readBytes } from "retinaface-webgpu";
import { Outputs } from "retinaface-webgpu/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectPhotos } from "../../../packages/retinaface/dist/cli/detect.js";
import { findPhotos } from "../../../packages/retinaface/dist/cli/photos.js";
import { anchorsCommand } from "../../../packages/train/dist/cli/anchors.js";
import { contactSheetCommand } from "../../../packages/train/dist/cli/contact-sheet.js";
import { tuneCommand } from "../../../packages/train/dist/cli/tune.js";
import { rounds } from "../support/rounds.js";
import { Sink } from "../support/sink.node.js";
import { skip } from "../support/skip.js";
import { snapshot, type Tree } from "../support/tree.node.js";
import { putInputs } from "./commands.node.js";

/* Over generated arguments in a folder full of links: no command changes a file that it was not asked to write. */

const test = suite("untouched");
const root = mkdtempSync(path.join(tmpdir(), "untouched-"));
test.after(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
let ran = 0;
let files = 0;

/** A folder in which the same file is found under many names. */
function makeTree(): string {
  const home = path.join(root, String(made++));
  mkdirSync(home);
  putInputs(home);
  const at = (name: string) => path.join(home, name);
  symlinkSync("photos", at("lnk"));
  symlinkSync("../out", at("photos/elsewhere"));
  symlinkSync("../photos/a.png", at("out/a.png"));
  symlinkSync("nowhere", at("out/dangling.png"));
  linkSync(at("photos/b.png"), at("out/b.png"));
  linkSync(at("labels.jsonl"), at("out/labels.json"));
  symlinkSync("out", at("photos/sheet.png"));
  symlinkSync("..", at("out/up"));
  writeFileSync(at("a.png"), "not a picture");
  return home;
}

const PLACES = [
  ".",
  "out",
  "photos",
  "lnk",
  "out/up",
  "photos/elsewhere",
  "new",
  "a.txt",
  "lnk/new",
];
const NAMES = [
  "a.png",
  "b.png",
  "dangling.png",
  "labels.json",
  "sheet.png",
  "notes.txt",
  "new.json",
  "in.safetensors",
  "labels.jsonl",
  "a.txt",
  "",
];
const PHOTOS = [
  "photos",
  "lnk",
  "out",
  "photos/a.png",
  "lnk/b.png",
  "out/a.png",
  "out/b.png",
  "a.png",
  "*.png",
  "photos/*.png",
  "out/up/photos/b.png",
  "absent.png",
  ".",
];

const place = fc.constantFrom(...PLACES);
const output = fc.tuple(place, fc.constantFrom(...NAMES)).map((parts) => path.join(...parts));

/** Where a path leads; the path itself where that is nowhere. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}

/** Whether two paths lead to one file, of which the last part need not exist. */
function sameFile(a: string, b: string): boolean {
  const real = (file: string) =>
    path.join(realPath(path.dirname(path.resolve(file))), path.basename(path.resolve(file)));
  return real(a) === real(b);
}

/** A tree that the last run left as it was: the next one runs there, too. */
let whole: { home: string; before: Tree; inodes: string } | undefined;

/** Which file each name of a tree leads to: one that another took the place of has a new number. */
const inodesOf = (home: string, tree: Tree) =>
  [...tree.keys()].map((file) => lstatSync(path.join(home, file)).ino).join();

function takeTree(): NonNullable<typeof whole> {
  if (whole !== undefined) return whole;
  const home = makeTree();
  const before = snapshot(home);
  return { home, before, inodes: inodesOf(home, before) };
}

/**
 * Runs a command in a tree that no other has changed.
 *
 * @param mayReplace whether an existing file may have other contents now: asked for, with --overwrite
 */
async function keepsTree(
  run: () => Promise<unknown>,
  mayReplace: (file: string) => boolean,
): Promise<void> {
  const tree = takeTree();
  const { home, before, inodes } = tree;
  whole = undefined;
  const from = process.cwd();
  const { write: out } = process.stdout;
  const { write: err } = process.stderr;
  process.chdir(home);
  process.stdout.write = process.stderr.write = (() => true) as typeof out;
  try {
    await run().catch((error) => {
      if (typeof error.code !== "string") throw error;
    });
    const after = snapshot(home);
    for (const [file, was] of before) {
      if (after.get(file) === was) continue;
      const kind = lstatSync(file, { throwIfNoEntry: false });
      assert.ok(kind?.isFile() && was !== "folder" && mayReplace(file), `${file} was changed`);
    }
    for (const file of after.keys()) assert.not.match(file, /\.tmp$/);
    files += before.size;
    ran++;
    const same = [...after].every(([file, is]) => before.get(file) === is);
    if (same && after.size === before.size && inodesOf(home, after) === inodes) whole = tree;
  } finally {
    process.chdir(from);
    process.stdout.write = out;
    process.stderr.write = err;
    if (whole === undefined) rmSync(home, { recursive: true, force: true });
    process.exitCode = 0;
  }
}

const check = <T>(arbitrary: fc.Arbitrary<T>, run: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, run), {
    seed: 26,
    numRuns: rounds(60),
    endOnFailure: true,
  });

if (process.platform === "win32") skip(test, "untouched", "needs links");
else {
  test("detect", () =>
    check(
      fc.record({
        args: fc.array(fc.constantFrom(...PHOTOS), { minLength: 1, maxLength: 4 }),
        out: place,
        overwrite: fc.boolean(),
      }),
      async ({ args, out, overwrite }) => {
        let read: string[] = [];
        await keepsTree(
          async () => {
            const photos = await findPhotos(args);
            read = photos.map(({ file }) => realPath(file));
            await detectPhotos({
              photos,
              out,
              overwrite,
              load: async () => ({
                backend: "wasm",
                threads: 1,
                detect: async () => [],
                dispose() {},
              }),
              streams: { stdout: new Sink(), stderr: new Sink() },
            });
          },
          (file) =>
            overwrite &&
            sameFile(path.dirname(file), out) &&
            file.endsWith(".png") &&
            !read.includes(realPath(file)),
        );
      },
    ));

  test("convert", () =>
    check(
      fc.record({
        input: fc.constantFrom("in.safetensors", "out/up/in.safetensors", "a.txt"),
        out: output,
        overwrite: fc.boolean(),
      }),
      ({ input, out, overwrite }) =>
        keepsTree(
          async () => {
            const outputs = new Outputs({ overwrite, inputs: [input] });
            await outputs.check(out);
            await outputs.write(out, await convertCheckpoint(await readBytes(input), {}));
          },
          (file) => overwrite && sameFile(file, out) && file !== "in.safetensors",
        ),
    ));

  const data = ["--data", "labels.jsonl"];
  const commands = [
    ["anchors", anchorsCommand, [...data, "-k", "3", "--max-k", "3"], ["--out", "--plot"]],
    ["tune", tuneCommand, [...data, "--candidates", "kept.jsonl"], ["--save-candidates", "--plot"]],
    [
      "contact-sheet",
      contactSheetCommand,
      [...data, "--count", "1", "--tile", "8", "--size", "16", "--workers", "0"],
      ["--out"],
    ],
  ] as const;
  for (const [name, make, args, options] of commands) {
    test(name, () =>
      check(
        fc.record({
          outs: fc.array(output, { minLength: options.length, maxLength: options.length }),
          overwrite: fc.boolean(),
        }),
        ({ outs, overwrite }) => {
          const named = options.flatMap((option, i) => [option, outs[i]]);
          const more = overwrite ? ["--overwrite"] : [];
          const inputs = ["labels.jsonl", "kept.jsonl", "photos/a.png", "photos/b.png"];
          const read = name === "tune" ? inputs : inputs.filter((file) => file !== "kept.jsonl");
          return keepsTree(
            () => make().parseAsync([...args, ...named, ...more], { from: "user" }),
            (file) => overwrite && outs.some((out) => sameFile(file, out)) && !read.includes(file),
          );
        },
      ),
    );
  }

  test("the count", () => {
    console.log(`# ${ran} runs in ${made} trees, ${files} files looked at before and after`);
    assert.ok(files > 1000);
  });
}

test.run();
