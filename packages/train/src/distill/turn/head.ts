import { faceTemplate, landmarksOf } from "@retinaface-webgpu/mesh";

/**
 * A head to turn: the face template of `@retinaface-webgpu/mesh` and a shell about it, from the face's edge over the head's
 * outline to its back. In the template's space: centimetres, x to the right of who looks at it, y up, z forward.
 *
 * A portrait shows nothing of what lies behind the outline. There the shell wears what the portrait has just inside it, the
 * further back the higher up, where hair is (Zhu et al., "Face Alignment Across Large Poses", 2016, stretch the background
 * over it instead).
 */
export interface HeadMesh {
  /** [v, 3]; those of the face first. */
  readonly positions: Float32Array;
  /** How many of them are the face's. */
  readonly face: number;
  /** [v, 2]: where in the frontal portrait a vertex takes its colour from. */
  readonly textures: Float32Array;
  /** [t, 3]. */
  readonly triangles: Int32Array;
  /** [5, 3], in the order of RetinaFace's. */
  readonly landmarks: Float32Array;
  /** [n, 2]: the outline of the frontal head, all around {@link HEAD_CENTRE}. */
  readonly outline: Float32Array;
}

/** From where the outline is seen as going round, in the plane of the portrait. */
export const HEAD_CENTRE = [0, 0.1] as const;

/** Half axes of the skull's outline, half the breadth of a head and its height, and how square it is. */
const BREADTH = 8;
const HEIGHT = 12;
const SQUARE = 2.2;
/** Angles from above between which the outline changes from the skull's, with its hair, to that below. */
const HAIR = [25, 55].map((degrees) => (degrees * Math.PI) / 180);
/**
 * Below, what lies beside a face may be background: there the outline hides behind the face's edge, at these shares of its
 * place, and wears what is inside the face. The jaw rises towards the neck.
 */
const BESIDE = 0.97;
const UNDER_JAW = 0.65;
const BESIDE_TEXTURE = 0.9;
/** Centimetres below the centre over which the side becomes the jaw. */
const TO_JAW = 6;
/** Depth of the outline, and of the back of the head behind it: of the skull and of the nape, by angles from above. */
const OUTLINE_DEPTH = -8.5;
const BACK = [9, 4] as const;
const NAPE = [100, 150].map((degrees) => (degrees * Math.PI) / 180);
/** The middle of the back. */
const BACK_CENTRE = [0, 3.5] as const;
/** Rings of the shell from the face to the outline, and from there to the back. */
const FRONT_RINGS = 4;
const BACK_RINGS = 5;
/** The back wears what is inside the outline by this share of its distance from the face, at this angle from above. */
const INWARDS = 0.4;
const UPWARDS = (30 / 180) * Math.PI;
/** Share of the way to the very back over which what it wears comes to lie there. */
const HAIR_FROM = 0.3;

/**
 * The template's cheeks, from so many centimetres off its middle on, are narrowed by this much at its edge: as wide as it
 * is, its edge wears background beside the ears of most portraits of `data/photos` and London.
 */
const CHEEKS = [4.6, 7.743] as const;
const NARROWER = 1;

type Point = readonly [x: number, y: number];

/** The vertices of a mesh's edge, one after the other. */
function edgeOf(triangles: Int32Array): number[] {
  const next = new Map<number, number>();
  const edges = new Set<string>();
  const sides = Array.from(triangles, (a, i) => [a, triangles[i % 3 === 2 ? i - 2 : i + 1]]);
  for (const [a, b] of sides) edges.add(`${a}-${b}`);
  for (const [a, b] of sides) if (!edges.has(`${b}-${a}`)) next.set(a, b);
  const [first] = next.keys();
  const edge = [first];
  for (let at = next.get(first)!; at !== first; at = next.get(at)!) edge.push(at);
  return edge;
}

const mix = ([ax, ay]: Point, [bx, by]: Point, share: number): Point => [
  ax + (bx - ax) * share,
  ay + (by - ay) * share,
];

