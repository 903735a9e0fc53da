/** From a picture of a head to its mesh, camera and light: convolutions before the mesh decoder. */
import {
  cameraOfNumbers,
  edgeLoss,
  lightOfNumbers,
  MeshDecoder,
  MeshRenderer,
  pixelLoss,
  type Rendering,
  vertexLoss,
} from "@retinaface-webgpu/mesh";
import {
  add,
  addScalar,
  flatten,
  l1Loss,
  mulScalar,
  narrow,
  nn,
  relu,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import { SIZE, VERTICES } from "./data.js";

const CHANNELS = [3, 16, 32, 48, 64, 64];
const HIDDEN = 192;

/** What the network says of pictures. */
export interface Said {
  readonly vertices: Tensor;
  readonly camera: Tensor;
  readonly rendering: Rendering;
}

export class HeadNetwork extends nn.Module {
  readonly convs: nn.Conv2d[];
  readonly hidden: nn.Linear;
  readonly code: nn.Linear;
  readonly scene: nn.Linear;
  readonly decoder: MeshDecoder;
  readonly #renderer: MeshRenderer;

  constructor(init: nn.Init) {
    super();
    const geometry = { kernelSize: 3, stride: 2, padding: 1 };
    this.convs = CHANNELS.slice(1).map((out, i) => new nn.Conv2d(init, CHANNELS[i], out, geometry));
    const side = SIZE[0] / 2 ** this.convs.length;
    this.hidden = new nn.Linear(init, CHANNELS[CHANNELS.length - 1] * side * side, HIDDEN);
    this.code = new nn.Linear(init, HIDDEN, 128);
    this.scene = new nn.Linear(init, HIDDEN, 16);
    this.decoder = new MeshDecoder(init);
    const [{ triangles }] = this.decoder.template.levels;
    this.#renderer = new MeshRenderer(init.device, triangles, { vertices: VERTICES, size: SIZE });
  }

  /** @param photo `[n, 64, 64, 3]` */
  override forward(photo: Tensor): Said {
    let x = addScalar(photo, -0.5);
    for (const conv of this.convs) x = relu(conv.forward(x));
    const hidden = relu(this.hidden.forward(flatten(x, 1)));
    const { vertices, colours } = this.decoder.forward(this.code.forward(hidden));
    const scene = this.scene.forward(hidden);
    const camera = cameraOfNumbers(narrow(scene, 1, 0, 7));
    const light = lightOfNumbers(narrow(scene, 1, 7, 9));
    const rendering = this.#renderer.render({ vertices, colours, camera, light });
    return { vertices, camera, rendering };
  }

  /** L_vert, L_edge and where vertices are seen; with `pixels`, L_pixel too. */
  losses(photo: Tensor, known: Tensor, positions: Tensor, pixels: boolean) {
    const { vertices, rendering } = this.forward(photo);
    const vert = vertexLoss(vertices, known);
    const edge = edgeLoss(vertices, known, this.#renderer.topology);
    const seen = l1Loss(narrow(rendering.positions, 2, 0, 2), narrow(positions, 2, 0, 2));
    const pixel = pixelLoss(rendering, photo);
    const shape = add(add(vert, edge), mulScalar(seen, 0.1));
    return { total: pixels ? add(shape, mulScalar(pixel, 2)) : shape, vert, edge, seen, pixel };
  }

  override dispose(): void {
    super.dispose();
    this.decoder.dispose();
    this.#renderer.dispose();
  }
}
