/**
 * Made-up heads with all that is to be learnt of them known: the face template deformed, coloured, lit and looked at at random.
 * What such heads can teach is how meshes, cameras and light make pictures; not what faces look like: their skin is a
 * drawing, they have neither hair nor neck, and no two parts of a face go together as those of people do.
 */
import { Random } from "@retinaface-webgpu/tensor/inference";
import { cameraFor, type Pose } from "../render/pose.js";
import { faceTemplate } from "../template/face.js";
import { landmarksOf } from "../template/landmarks.js";
import { mirrorOf, smoothField, symmetric } from "./fields.js";

/** A head, as rows for `MeshRenderer`. */
export interface GeneratedHead {
  /** [v, 3] in centimetres. */
  readonly vertices: Float32Array;
  /** [v, 3]. */
  readonly colours: Float32Array;
  /** [7]. */
  readonly camera: Float32Array;
  /** [9]. */
  readonly light: Float32Array;
  /** In degrees. */
  readonly pose: Pose;
}

/** Shape modes: deviations in centimetres of fields of the template's meshes. */
const MODES = [
  { level: 4, deviation: 0.35 },
  { level: 3, deviation: 0.2 },
  { level: 2, deviation: 0.08 },
];
const SYMMETRY = 0.85;
/** Deviations of width, height and depth as parts of them. */
const PROPORTIONS = [0.06, 0.06, 0.06];

/** Expressions: about a landmark (and its mirror image) by how much at most, within about which radius. In centimetres. */
const EXPRESSIONS: readonly Expression[] = [
  { name: "open mouth", at: [0, -8.5, 0], by: [0, -2.2, -0.6], radius: 3, paired: false },
  { name: "smile", at: [2.6, -6.9, 0], by: [0.7, 0.6, -0.2], radius: 1.3, paired: true },
  { name: "brows", at: [3.2, 2, 0], by: [0, 0.7, 0], radius: 1.5, paired: true },
];

interface Expression {
  readonly name: string;
  /** From the middle of the eyes, in the image's plane; the depth does not count. */
  readonly at: readonly [number, number, number];
  readonly by: readonly [number, number, number];
  readonly radius: number;
  readonly paired: boolean;
}

/** Ranges of the pose in degrees, to either side. */
const POSE = { yaw: 75, pitch: 25, roll: 25 };
const DARK = [0.3, 0.19, 0.14];
const BRIGHT = [0.94, 0.77, 0.67];

/** Makes heads of seeds: the same head of the same seed. */
export class HeadGenerator {
  readonly #template = faceTemplate();
  readonly #mirror = mirrorOf(this.#template);
  /** Height of the eyes in the template. */
  readonly #eyes = landmarksOf(this.#template.levels[0].positions)[0][1];

  head(seed: number): GeneratedHead {
    const random = new Random(seed);
    const pose = {
      yaw: random.uniform(-POSE.yaw, POSE.yaw),
      pitch: random.uniform(-POSE.pitch, POSE.pitch),
      roll: random.uniform(-POSE.roll, POSE.roll),
    };
    return {
      vertices: this.#shape(random),
      colours: this.#albedo(random),
      camera: cameraOf(random, pose),
      light: lightOf(random),
      pose,
    };
  }

