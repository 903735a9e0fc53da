/** Meshes of faces that were found: the branch's second look at the map that the finest heads read. */
import {
  faceTemplate,
  HINT_LENGTH,
  type HostMap,
  hintOf,
  type MapPlace,
  type MeshBranch,
  PATCH_POINTS,
  patchOnHost,
  poseOfCamera,
  project,
  type Square,
  samplesOf,
  squareAround,
} from "@retinaface-webgpu/mesh";
import type { Tensor, TensorInfo } from "@retinaface-webgpu/tensor/inference";
import type { Frame } from "../decode/rows.js";
import { NumericError } from "../errors.js";
import { type Face, type FaceMesh, LEAST_MESH_SIDE } from "../types.js";

/** The branch compiled for so many faces. */
export interface BranchPlan {
  /** @param inputs of the forward pass @returns what it gives, dense */
  run(inputs: readonly Float32Array[]): Promise<readonly Float32Array[]>;
  dispose(): void;
}

/** Compiles on one of the engines. */
export type BranchCompiler = (
  forward: (...inputs: Tensor[]) => Tensor[],
  inputs: readonly TensorInfo[],
) => Promise<BranchPlan>;

/** The map of one image on the host. */
export interface ImageMap extends HostMap, Omit<MapPlace, "stride"> {}

/** Faces at a time, besides one alone. */
const TOGETHER = 8;
/** The camera's focal length among its numbers. */
const FOCAL = 6;

/** A face with the square around it in the network's input. */
interface Wanted {
  readonly face: Face;
  readonly square: Square;
}

/** What a plan says of one face. */
interface Said {
  /** `[v, 3]`: x and y as parts of the square, depth. */
  readonly positions: Float32Array;
  readonly colours: Float32Array;
  readonly camera: Float32Array;
  readonly light: Float32Array;
}

export class FaceMeshes {
  readonly #branch: MeshBranch;
  readonly #stride: number;
  readonly #compile: BranchCompiler;
  readonly #plans = new Map<number, Promise<BranchPlan>>();

  /** @param stride of the map */
  constructor(branch: MeshBranch, stride: number, compile: BranchCompiler) {
    this.#branch = branch;
    this.#stride = stride;
    this.#compile = compile;
  }

  /**
   * Gives each face its mesh, or says why it has none.
   * @throws NumericError where numbers of a mesh are not finite
   */
  async give(faces: readonly Face[], map: ImageMap, frame: Frame): Promise<void> {
    const wanted: Wanted[] = [];
    for (const face of faces) {
      const { scaleX, scaleY } = frame;
      const seen = face.box.map((value, i) => value * (i % 2 === 0 ? scaleX : scaleY));
      const [x1, y1, x2, y2] = seen;
      if (Math.min(x2 - x1, y2 - y1) < LEAST_MESH_SIDE) face.noMesh = "too-small";
      else wanted.push({ face, square: squareAround(seen) });
    }
    for (let first = 0; first < wanted.length; first += TOGETHER) {
      await this.#giveTo(wanted.slice(first, first + TOGETHER), map, frame);
    }
  }

  dispose(): void {
    for (const plan of this.#plans.values()) {
      plan.then(
        (made) => made.dispose(),
        () => undefined,
      );
    }
    this.#plans.clear();
  }

  async #giveTo(wanted: readonly Wanted[], map: ImageMap, frame: Frame): Promise<void> {
    const room = wanted.length === 1 ? 1 : TOGETHER;
    const length = PATCH_POINTS * map.channels;
    const patches = new Float32Array(room * length);
    const hints = new Float32Array(room * HINT_LENGTH);
    const place = { rows: map.rows, columns: map.columns, stride: this.#stride };
    for (const [i, { face, square }] of wanted.entries()) {
      patches.set(patchOnHost(map, samplesOf(square, place)), i * length);
      hints.set(hintOf(landmarksIn(face, square, frame)), i * HINT_LENGTH);
    }
    const plan = await this.#plan(room, map.channels);
    const said = await plan.run([patches, hints]);
    for (const [i, { face, square }] of wanted.entries()) {
      const [positions, colours, camera, light] = said.map((all) => {
        const own = all.length / room;
        return all.slice(i * own, (i + 1) * own);
      });
      face.mesh = meshOf({ positions, colours, camera, light }, square, frame);
    }
  }

  #plan(faces: number, channels: number): Promise<BranchPlan> {
    const known = this.#plans.get(faces);
    if (known) return known;
    const forward = (patches: Tensor, hints: Tensor) => {
      const { vertices, colours, camera, light } = this.#branch.forward(patches, hints);
      return [project(vertices, camera, [1, 1]), colours, camera, light];
    };
    const shapes = [
      [faces, PATCH_POINTS, channels],
      [faces, HINT_LENGTH],
    ];
    const infos = shapes.map((shape) => ({ shape, dtype: "f32" }) as const);
    const plan = this.#compile(forward, infos);
    this.#plans.set(faces, plan);
    plan.catch(() => this.#plans.delete(faces));
    return plan;
  }
}

/** A face's landmarks as parts of the square; none where the detector says none. */
function landmarksIn({ landmarks }: Face, { x, y, side }: Square, frame: Frame): number[] {
  return Object.values(landmarks ?? {}).flatMap(([across, down]) => [
    (across * frame.scaleX - x) / side,
    (down * frame.scaleY - y) / side,
  ]);
}

function meshOf(said: Said, square: Square, frame: Frame): FaceMesh {
  const { positions, colours, camera, light } = said;
  if (![positions, colours, camera, light].every((all) => all.every(Number.isFinite))) {
    throw new NumericError(
      "a face's mesh is not finite: check that the input image and the weights are finite numbers",
    );
  }
  const { scaleX, scaleY } = frame;
  const scale = Math.sqrt(scaleX * scaleY);
  const { x, y, side } = square;
  const count = positions.length / 3;
  let middle = 0;
  for (let v = 0; v < count; v++) middle += positions[3 * v + 2] / count;
  const deep = ((camera[FOCAL] / 2) * side) / middle / scale;
  const vertices = new Float32Array(positions.length);
  for (let v = 0; v < positions.length; v += 3) {
    vertices[v] = (x + positions[v] * side) / scaleX;
    vertices[v + 1] = (y + positions[v + 1] * side) / scaleY;
    vertices[v + 2] = (positions[v + 2] - middle) * deep;
  }
  const { levels, uv } = faceTemplate();
  return {
    vertices,
    triangles: levels[0].triangles.slice(),
    uv: uv.slice(),
    colours,
    camera,
    light,
    square: [x / scaleX, y / scaleY, side / scale],
    pose: poseOfCamera(camera),
  };
}
