// Draws the recipe's made-up people: pictures like the package's sample, of other faces than its three.
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { seededRandom } from "@retinaface-webgpu/train";
import { encodePng } from "retinaface-webgpu/node";
import { drawPeople, mix } from "../../../../tools/lib/draw-faces.mjs";

const WIDTH = 480;
const HEIGHT = 320;
const PICTURES = 32;

const SKINS = [
  [244, 208, 184],
  [228, 180, 152],
  [198, 146, 112],
  [150, 100, 72],
  [104, 68, 50],
];
const HAIRS = [
  [20, 18, 18],
  [66, 42, 26],
  [150, 104, 52],
  [200, 170, 110],
  [150, 150, 152],
  [130, 60, 30],
];

function drawnPerson(random, x, y, size) {
  const pick = (items) => items[random.integer(items.length)];
  const vary = (colour, by) => colour.map((value) => value + random.uniform(-by, by));
  const colour = () => [0, 1, 2].map(() => random.uniform(30, 220));
  const skin = vary(mix(pick(SKINS), pick(SKINS), random.uniform(0, 0.5)), 8);
  return {
    x,
    y,
    size,
    tilt: random.uniform(-0.25, 0.25),
    light: random.uniform(-1, 1),
    skin,
    hair: vary(pick(HAIRS), 10),
    eyes: [random.uniform(40, 90), random.uniform(40, 110), random.uniform(30, 130)],
    lips: mix(skin, [180, 60, 70], random.uniform(0.3, 0.8)),
    shirt: colour(),
    hairLength: random.uniform(1.1, 1.9),
    parting: random.uniform(-1, 1),
    smile: random.uniform(-0.3, 1),
    teeth: random.integer(2),
  };
}

function drawnPicture(random) {
  const count = 1 + random.integer(4);
  const room = WIDTH / count;
  const people = Array.from({ length: count }, (_, i) => {
    const size = random.uniform(0.12, 0.3) * Math.min(room, 200) + 8;
    const x = room * (i + 0.5) + random.uniform(-0.15, 0.15) * room;
    return drawnPerson(random, x, random.uniform(0.35, 0.6) * HEIGHT, size);
  });
  const colour = () => [0, 1, 2].map(() => random.uniform(40, 240));
  const [top, bottom, side] = [colour(), colour(), colour()];
  const background = (x, y) =>
    mix(mix(top, bottom, y / HEIGHT), side, 0.4 * (0.5 + 0.5 * Math.sin(x / 40 + y / 90)));
  return drawPeople(people, background, WIDTH, HEIGHT);
}

/** Writes the pictures as PNG into a folder that is not there yet: all of them, or none. */
export function drawPictures(folder, seed) {
  mkdirSync(path.dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  for (let i = 0; i < PICTURES; i++) {
    const name = `drawn-${String(i).padStart(2, "0")}.png`;
    writeFileSync(path.join(unfinished, name), encodePng(drawnPicture(seededRandom(seed, i))));
  }
  renameSync(unfinished, folder);
}