const ramp = (value: number, from: number, to: number) =>
  Math.max(0, Math.min(1, (value - from) / (to - from)));

/** The outline beside a point of the face's edge. */
interface Outline {
  readonly out: Point;
  /** Where in the portrait it takes its colour from. */
  readonly texture: Point;
  /** 1 where it is the skull's, with its hair, 0 below. */
  readonly skull: number;
  /** How far the head reaches behind it. */
  readonly back: number;
}

function outlineOf(edge: Point): Outline {
  const [dx, dy] = [edge[0] - HEAD_CENTRE[0], edge[1] - HEAD_CENTRE[1]];
  const sum = Math.abs(dx / BREADTH) ** SQUARE + Math.abs(dy / HEIGHT) ** SQUARE;
  const factor = Math.max(1, sum ** (-1 / SQUARE));
  const above: Point = [HEAD_CENTRE[0] + dx * factor, HEAD_CENTRE[1] + dy * factor];
  const angle = Math.abs(Math.atan2(dx, dy));
  const skull = 1 - ramp(angle, HAIR[0], HAIR[1]);
  const back = BACK[0] + (BACK[1] - BACK[0]) * ramp(angle, NAPE[0], NAPE[1]);
  const jaw = ramp(-dy, 0, TO_JAW);
  const below: Point = [edge[0] * BESIDE, edge[1] * (1 + (UNDER_JAW - 1) * jaw)];
  const inside: Point = [edge[0] * BESIDE_TEXTURE, edge[1] * BESIDE_TEXTURE];
  return { out: mix(below, above, skull), texture: mix(inside, above, skull), skull, back };
}

/** How far points lie from the centre, by their direction clockwise from above in radians. */
function radiiOf(points: readonly Point[]): (angle: number) => number {
  const polar = points
    .map(([x, y]) => [x - HEAD_CENTRE[0], y - HEAD_CENTRE[1]])
    .map(([dx, dy]) => ({ angle: Math.atan2(dx, dy), radius: Math.hypot(dx, dy) }))
    .sort((a, b) => a.angle - b.angle);
  const [first, last] = [polar[0], polar[polar.length - 1]];
  const round = [
    { ...last, angle: last.angle - 2 * Math.PI },
    ...polar,
    { ...first, angle: first.angle + 2 * Math.PI },
  ];
  return (angle) => {
    const next = Math.max(
      1,
      round.findIndex((point) => point.angle > angle),
    );
    const [from, to] = [round[next - 1], round[next]];
    const share = (angle - from.angle) / (to.angle - from.angle);
    return from.radius + (to.radius - from.radius) * share;
  };
}

function inDirection(angle: number, radius: number): Point {
  return [HEAD_CENTRE[0] + Math.sin(angle) * radius, HEAD_CENTRE[1] + Math.cos(angle) * radius];
}

/** Vertices of the shell, added ring by ring. */
class Shell {
  readonly positions: number[] = [];
  readonly textures: number[] = [];
  readonly triangles: number[] = [];

  constructor(readonly first: number) {}

  add([x, y]: Point, z: number, texture: Point): number {
    this.positions.push(x, y, z);
    this.textures.push(...texture);
    return this.first + this.textures.length / 2 - 1;
  }

  /** Joins two rings of as many vertices. */
  join(inner: readonly number[], outer: readonly number[]): void {
    for (const [i, a] of inner.entries()) {
      const j = (i + 1) % inner.length;
      this.triangles.push(a, outer[i], inner[j], inner[j], outer[i], outer[j]);
    }
  }

  close(ring: readonly number[], pole: number): void {
    for (const [i, a] of ring.entries()) this.triangles.push(a, pole, ring[(i + 1) % ring.length]);
  }
}

/** The template's vertices with narrower cheeks. */
function facePositions(template: Float32Array): Float32Array {
  return template.map((x, i) =>
    i % 3 === 0 ? x - Math.sign(x) * NARROWER * ramp(Math.abs(x), ...CHEEKS) : x,
  );
}

