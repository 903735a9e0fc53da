import {
  concat,
  type Device,
  type Fragments,
  interpolateVertices,
  narrow,
  rasterize,
  ShapeError,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import { type ImageSize, project, requireRows } from "./camera.js";
import { LIGHT_LENGTH, shade } from "./light.js";
import { Topology } from "./topology.js";

/** What is drawn, a row of each tensor an image. */
export interface Scene {
  /** [n, v, 3]. */
  readonly vertices: Tensor;
  /** [n, v, 3]: red, green and blue, 0 to 1. */
  readonly colours: Tensor;
  /** [n, 7]: see `project`. */
  readonly camera: Tensor;
  /** [n, 9]: see `shade`. */
  readonly light: Tensor;
}

/** What was drawn. */
export interface Rendering {
  /** [n, h, w, 3], 0 where no mesh is; not cut to 0 … 1. */
  readonly image: Tensor;
  /** [n, h, w, 1]: 1 where the mesh is seen, 0 elsewhere, without a gradient. */
  readonly mask: Tensor;
  /** [n, v, 3]: x and y in pixels, depth. */
  readonly positions: Tensor;
  readonly fragments: Fragments;
}

/**
 * The differentiable renderer of RetinaFace (Deng et al. 2019; Genova et al. 2018): a coloured mesh, a camera and a point
 * light become an image. Gradients flow to vertices, colours, camera and light through the points that the pixels show;
 * none through the outline, nor where one part of the mesh hides another, so a mesh beside a face is not drawn to it by
 * its pixels. Colours, normals and places are interpolated and lit at each pixel.
 *
 * Works on WebGPU, in plans and compiled steps, and in those of the WebAssembly engine.
 */
export class MeshRenderer {
  readonly size: ImageSize;
  readonly topology: Topology;

  /**
   * @param triangles [t, 3], numbers of vertices
   * @param options.vertices of a mesh @param options.size of the image in pixels; default 64, 64
   */
  constructor(
    device: Device,
    triangles: Int32Array,
    { vertices, size = [64, 64] }: { vertices: number; size?: ImageSize },
  ) {
    this.size = size;
    this.topology = new Topology(device, triangles, vertices);
  }

  /** @throws ShapeError naming the shapes that do not fit */
  render({ vertices, colours, camera, light }: Scene): Rendering {
    const [batch] = vertices.shape;
    const expected = [batch, this.topology.vertices, 3].join(", ");
    for (const [name, each] of Object.entries({ vertices, colours })) {
      if (each.shape.join(", ") === expected) continue;
      throw new ShapeError(
        `render: ${name} [${each.shape.join(", ")}]; they must be [n, ${this.topology.vertices}, 3], as many as vertices`,
      );
    }
    requireRows("render's light", light, batch, LIGHT_LENGTH);
    const positions = project(vertices, camera, this.size);
    const fragments = rasterize(positions, this.topology.triangles, { size: this.size });
    const all = concat([colours, this.topology.normals(vertices), vertices], 2);
    const seen = interpolateVertices(all, fragments);
    const [own, normals, points] = [0, 3, 6].map((first) => narrow(seen, 3, first, 3));
    return {
      image: shade(own, normals, points, light),
      mask: sum(fragments.barycentrics.detach(), { axes: [3], keepDims: true }),
      positions,
      fragments,
    };
  }

  dispose(): void {
    this.topology.dispose();
  }
}
