import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importTool, repository, temporaryFolder } from "../support/repository.node.js";

interface Findings {
  errors: string[];
  warnings: string[];
}
const { checkTree } = await importTool<{ checkTree(folder: string): Findings }>(
  "tools/check-imports.mjs",
);

const shared = `"../${"shared"}/weights/x.pth"`;

const manifests: Record<string, string> = {
  "packages/kernels-wgsl/package.json": '{ "name": "@retinaface-webgpu/kernels-wgsl" }',
  "packages/tensor/package.json":
    '{ "name": "@retinaface-webgpu/tensor", "dependencies": { "@retinaface-webgpu/kernels-wgsl": "1" } }',
  "packages/retinaface/package.json":
    '{ "name": "retinaface-webgpu", "dependencies": { "@retinaface-webgpu/tensor": "1", "pngjs": "7" } }',
  "packages/train/package.json":
    '{ "name": "@retinaface-webgpu/train", "dependencies": { "retinaface-webgpu": "1" } }',
};

function check(files: Record<string, string>): Findings {
  const folder = temporaryFolder("imports");
  try {
    for (const [name, text] of Object.entries({ ...manifests, ...files })) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return checkTree(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("this repository is clean", () => {
  assert.equal(checkTree(repository).errors, []);
});

test("downward, own, platform and declared imports are allowed", () => {
  const { errors, warnings } = check({
    "packages/tensor/src/device.ts":
      'import { x } from "@retinaface-webgpu/kernels-wgsl";\nimport { y } from "#platform";\nimport "./z.js";\n',
    "packages/tensor/src/own-buffer.ts":
      'import { Buffer } from "./z.js";\nexport const x = Buffer.from(1);\n',
    "packages/tensor/src/platform/node.ts": 'import { readFile } from "node:fs/promises";\n',
    "packages/retinaface/src/cli/main.ts":
      'import fs from "fs";\nimport { PNG } from "pngjs";\nprocess.exit(0);\n',
    "packages/retinaface/src/documented.ts":
      '/**\n * ```ts\nimport { train } from "@retinaface-webgpu/train";\n * ```\n */\nexport const x = 1;\n',
    "test/src/a.node.test.ts": 'import "node:fs";\n',
    "test/src/b.test.ts":
      'import { readShared } from "../support/shared.js";\nconst why = "needs ../shared/x";\n',
    "test/src/support/shared-files.node.ts": `const path = ${shared};\n`,
  });
  assert.equal(errors, []);
  assert.equal(warnings, []);
});

const bad: Record<string, [file: string, text: string, message: string]> = {
  "an upward import": [
    "packages/kernels-wgsl/src/a.ts",
    'import { Tensor } from "@retinaface-webgpu/tensor";\n',
    "kernels-wgsl is a lower layer than tensor",
  ],
  "an upward import of types": [
    "packages/tensor/src/a.ts",
    'import type {\n  Face,\n} from "retinaface-webgpu";\n',
    "tensor is a lower layer than retinaface",
  ],
  "an upward re-export of a subpath": [
    "packages/retinaface/src/a.ts",
    'export * from "@retinaface-webgpu/train/losses";\n',
    "retinaface is a lower layer than train",
  ],
  "an upward dynamic import": [
    "packages/tensor/src/a.ts",
    'export const load = () => import("retinaface-webgpu");\n',
    "tensor is a lower layer than retinaface",
  ],
  "a relative import of another package": [
    "packages/train/src/a.ts",
    'import { x } from "../../tensor/src/tensor.js";\n',
    "outside the package's src",
  ],
  "an undeclared dependency": [
    "packages/train/src/a.ts",
    'import { PNG } from "pngjs";\n',
    "not among the dependencies",
  ],
  "a Node built-in": [
    "packages/retinaface/src/images.ts",
    'import { readFile } from "node:fs/promises";\n',
    'imports the Node built-in "node:fs/promises"',
  ],
  "a Node built-in without prefix": [
    "test/src/a.test.ts",
    'import fs from "fs";\n',
    'imports the Node built-in "fs"',
  ],
  "a Node global": [
    "packages/tensor/src/a.ts",
    "export const debug = process.env.X;\n",
    "uses Node's process.env",
  ],
  "a file of more than 500 lines": ["tools/long.mjs", "\n".repeat(501), "501 lines; split it"],
  "a test that joins a path to the shared folder": [
    "test/src/a.node.test.ts",
    `const folder = path.join(root, "../${"shared"}");\n`,
    "go through support/shared.ts",
  ],
  "a test that reads the shared folder itself": [
    "test/src/a.test.ts",
    `const file = ${shared};\n`,
    "go through support/shared.ts",
  ],
};

/** Two files each, in either order of the alphabet: a circle is told once, at its first file. */
const circles: Record<string, Record<string, string>> = {
  "two files": {
    "packages/train/src/a.ts": 'import { b } from "./b.js";\nexport const a = () => b;\n',
    "packages/train/src/b.ts": 'import { a } from "./a.js";\nexport const b = () => a;\n',
  },
  "types only": {
    "packages/train/src/a.ts": 'import type { B } from "./b.js";\nexport type A = B | 1;\n',
    "packages/train/src/b.ts": 'export type B = import("./a.js").A | 2;\n',
  },
  "three files and re-exports": {
    "packages/train/src/a.ts": 'export * from "./x/b.js";\n',
    "packages/train/src/c.ts": 'import "./a.js";\n',
    "packages/train/src/x/b.ts": 'export { c } from "../c.js";\n',
  },
  "a file and what the platform gives it": {
    "packages/train/package.json":
      '{ "imports": { "#platform": { "node": "./dist/b.js", "default": "./dist/c.js" } } }',
    "packages/train/src/a.ts": 'import "#platform";\n',
    "packages/train/src/b.ts": "export {};\n",
    "packages/train/src/c.ts": 'import "./a.js";\n',
  },
  "a file and itself": {
    "packages/train/src/a.ts": 'import { a } from "./a.js";\nexport const b = a;\n',
  },
};

for (const [name, files] of Object.entries(circles)) {
  test(`finds a circle of ${name}`, () => {
    const others = { "packages/train/src/d.ts": 'import "./a.js";\nimport "./e.js";\n' };
    const { errors } = check({ ...files, ...others, "packages/train/src/e.ts": "export {};\n" });
    assert.is(errors.length, 1, errors.join("\n"));
    assert.match(errors[0], "packages/train/src/a.ts: a circle of imports");
    const members = Object.keys(files).filter((file) => /import|export \*/.test(files[file]));
    for (const file of members.slice(1)) {
      if (file.endsWith(".ts")) assert.match(errors[0], file);
    }
    assert.not.match(errors[0], "src/d.ts");
  });
}

test("two paths to one file, and the same names in two packages, are no circle", () => {
  const { errors } = check({
    "packages/train/src/a.ts": 'import "./b.js";\nimport "./c.js";\n',
    "packages/train/src/b.ts": 'import "./c.js";\n',
    "packages/train/src/c.ts": "export {};\n",
    "packages/tensor/src/a.ts": "export {};\n",
    "packages/tensor/src/b.ts": 'import "./a.js";\n',
  });
  assert.equal(errors, []);
});

test("finds a room that imports from one above it", () => {
  const { errors } = check({
    "packages/tensor/src/core/a.ts":
      'import type { Op } from "../ops/op.js";\nimport "../device/d.js";\n',
    "packages/tensor/src/device/d.ts": "export {};\n",
    "packages/tensor/src/ops/op.ts": "export type Op = 1;\n",
    "packages/tensor/src/index.ts": 'import "./core/a.js";\nimport "./ops/op.js";\n',
  });
  assert.equal(errors, [
    'packages/tensor/src/core/a.ts: imports "../ops/op.js": core is below ops in this package',
  ]);
});

for (const [name, [file, text, message]] of Object.entries(bad)) {
  test(`finds ${name}`, () => {
    const { errors } = check({ [file]: text });
    assert.is(errors.length, 1, errors.join("\n"));
    assert.match(errors[0], file);
    assert.match(errors[0], message);
  });
}

test("warns of a file of more than 400 lines", () => {
  const { errors, warnings } = check({ "packages/tensor/src/long.ts": "\n".repeat(401) });
  assert.equal(errors, []);
  assert.match(warnings[0], "packages/tensor/src/long.ts: 401 lines");
});

test.run();
