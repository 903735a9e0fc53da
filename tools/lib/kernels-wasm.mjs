import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { listFiles } from "./build.mjs";
import { SetupError } from "./errors.mjs";
import { cacheDir, root } from "./paths.mjs";

const folder = path.join(root, "packages/kernels-wasm");
const outfile = path.join(folder, "dist/wasm-binary.js");

/** `asc`'s options: WebAssembly with SIMD and threads, on a memory that it is given. */
const OPTIONS = [
  "-O3",
  "--noAssert",
  ...["--runtime", "stub", "--use", "abort="],
  ...["--enable", "simd", "--enable", "threads"],
  ...["--importMemory", "--noExportMemory", "--sharedMemory"],
  ...["--initialMemory", "1", "--maximumMemory", "65536"],
  // Addresses are 32 bits wide, and vectors pass between functions of the module only.
  ...["--disableWarning", "201", "--disableWarning", "112"],
];

/** What the compiled kernels are made of. */
export function kernelSources() {
  const records = listFiles(path.join(folder, "src")).filter((file) => file.endsWith("records.ts"));
  return [...listFiles(path.join(folder, "assembly")), ...records];
}

/**
 * Compiles `packages/kernels-wasm/assembly` to `dist/wasm-binary.js`, a module whose default export is the code as
 * base64. Takes 4 s, so the result is kept by what went into it.
 */
export async function buildKernels() {
  const version = JSON.parse(
    readFileSync(path.join(root, "node_modules/assemblyscript/package.json"), "utf8"),
  ).version;
  const hash = createHash("sha256").update(JSON.stringify([version, OPTIONS]));
  for (const file of kernelSources()) {
    hash.update(path.relative(folder, file)).update(readFileSync(file));
  }
  const cached = path.join(cacheDir, `kernels-wasm-${hash.digest("hex").slice(0, 16)}.js`);
  if (!existsSync(cached)) write(cached, `export default "${toBase64(await compile())}";\n`);
  mkdirSync(path.dirname(outfile), { recursive: true });
  copyFileSync(cached, outfile);
}

/** Loaded only now: setup imports this before packages are installed. */
async function compile() {
  const { default: asc } = await import("assemblyscript/asc");
  let binary;
  const { error, stderr } = await asc.main(
    ["assembly/index.ts", "--baseDir", folder, "--outFile", "kernels.wasm", ...OPTIONS],
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

function write(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}
