/**
 * Loaded into a command by `--import`: counts the calls that change files below `FAULT_ROOT`, and does harm at one of them.
 *
 * `FAULT_AT` is its number, counted from 1, and `FAULT_KIND` what happens there: `fail` (no room; a write leaves half of
 * its bytes), `kill` (SIGKILL; the same), `late` (SIGKILL right after it). Without a number nothing happens. `FAULT_SLOW`
 * are milliseconds before each call. The names of the calls are written to `FAULT_LOG` when the process ends.
 */
import fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";

const { FAULT_ROOT = "/", FAULT_AT, FAULT_KIND = "fail", FAULT_SLOW, FAULT_LOG } = process.env;
const at = Number(FAULT_AT ?? 0);
const slow = Number(FAULT_SLOW ?? 0);
const real = { ...fs, promises: { ...fs.promises } };
const log: string[] = [];
const handles = new WeakMap<object, boolean>();

type Call = (...args: unknown[]) => unknown;

const noRoom = () =>
  Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC", errno: -28 });

const isInside = (file: unknown) =>
  typeof file === "string" && !path.relative(FAULT_ROOT, path.resolve(file)).startsWith("..");

/** Ends the process as a power cut would: nothing more is done. */
function die(): never {
  if (FAULT_LOG) real.writeFileSync(FAULT_LOG, `${log.join("\n")}\n`);
  process.kill(process.pid, "SIGKILL");
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}

/** Whether this call is the one, before which `half` leaves what an interrupted call leaves. */
function strike(name: string, half: () => void): boolean {
  log.push(name);
  if (slow > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slow);
  if (log.length !== at) return false;
  if (FAULT_KIND === "late") return true;
  half();
  if (FAULT_KIND === "kill") die();
  throw noRoom();
}

function patchSync(
  name:
    | "renameSync"
    | "unlinkSync"
    | "mkdirSync"
    | "writeFileSync"
    | "appendFileSync"
    | "mkdtempSync"
    | "rmdirSync"
    | "copyFileSync",
) {
  const call = real[name] as Call;
  (fs as unknown as Record<string, Call>)[name] = (...args) => {
    const last = name === "renameSync" || name === "copyFileSync" ? args[1] : args[0];
    if (!isInside(last)) return call(...args);
    const late = strike(name, () => {
      if (name === "writeFileSync" || name === "appendFileSync") {
        const bytes = Buffer.from(args[1] as string);
        call(args[0], bytes.subarray(0, bytes.length >> 1), args[2]);
      }
    });
    const result = call(...args);
    if (late) die();
    return result;
  };
}

for (const name of [
  "renameSync",
  "unlinkSync",
  "mkdirSync",
  "writeFileSync",
  "appendFileSync",
  "mkdtempSync",
  "rmdirSync",
  "copyFileSync",
] as const) {
  patchSync(name);
}

const promises = fs.promises as unknown as Record<string, Call>;
for (const name of ["rename", "link", "unlink", "mkdir"] as const) {
  const call = real.promises[name] as Call;
  promises[name] = async (...args: unknown[]) => {
    const target = name === "rename" || name === "link" ? args[1] : args[0];
    if (!isInside(target)) return call(...args);
    const late = strike(name, () => {});
    const result = await call(...args);
    if (late) die();
    return result;
  };
}

const isWriting = (flags: unknown) =>
  typeof flags === "number"
    ? (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0
    : /[wa+]/.test(String(flags ?? "r"));

promises.open = async (...args: unknown[]) => {
  const open = real.promises.open as Call;
  if (!isWriting(args[1]) || !isInside(args[0])) return open(...args);
  const late = strike("open", () => {});
  const handle = (await open(...args)) as FileHandle;
  if (late) die();
  handles.set(handle, true);
  patchHandle(Object.getPrototypeOf(handle));
  return handle;
};

let patched = false;
/** All handles share one prototype, which only an open one shows. */
function patchHandle(prototype: Record<string, Call>): void {
  if (patched) return;
  patched = true;
  for (const name of ["write", "writeFile", "sync"]) {
    const call = prototype[name];
    prototype[name] = async function (this: FileHandle, ...args: unknown[]) {
      if (!handles.has(this)) return call.apply(this, args);
      const late = strike(name, () => {
        if (name === "sync") return;
        const bytes = args[0] as Uint8Array;
        const half = bytes.subarray(0, bytes.length >> 1);
        real.writeSync(
          this.fd,
          half,
          0,
          half.length,
          name === "write" ? (args[3] as number) : null,
        );
      });
      const result = await call.apply(this, args);
      if (late) die();
      return result;
    };
  }
}

syncBuiltinESMExports();
process.on("exit", () => {
  if (FAULT_LOG) real.writeFileSync(FAULT_LOG, `${log.join("\n")}\n`);
});
