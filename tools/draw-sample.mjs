#!/usr/bin/env node
// Draws the package's sample picture, packages/retinaface/assets/sample.png: three made-up faces that the
// detector finds. Usage: draw-sample.mjs [FILE]
import { writeFileSync } from "node:fs";
import path from "node:path";
import { encodePng } from "../packages/retinaface/dist/draw/png.node.js";
import { drawPeople, mix } from "./lib/draw-faces.mjs";
import { root } from "./lib/paths.mjs";

const WIDTH = 640;
const HEIGHT = 400;

const PEOPLE = [
  {
    x: 150,
    y: 185,
    size: 72,
    tilt: -0.08,
    light: 1,
    skin: [226, 178, 150],
    hair: [70, 44, 28],
    eyes: [70, 100, 120],
    lips: [176, 84, 82],
    shirt: [52, 84, 140],
    hairLength: 1.35,
    parting: 1,
    smile: 1,
    teeth: 1,
  },
  {
    x: 345,
    y: 215,
    size: 58,
    tilt: 0.1,
    light: -1,
    skin: [148, 98, 70],
    hair: [24, 20, 20],
    eyes: [50, 32, 22],
    lips: [128, 66, 60],
    shirt: [178, 122, 40],
    hairLength: 1.2,
    parting: -0.4,
    smile: 0.7,
    teeth: 0,
  },
  {
    x: 520,
    y: 175,
    size: 66,
    tilt: 0.02,
    light: 1,
    skin: [238, 196, 170],
    hair: [150, 104, 52],
    eyes: [74, 96, 60],
    lips: [190, 96, 98],
    shirt: [120, 52, 74],
    hairLength: 1.75,
    parting: 0.2,
    smile: 0.9,
    teeth: 1,
  },
];

function background(x, y) {
  const wall = mix([198, 206, 212], [150, 162, 174], y / HEIGHT);
  const glow = Math.exp(-(((x - 420) / 260) ** 2) - ((y - 40) / 160) ** 2);
  return mix(wall, [236, 232, 220], 0.6 * glow);
}

const [, , given] = process.argv;
const file = given ?? path.join(root, "packages/retinaface/assets/sample.png");
const png = encodePng(drawPeople(PEOPLE, background, WIDTH, HEIGHT));
writeFileSync(file, png, { flag: given === undefined ? "w" : "wx" });
