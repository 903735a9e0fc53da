/** The identify package's program, and drawn faces of made-up identities. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RawImage } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { Random } from "./random.js";

export const identifyProgram = fileURLToPath(
  new URL("./program/main.js", import.meta.resolve("@retinaface-webgpu/identify")),
);

/** Runs the program to its end. */
export function runIdentify(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [identifyProgram, ...args], {
    encoding: "utf8",
    timeout: 180_000,
  });
  return { status, stdout, stderr };
}

/** A picture of an identity: blocks of colours of its own, moved and lit a little. */
export function drawIdentity(identity: number, picture: number, size: number): RawImage {
  const own = new Random(1000 + identity);
  const colours = Array.from({ length: 16 }, () => [0, 1, 2].map(() => own.integer(0, 255)));
  const random = new Random(identity * 100 + picture + 1);
  const [dx, dy] = [random.uniform(-2, 2), random.uniform(-2, 2)];
  const light = random.uniform(0.8, 1.2);
  const data = new Uint8ClampedArray(size * size * 4);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at += 4) {
      const cell = (v: number) => Math.max(0, Math.min(3, Math.floor((v * 4) / size)));
      const colour = colours[cell(y + dy) * 4 + cell(x + dx)];
      for (let c = 0; c < 3; c++) data[at + c] = colour[c] * light + random.normal(0, 4);
      data[at + 3] = 255;
    }
  }
  return { data, width: size, height: size };
}

/** A folder for each identity, with pictures `day1-1.png`, `day1-2.png`, `day2-1.png` … of so many days. */
export function drawIdentities(
  folder: string,
  identities: number,
  { days = 3, each = 2, size = 24 } = {},
): string {
  for (let identity = 0; identity < identities; identity++) {
    const own = path.join(folder, `id${identity}`);
    mkdirSync(own, { recursive: true });
    for (let picture = 0; picture < days * each; picture++) {
      const name = `day${Math.floor(picture / each) + 1}-${(picture % each) + 1}.png`;
      writeFileSync(path.join(own, name), encodePng(drawIdentity(identity, picture, size)));
    }
  }
  return folder;
}