function makeHead(): HeadMesh {
  const { positions: template, triangles, vertices } = faceTemplate().levels[0];
  const positions = facePositions(template);
  const edge = edgeOf(triangles);
  const corners = edge.map((v) => {
    const [x, y, z] = positions.subarray(v * 3, v * 3 + 3);
    return { at: [x, y] as const, z, ...outlineOf([x, y]) };
  });
  const faceRadius = radiiOf(corners.map(({ at }) => at));
  const skullRadius = radiiOf(corners.map(({ texture }) => texture));
  const shell = new Shell(vertices);
  let ring: readonly number[] = edge;
  const grow = (next: readonly number[]) => {
    shell.join(ring, next);
    ring = next;
  };
  for (let k = 1; k <= FRONT_RINGS; k++) {
    const angle = (k / FRONT_RINGS) * (Math.PI / 2);
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    grow(
      corners.map(({ at, z, out, texture }) =>
        shell.add(
          mix(at, out, sin),
          OUTLINE_DEPTH + (z - OUTLINE_DEPTH) * cos,
          mix(at, texture, sin),
        ),
      ),
    );
  }
  for (let k = 1; k < BACK_RINGS; k++) {
    const t = k / BACK_RINGS;
    const [sin, cos] = [Math.sin((t * Math.PI) / 2), Math.cos((t * Math.PI) / 2)];
    grow(
      corners.map(({ out, texture, back }) => {
        const own = Math.atan2(texture[0] - HEAD_CENTRE[0], texture[1] - HEAD_CENTRE[1]);
        const most = Math.PI + (UPWARDS - Math.PI) * Math.min(1, t / HAIR_FROM);
        const angle = Math.sign(own) * Math.min(Math.abs(own), most);
        const [near, far] = [faceRadius(angle), skullRadius(angle)];
        const radius = far + (near - far) * INWARDS * Math.min(1, t / HAIR_FROM);
        return shell.add(
          mix(BACK_CENTRE, out, cos),
          OUTLINE_DEPTH - back * sin,
          inDirection(angle, radius),
        );
      }),
    );
  }
  const top = inDirection(0, skullRadius(0) + (faceRadius(0) - skullRadius(0)) * INWARDS);
  shell.close(ring, shell.add(BACK_CENTRE, OUTLINE_DEPTH - BACK[0], top));
  const own = Array.from({ length: vertices }, (_, v) => [positions[v * 3], positions[v * 3 + 1]]);
  return {
    positions: Float32Array.of(...positions, ...shell.positions),
    face: vertices,
    textures: Float32Array.from([...own.flat(), ...shell.textures]),
    triangles: Int32Array.of(...triangles, ...shell.triangles),
    landmarks: Float32Array.from(landmarksOf(positions).flat()),
    outline: Float32Array.from(corners.flatMap(({ at, out, skull }) => mix(at, out, skull))),
  };
}

let made: HeadMesh | undefined;

/** The head, made once. */
export function headMesh(): HeadMesh {
  made ??= makeHead();
  return made;
}

/** Directions for which the outline's radius is kept. */
const DIRECTIONS = 256;

let radii: Float32Array | undefined;

/** How far the frontal head reaches from {@link HEAD_CENTRE}, in a direction clockwise from above in radians. */
export function outlineRadius(angle: number): number {
  if (!radii) {
    const { outline } = headMesh();
    const points = Array.from(
      { length: outline.length / 2 },
      (_, i) => [outline[i * 2], outline[i * 2 + 1]] as const,
    );
    const radiusAt = radiiOf(points);
    const angleOf = (i: number) => ((i + 0.5) / DIRECTIONS) * 2 * Math.PI - Math.PI;
    radii = Float32Array.from({ length: DIRECTIONS }, (_, i) => radiusAt(angleOf(i)));
  }
  const at = Math.floor(((angle + Math.PI) / (2 * Math.PI)) * DIRECTIONS);
  return radii[Math.max(0, Math.min(DIRECTIONS - 1, at))];
}