  #shape(random: Random): Float32Array {
    const { positions } = this.#template.levels[0];
    const scale = PROPORTIONS.map((deviation) => 1 + deviation * random.normal());
    const shape = Float64Array.from(positions, (v, i) => v * scale[i % 3]);
    for (const { level, deviation } of MODES) {
      const field = smoothField(this.#template, random, level, 3);
      for (const [i, v] of symmetric(field, this.#mirror, SYMMETRY).entries()) {
        shape[i] += deviation * v;
      }
    }
    for (const expression of EXPRESSIONS) this.#express(shape, expression, random.uniform() ** 2);
    return Float32Array.from(shape);
  }

  #express(shape: Float64Array, { at, by, radius, paired }: Expression, strength: number): void {
    const { positions } = this.#template.levels[0];
    for (const side of paired ? [-1, 1] : [1]) {
      for (let v = 0; v < positions.length; v += 3) {
        const [x, y] = [positions[v] - side * at[0], positions[v + 1] - this.#eyes - at[1]];
        const weight = strength * Math.exp(-(x * x + y * y) / (2 * radius * radius));
        for (let k = 0; k < 3; k++) shape[v + k] += weight * by[k] * (k === 0 ? side : 1);
      }
    }
  }

  #albedo(random: Random): Float32Array {
    const { positions } = this.#template.levels[0];
    const tone = random.uniform();
    const skin = DARK.map((dark, k) => dark + tone * (BRIGHT[k] - dark));
    const coarse = smoothField(this.#template, random, 3, 1);
    const fine = smoothField(this.#template, random, 0, 1);
    const features = featuresOf(random, skin);
    const colours = Array.from(coarse, (noise, v) => {
      const [x, y] = [Math.abs(positions[3 * v]), positions[3 * v + 1] - this.#eyes];
      const inside = (f: Feature) => ((x - f.x) / f.across) ** 2 + ((y - f.y) / f.up) ** 2 < 1;
      const own = features.findLast(inside)?.colour ?? skin;
      const factor = 1 + 0.07 * noise + 0.03 * fine[v];
      return own.map((c) => Math.min(1, Math.max(0, c * factor)));
    });
    return Float32Array.from(colours.flat());
  }
}

/** An ellipse on both sides of the face, from the middle of the eyes in centimetres. */
interface Feature {
  readonly x: number;
  readonly y: number;
  readonly across: number;
  readonly up: number;
  readonly colour: readonly number[];
}

function featuresOf(random: Random, skin: readonly number[]): Feature[] {
  const part = (low: number, high: number) => random.uniform(low, high);
  const hair = [0.5, 0.35, 0.2].map((c) => c * part(0.1, 1));
  const iris = [part(0.1, 0.4), part(0.15, 0.45), part(0.1, 0.6)];
  const lips = [skin[0] * part(0.75, 1), skin[1] * part(0.45, 0.75), skin[2] * part(0.5, 0.8)];
  const beard = skin.map((c, k) => 0.45 * c + 0.55 * hair[k]);
  const bearded = random.uniform() < 0.3;
  return [
    ...(bearded ? [{ x: 0, y: -9.2, across: 6.5, up: 3.2, colour: beard }] : []),
    { x: 3.15, y: 0, across: 1.4, up: 0.55, colour: [0.93, 0.93, 0.93] },
    { x: 3.15, y: 0, across: 0.6, up: 0.6, colour: iris },
    { x: 3.4, y: 1.8, across: part(1.7, 2.2), up: part(0.4, 0.7), colour: hair },
    { x: 0, y: -7, across: 2.6, up: 0.9, colour: lips },
  ];
}

/** Half the height of a face in centimetres, about. */
const HALF = 9.5;

/** Near or far, the face filling 0.65 to 0.9 of the image, up to a tenth off its middle. */
function cameraOf(random: Random, pose: Pose): Float32Array {
  const distance = random.uniform(40, 120);
  const focal = (random.uniform(0.65, 0.9) * distance) / HALF;
  const shift = [random.uniform(-1, 1), random.uniform(-1, 1)] as const;
  return Float32Array.from(cameraFor({ pose, distance, focal, shift }));
}

/** A light in front of the head, of a whitish colour, and light from everywhere. */
function lightOf(random: Random): Float32Array {
  const place = [random.uniform(-90, 90), random.uniform(-30, 90), random.uniform(40, 110)];
  const tinted = (low: number, high: number) => {
    const strength = random.uniform(low, high);
    return [0, 1, 2].map(() => strength * random.uniform(0.85, 1.1));
  };
  return Float32Array.from([...place, ...tinted(0.3, 0.9), ...tinted(0.25, 0.6)]);
}
