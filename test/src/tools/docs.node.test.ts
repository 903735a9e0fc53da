/** The examples in the guides and READMEs compile as a reader would paste them; links within the repository lead somewhere. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository, temporaryFolder } from "../support/repository.node.js";
import { run } from "../support/tools.node.js";

const guides = readdirSync(path.join(repository, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "packages/kernels-wasm/README.md",
  "packages/kernels-wgsl/README.md",
  "packages/identify/README.md",
  "packages/mesh/README.md",
  "packages/onnx/README.md",
  "packages/tensor/README.md",
  "packages/retinaface/README.md",
  ...guides,
];

const readPage = (page: string) => readFileSync(path.join(repository, page), "utf8");

/** Examples of a page, each with the line it begins at. */
function examples(page: string): { line: number; text: string }[] {
  const text = readPage(page);
  return [...text.matchAll(/^```(?:ts|js)\n([\s\S]*?)^```/gm)].map((match) => ({
    line: text.slice(0, match.index).split("\n").length,
    text: match[1],
  }));
}

/** Examples that begin with a file's name, as a comment, are files of one program. */
function fileNameOf(page: string, line: number, text: string): string {
  const place = page.replaceAll(/[/.]/g, "-");
  const named = /^\/\/ ([\w.-]+\.ts)\n/.exec(text);
  return named ? `${place}/${named[1]}` : `${place}-${line}.ts`;
}

test("every example compiles under strict TypeScript", async () => {
  const folder = temporaryFolder("docs");
  try {
    const files = pages.flatMap((page) =>
      examples(page).map(({ line, text }) => ({
        name: fileNameOf(page, line, text),
        // A script and not a module has no top-level await.
        text: /^(import|export) /m.test(text) ? text : `${text}\nexport {};\n`,
      })),
    );
    assert.ok(files.length >= 15, `${files.length} examples`);
    writeFileSync(path.join(folder, "package.json"), '{"type":"module"}');
    mkdirSync(path.join(folder, "src"));
    for (const { name, text } of files) {
      mkdirSync(path.dirname(path.join(folder, "src", name)), { recursive: true });
      writeFileSync(path.join(folder, "src", name), text);
    }
    const options = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: "es2023",
      lib: ["es2023", "dom", "dom.iterable"],
      module: "nodenext",
      types: ["@webgpu/types", "node"],
      typeRoots: [
        path.join(repository, "node_modules/@types"),
        path.join(repository, "node_modules"),
      ],
    };
    const config = { compilerOptions: options, include: ["src"] };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = path.join(repository, "node_modules/typescript/bin/tsc");
    const { code, output } = await run(process.execPath, [tsc, "-p", folder], { cwd: folder });
    assert.is(code, 0, output);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("programs about lifetimes print what stands behind them", async () => {
  const folder = temporaryFolder("docs");
  try {
    const { transform } = await import("esbuild");
    const pairs = /^```ts\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/gm;
    const programs = [...readPage("docs/lifetimes.md").matchAll(pairs)];
    assert.is(programs.length, 2);
    for (const [k, [, text, expected]] of programs.entries()) {
      const { code: script } = await transform(text, { loader: "ts", format: "esm" });
      const file = path.join(folder, `${k}.mjs`);
      writeFileSync(file, script);
      const { code, output, stdout } = await run(process.execPath, [file], { timeoutMs: 60_000 });
      assert.is(code, 0, output);
      assert.is(stdout, expected);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the example of a kernel of one's own computes what it says", async () => {
  const folder = temporaryFolder("docs");
  try {
    const [{ text }] = examples("docs/own-kernels.md");
    const { transform } = await import("esbuild");
    const { code: script } = await transform(text, { loader: "ts", format: "esm" });
    const file = path.join(folder, "example.mjs");
    writeFileSync(file, script);
    const { code, output, stdout } = await run(process.execPath, [file], { timeoutMs: 60_000 });
    assert.is(code, 0, output);
    assert.match(stdout, /Float32Array\(3\) \[ 3, 5, 7 \]/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

interface Results {
  readonly model: {
    readonly main: { readonly time: { readonly median: number } };
    readonly sides: readonly {
      readonly side: number;
      readonly time: { readonly median: number };
    }[];
  };
  readonly stages: { readonly networkAlone: number; readonly detect: number };
}

interface PeerResults {
  readonly tasks: readonly {
    readonly results: readonly { readonly peer: string; readonly ratio?: number }[];
  }[];
}

test("what the pages say of speed stands in bench/results", () => {
  const read = <T>(name: string): T =>
    JSON.parse(readFileSync(path.join(repository, "bench/results", name), "utf8")) as T;
  const software = read<Results>("2026-11-26-llvmpipe.json");
  const gpu = read<Results>("2026-11-26-nvidia-h200.json");
  const [network] = read<PeerResults>("2026-11-26-llvmpipe-peers.json").tasks;
  const ratio = (peer: string) => network.results.find((result) => result.peer === peer)!.ratio!;
  const { networkAlone, detect } = software.stages;
  const { sides } = software.model;
  const [side640, side1280] = [640, 1280].map((n) => sides.find(({ side }) => side === n)!);
  const claims: [page: string, pattern: RegExp, values: number[]][] = [
    ["README.md", /network of the public weights ([\d.]+) ms on/, [gpu.model.main.time.median]],
    ["README.md", /on that card and (\d+) ms/, [networkAlone]],
    ["docs/performance.md", /takes \*\*(\d+) ms\*\*/, [networkAlone]],
    ["docs/performance.md", /`detect\(\)` of it (\d+) ms/, [detect]],
    ["docs/performance.md", /1 × 640×640 +\| +([\d.]{4}) /, [gpu.model.main.time.median]],
    [
      "docs/performance.md",
      /1 × 1280×1280 \| +([\d.]+)/,
      [side1280.time.median / side640.time.median],
    ],
    [
      "docs/performance.md",
      /network alone \| +([\d.]+)× \| +([\d.]+)× \| +([\d.]+)×/,
      ["onnxruntime-node WebGPU", "onnxruntime-web WebGPU", "tfjs WebGPU"].map(ratio),
    ],
  ];
  for (const [page, pattern, values] of claims) {
    const found = pattern.exec(readPage(page));
    assert.ok(found, `${page}: ${pattern}`);
    for (const [i, value] of values.entries()) {
      const digits = found[i + 1].split(".")[1]?.length ?? 0;
      assert.is(found[i + 1], value.toFixed(digits), `${page}: ${pattern}`);
    }
  }
});

test("links within the repository lead somewhere", () => {
  const broken = pages.flatMap((page) =>
    [...readPage(page).matchAll(/\]\(([^)#:\s]+)(#[^)]*)?\)/g)]
      .map((match) => path.join(repository, path.dirname(page), match[1]))
      .filter((target) => !existsSync(target))
      .map((target) => `${page}: ${path.relative(repository, target)}`),
  );
  assert.equal(broken, []);
});

test.run();
