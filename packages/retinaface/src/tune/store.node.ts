import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { TunerStore } from "@retinaface-webgpu/tensor/inference";
import { writeFileAtomic } from "../cli/files.js";
import { cacheFolder } from "../weights/cache.node.js";

/** `kernels.json` in the user's cache folder. */
export function kernelStore(folder = cacheFolder()): TunerStore {
  const file = path.join(folder, "kernels.json");
  return {
    read: () => readFile(file, "utf8"),
    write: async (text) => {
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(file, Buffer.from(text));
    },
  };
}
