/**
 * The branch for meshes beside the other tasks (Deng et al. 2019, section 3.2; 2020, section 3.2): L_pixel and the five
 * landmarks of faces in photographs, L_vert and L_edge where the mesh is known.
 */
import {
  edgeLoss,
  FACE_LANDMARKS,
  faceTemplate,
  HINT_LENGTH,
  type MeshBranch,
  MeshRenderer,
  patchesOf,
  pixelLoss,
  vertexLoss,
} from "@retinaface-webgpu/mesh";
import {
  add,
  type Device,
  gather,
  keep,
  l1Loss,
  mean,
  mul,
  mulScalar,
  narrow,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import { LANDMARK_NAMES, type Level, MESH_MAP, type NetworkOutput } from "retinaface-webgpu";
import { type LossParts, weighLosses } from "./losses.js";
import { type MeshTargetSize, type MeshTargets, meshTargets } from "./mesh-targets.js";
import type { CompiledObjective, ObjectiveInput } from "./objective.js";

/**
 * λ3 of the paper is 0.01, the weight of L_pixel (colours from 0 to 1). L_vert and L_edge are in centimetres; `places` is
 * where vertices are seen and `meshLandmarks` where the mesh's five landmarks are, in parts of the square around a face:
 * these weigh as 64 pixels of 0.001 each.
 */
export const MESH_WEIGHTS = {
  pixel: 0.01,
  vertices: 0.01,
  edges: 0.01,
  places: 0.064,
  meshLandmarks: 0.064,
} as const;

/** Names of the branch's losses. */
export const MESH_LOSSES = Object.keys(MESH_WEIGHTS);

/** Faces of a batch that train the branch, pixels on a side of what is drawn of them, and how exact boxes and landmarks are. */
export const MESH_SIZE: MeshTargetSize = { faces: 8, pixels: 64, jitter: 0.06 };

/** What the branch's targets are called among those of a step. */
const PREFIX = "mesh.";

/** The losses of other tasks. */
interface Labels extends CompiledObjective {
  readonly device: Device;
  readonly dropped: number;
}

/** What the branch learns from. */
export interface MeshObjectiveParts {
  readonly mesh: MeshBranch;
  /** Of the network, fine to coarse. */
  readonly levels: readonly Level[];
  /** Factors of the losses; default {@link MESH_WEIGHTS}. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  /** Default {@link MESH_SIZE}. */
  readonly size?: MeshTargetSize | undefined;
}

/** The losses of other tasks and those of the branch for meshes. */
export class MeshObjective implements CompiledObjective {
  readonly device: Device;
  readonly #labels: Labels;
  readonly #mesh: MeshBranch;
  readonly #stride: number;
  readonly #weights: Readonly<Record<string, number>>;
  readonly #size: MeshTargetSize;
  readonly #renderer: MeshRenderer;
  /** Of the vertices whose means are the landmarks: `[5, 2]`. */
  readonly #landmarks: Tensor;

  constructor(labels: Labels, { mesh, levels, weights, size = MESH_SIZE }: MeshObjectiveParts) {
    const { device } = labels;
    const [{ vertices, triangles }] = faceTemplate().levels;
    this.device = device;
    this.#labels = labels;
    this.#mesh = mesh;
    this.#stride = levels[0].stride;
    this.#weights = { ...MESH_WEIGHTS, ...weights };
    this.#size = size;
    const sides = [size.pixels, size.pixels] as const;
    this.#renderer = new MeshRenderer(device, triangles, { vertices, size: sides });
    const pairs = Object.values(FACE_LANDMARKS).flatMap((own) => [own[0], own.at(-1)!]);
    const shape = [LANDMARK_NAMES.length, 2];
    this.#landmarks = keep(tensor(device, Int32Array.from(pairs), shape, { dtype: "i32" }));
  }

  get dropped(): number {
    return this.#labels.dropped;
  }

  get settings(): unknown {
    return [this.#labels.settings, this.#weights, this.#size];
  }

  loss(output: NetworkOutput, input: ObjectiveInput): LossParts {
    return this.losses(output, this.targets(input));
  }

  targets(input: ObjectiveInput): Record<string, Tensor> {
    const { device } = this;
    const [, height, width] = input.images.shape;
    const [rows, columns] = [height, width].map((side) => Math.ceil(side / this.#stride));
    const map = { rows, columns, stride: this.#stride };
    const made = meshTargets(input.samples, map, this.#size);
    const { faces, pixels } = this.#size;
    const shapes: Readonly<Record<keyof MeshTargets, readonly number[]>> = {
      cells: [-1, 4],
      shares: [-1, 4],
      hints: [HINT_LENGTH],
      photo: [pixels, pixels, 3],
      seen: [pixels, pixels, 1],
      landmarks: [-1, 2],
      landmarkWeights: [1, 1],
      vertices: [-1, 3],
      places: [-1, 2],
      knownWeights: [1, 1],
    };
    const own = Object.entries(shapes).map(([name, tail]): [string, Tensor] => {
      const values = made[name as keyof MeshTargets];
      const rest = tail.reduce((a, b) => a * Math.abs(b), faces);
      const shape = [faces, ...tail.map((n) => (n === -1 ? values.length / rest : n))];
      const dtype = values instanceof Int32Array ? "i32" : "f32";
      return [PREFIX + name, tensor(device, values, shape, { dtype })];
    });
    return { ...this.#labels.targets(input), ...Object.fromEntries(own) };
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    const others = this.#labels.losses(output, targets);
    const own = weighLosses(this.#meshLosses(output[MESH_MAP], targets), this.#weights);
    return { ...others, ...own, total: add(others.total, own.total) };
  }

  /** Frees what it holds. */
  dispose(): void {
    this.#renderer.dispose();
    this.#landmarks.dispose();
  }

  #meshLosses(map: Tensor, targets: Readonly<Record<string, Tensor>>) {
    const of = (name: keyof MeshTargets) => targets[PREFIX + name];
    const seen = this.#mesh.forward(patchesOf(map, of("cells"), of("shares")), of("hints"));
    const rendering = this.#renderer.render(seen);
    const { positions, mask } = rendering;
    const places = mulScalar(narrow(positions, 2, 0, 2), 1 / this.#size.pixels);
    const landmarks = mean(gather(places, this.#landmarks, 1), { axes: [2] });
    const known = of("knownWeights");
    const weighed = (x: Tensor, weights: Tensor) => mul(x, weights);
    return {
      pixel: pixelLoss({ ...rendering, mask: mul(mask, of("seen")) }, of("photo")),
      vertices: vertexLoss(weighed(seen.vertices, known), weighed(of("vertices"), known)),
      edges: edgeLoss(seen.vertices, of("vertices"), this.#renderer.topology, known),
      places: l1Loss(weighed(places, known), weighed(of("places"), known)),
      meshLandmarks: l1Loss(
        weighed(landmarks, of("landmarkWeights")),
        weighed(of("landmarks"), of("landmarkWeights")),
      ),
    };
  }
}
