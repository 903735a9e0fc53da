import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { listFiles } from "./build.mjs";
import { SetupError } from "./errors.mjs";
import { writeWhole } from "./files.mjs";
import { cacheDir, root } from "./paths.mjs";

const folder = path.join(root, "packages/kernels-wasm");

/** `asc`'s options: WebAssembly with SIMD, on a memory that it is given. */
const OPTIONS = [
  "-O3",
  "--noAssert",
  ...["--runtime", "stub", "--use", "abort="],
  ...["--enable", "simd", "--enable", "threads"],
  ...["--importMemory", "--noExportMemory"],
  ...["--initialMemory", "1", "--maximumMemory", "65536"],
  // Addresses are 32 bits wide, and vectors pass between functions of the module only.
  ...["--disableWarning", "201", "--disableWarning", "112"],
];

/**
 * Modules: where each begins and what its text is called. Networks' kernels share memory among threads; pages load them too,
 * so they are deflated: base64 hides from a server's gzip what repeats (54.7 KB were 26.9 KB then, and are 19.5 this way).
 */
const MODULES = [
  {
    entry: "assembly/index.ts",
    outfile: "wasm-binary.js",
    options: ["--sharedMemory"],
    deflated: true,
  },
  { entry: "assembly/jpeg/index.ts", outfile: "jpeg-binary.js", options: [], deflated: false },
];

/** What the compiled kernels are made of. */
export function kernelSources() {
  const records = listFiles(path.join(folder, "src")).filter((file) => file.endsWith("records.ts"));
  return [...listFiles(path.join(folder, "assembly")), ...records];
}

/**
 * Compiles `packages/kernels-wasm/assembly` to `dist/*-binary.js`, modules whose default export is the code, deflated or as
 * it is, as base64. Takes 4 s each, so the results are kept by what went into them.
 */
export async function buildKernels() {
  for (const module of MODULES) await buildModule(module);
}

async function buildModule({ entry, outfile, options, deflated }) {
  const version = JSON.parse(
    readFileSync(path.join(root, "node_modules/assemblyscript/package.json"), "utf8"),
  ).version;
  const parts = [version, OPTIONS, entry, options, deflated];
  const hash = createHash("sha256").update(JSON.stringify(parts));
  for (const file of kernelSources()) {
    hash.update(path.relative(folder, file)).update(readFileSync(file));
  }
  const cached = path.join(cacheDir, `kernels-wasm-${hash.digest("hex").slice(0, 16)}.js`);
  if (!existsSync(cached)) {
    const binary = await compile(entry, options);
    const bytes = deflated ? deflateSync(binary, { level: 9 }) : binary;
    writeWhole(cached, `export default "${toBase64(bytes)}";\n`);
  }
  mkdirSync(path.join(folder, "dist"), { recursive: true });
  copyFileSync(cached, path.join(folder, "dist", outfile));
}

/** Loaded only now: setup imports this before packages are installed. */
async function compile(entry, options) {
  const { default: asc } = await import("assemblyscript/asc");
  let binary;
  const { error, stderr } = await asc.main(
    [entry, "--baseDir", folder, "--outFile", "kernels.wasm", ...OPTIONS, ...options],
    {
      writeFile: (name, contents) => {
        if (name === "kernels.wasm") binary = contents;
      },
    },
  );
  const said = stderr.toString();
  if (error || said !== "") throw new SetupError(`the kernels do not compile:\n${said || error}`);
  return binary;
}

function toBase64(bytes) {
  return Buffer.from(bytes).toString("base64");
}
