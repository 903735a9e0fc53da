/** What a detector's branch for meshes says of the faces that the detector finds: shape, camera and light as they are decoded. */
import {
  HINT_LENGTH,
  hintOf,
  type MeshBranch,
  PATCH_POINTS,
  patchOnHost,
  project,
  type Square,
  samplesOf,
  squareAround,
} from "@retinaface-webgpu/mesh";
import type { Device, Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  outputValues,
  type WasmEngine,
  type WasmPlan,
} from "@retinaface-webgpu/tensor/wasm";
import { initialiseNetwork } from "@retinaface-webgpu/train";
import {
  type Face,
  MESH_MAP,
  type RawImage,
  RetinaFace,
  type RetinaFaceNetwork,
  readWeights,
} from "retinaface-webgpu";
import { UsageError } from "../options.js";

const MEAN_BGR = [104, 117, 123];

/** Of one face. */
export interface SaidMesh {
  readonly face: Face;
  readonly square: Square;
  /** [v, 3] in centimetres. */
  readonly vertices: Float32Array;
  /** [v, 3]: x and y as parts of the square, depth. */
  readonly positions: Float32Array;
  readonly colours: Float32Array;
  readonly camera: Float32Array;
  readonly light: Float32Array;
}

/** A detector and its branch, for square images of one size. */
export class BranchLook {
  readonly #side: number;
  readonly #detector: RetinaFace;
  readonly #network: RetinaFaceNetwork;
  readonly #features: WasmPlan<unknown>;
  readonly #branch: WasmPlan<unknown>;

  private constructor(
    side: number,
    detector: RetinaFace,
    network: RetinaFaceNetwork,
    features: WasmPlan<unknown>,
    branch: WasmPlan<unknown>,
  ) {
    this.#side = side;
    this.#detector = detector;
    this.#network = network;
    this.#features = features;
    this.#branch = branch;
  }

  static async create(host: Device, engine: WasmEngine, bytes: Uint8Array, side: number) {
    const pretrained = readWeights(bytes);
    const network = initialiseNetwork(host, { config: pretrained.config, pretrained, seed: 1 });
    network.eval();
    const { mesh } = network;
    if (!mesh) {
      throw new UsageError("the weights have no branch for meshes: train them with --mesh");
    }
    const image = { shape: [1, side, side, 3], dtype: "f32" } as const;
    const map = (x: Tensor) => [network.headsAndMap(x)[MESH_MAP][0]];
    const features = await compileWasm(host, engine, map, [image]);
    const branch = await branchPlan(host, engine, mesh, network.levels[0].channels);
    const detector = await RetinaFace.load({ weights: bytes, backend: "wasm", threads: 1 });
    return new BranchLook(side, detector, network, features, branch);
  }

  /** The meshes of the faces of at least this score, best first. */
  async look(image: RawImage, visThreshold: number): Promise<SaidMesh[]> {
    const faces = await this.#detector.detect(image, { maxSide: this.#side, visThreshold });
    const [output] = this.#features.outputs as Parameters<typeof outputValues>[0][];
    const values = outputValues(output, await this.#features.run([this.#inputOf(image)]));
    const [{ stride, channels }] = this.#network.levels;
    const cells = Math.ceil(this.#side / stride);
    const place = { rows: cells, columns: cells, stride };
    const map = { values, offset: 0, stride: channels, channels, first: 0 };
    const said: SaidMesh[] = [];
    for (const face of faces) {
      const square = squareAround(face.box);
      const { x, y, side } = square;
      const places = Object.values(face.landmarks).flatMap(([a, b]) => [
        (a - x) / side,
        (b - y) / side,
      ]);
      const patch = patchOnHost(map, samplesOf(square, place));
      const results = await this.#branch.run([patch, hintOf(places)]);
      const outputs = this.#branch.outputs as Parameters<typeof outputValues>[0][];
      const [vertices, positions, colours, camera, light] = outputs.map((each) =>
        outputValues(each, results).slice(),
      );
      said.push({ face, square, vertices, positions, colours, camera, light });
    }
    return said;
  }

  dispose(): void {
    this.#features.dispose();
    this.#branch.dispose();
    this.#detector.dispose();
    this.#network.dispose();
  }

  #inputOf({ data }: RawImage): Float32Array {
    return Float32Array.from({ length: this.#side ** 2 * 3 }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      return data[pixel * 4 + 2 - channel] - MEAN_BGR[channel];
    });
  }
}

function branchPlan(host: Device, engine: WasmEngine, mesh: MeshBranch, channels: number) {
  const forward = (patches: Tensor, hints: Tensor) => {
    const { vertices, colours, camera, light } = mesh.forward(patches, hints);
    return [vertices, project(vertices, camera, [1, 1]), colours, camera, light];
  };
  const shapes = [
    [1, PATCH_POINTS, channels],
    [1, HINT_LENGTH],
  ];
  const infos = shapes.map((shape) => ({ shape, dtype: "f32" }) as const);
  return compileWasm(host, engine, forward, infos);
}
