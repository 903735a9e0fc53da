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
