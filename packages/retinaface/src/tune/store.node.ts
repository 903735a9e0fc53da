import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { TunerStore } from "@retinaface-webgpu/tensor/inference";
import { writeFileAtomic } from "../cli/files.js";
import { RetinaFaceError } from "../errors.js";
import { cacheFolder } from "../weights/cache.node.js";

/** `kernels.json` in the user's cache folder. */
export function kernelStore(folder = cacheFolder()): TunerStore {
  const file = path.join(folder, "kernels.json");
  return {
    read: () => readFile(file, "utf8"),
    write: async (text) => {
      await mkdir(folder, { recursive: true }).catch((cause: Error) => {
        const remedy = "make it writable or choose another folder with XDG_CACHE_HOME";
        throw new RetinaFaceError("WRITE_FAILED", `${cause.message}: ${remedy}`, { cause });
      });
      await writeFileAtomic(file, Buffer.from(text));
    },
  };
}
