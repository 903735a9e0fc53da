#!/usr/bin/env node
// Draws docs/images/mesh-heads.png: the face's template, turned, by the renderer. Usage: mesh-sheet.mjs [FILE]
import path from "node:path";
import { cameraFor, faceTemplate, landmarksOf, MeshRenderer } from "../packages/mesh/dist/index.js";
import { encodePng } from "../packages/retinaface/dist/draw/png.node.js";
import { Device, tensor, tidy } from "../packages/tensor/dist/index.js";
import { writeWhole } from "./lib/files.mjs";
import { root } from "./lib/paths.mjs";

const SIDE = 96;
const TURNS = [-75, -50, -25, 0, 25, 50, 75];
const BACKGROUND = 245;

/** Ellipses of colour, in centimetres: centre to the side and above the eyes, half axes, colour. */
const FEATURES = [
  { x: 3.15, y: 0, across: 1.4, up: 0.55, colour: [0.95, 0.95, 0.95] },
  { x: 3.15, y: 0, across: 0.6, up: 0.6, colour: [0.15, 0.2, 0.3] },
  { x: 3.4, y: 1.8, across: 2, up: 0.6, colour: [0.3, 0.2, 0.15] },
  { x: 0, y: -7, across: 2.6, up: 0.9, colour: [0.7, 0.3, 0.3] },
];
const SKIN = [0.87, 0.68, 0.57];

const [{ positions, triangles, vertices: count }] = faceTemplate().levels;
const [[, eyes]] = landmarksOf(positions);
const colours = Array.from({ length: count }, (_, v) => {
  const [x, y] = [Math.abs(positions[3 * v]), positions[3 * v + 1] - eyes];
  const inside = (f) => ((x - f.x) / f.across) ** 2 + ((y - f.y) / f.up) ** 2 < 1;
  return FEATURES.findLast(inside)?.colour ?? SKIN;
}).flat();

const rows = [
  TURNS.map((yaw) => ({ yaw })),
  TURNS.map((pitch) => ({ pitch: pitch / 1.5 })),
  TURNS.map((roll) => ({ roll, yaw: 20 })),
];
const poses = rows.flat();
const device = await Device.create();
const renderer = new MeshRenderer(device, triangles, { vertices: count, size: [SIDE, SIDE] });
const batch = poses.length;
const repeated = (values) => Array.from({ length: batch }, () => Array.from(values)).flat();
const [image, mask] = tidy(() => {
  const scene = {
    vertices: tensor(device, repeated(positions), [batch, count, 3]),
    colours: tensor(device, repeated(colours), [batch, count, 3]),
    camera: tensor(
      device,
      poses.flatMap((pose) => cameraFor({ pose, distance: 60, focal: 5.4 })),
      [batch, 7],
    ),
    light: tensor(device, repeated([-25, 30, 60, 0.75, 0.75, 0.75, 0.35, 0.35, 0.35]), [batch, 9]),
  };
  const drawn = renderer.render(scene);
  return [drawn.image, drawn.mask];
});
const [pixels, covered] = [await image.data(), await mask.data()];
device.destroy();

const width = SIDE * TURNS.length;
const height = SIDE * rows.length;
const data = new Uint8Array(width * height * 4).fill(255);
for (let n = 0; n < batch; n++) {
  for (let i = 0; i < SIDE * SIDE; i++) {
    const x = (n % TURNS.length) * SIDE + (i % SIDE);
    const y = Math.floor(n / TURNS.length) * SIDE + Math.floor(i / SIDE);
    for (let c = 0; c < 3; c++) {
      const at = n * SIDE * SIDE + i;
      const value = covered[at] > 0.5 ? pixels[at * 3 + c] * 255 : BACKGROUND;
      data[(y * width + x) * 4 + c] = Math.min(255, Math.round(value));
    }
  }
}
const [given] = process.argv.slice(2);
const file = given ?? path.join(root, "docs/images/mesh-heads.png");
writeWhole(file, encodePng({ width, height, data }));
