import {
  concat,
  flatten,
  narrow,
  nn,
  relu,
  reshape,
  ShapeError,
  type Tensor,
  TensorError,
} from "@retinaface-webgpu/tensor/inference";
import { type DecodedMeshes, MeshDecoder, type MeshDecoderOptions } from "../decoder.js";
import { CAMERA_LENGTH } from "../render/camera.js";
import { LIGHT_LENGTH } from "../render/light.js";
import { HINT_LENGTH } from "./hints.js";
import { PATCH, PATCH_POINTS } from "./patches.js";
import { cameraOfNumbers, lightOfNumbers } from "./scene.js";

/** Of `MeshBranch`. */
export interface MeshBranchOptions {
  /** Channels of the map that patches are taken of. */
  readonly channels: number;
  /** Numbers that are said of a face: code, camera and light. */
  readonly width: number;
  /** Of the decoder; the code's length follows from `width`. */
  readonly decoder?: Omit<MeshDecoderOptions, "codeLength"> | undefined;
}

/** Meshes, and how they are seen: what `MeshRenderer` draws. */
export interface SeenMeshes extends DecodedMeshes {
  /** [n, 7], of the square around each face: see `project`. */
  readonly camera: Tensor;
  /** [n, 9]. */
  readonly light: Tensor;
}

/** Channels of the convolution over a patch, which halves it, and numbers of the hidden layer. */
const [CONVOLVED, HIDDEN] = [64, 192];

/**
 * RetinaFace's branch for meshes (Deng et al. 2019): of the features of a face it says a code of the decoder, a camera and a
 * light, and decodes. The paper says them by a 1×1 convolution at each anchor; here a convolution and two layers look at the
 * patch of a square around the face, so that what is said does not depend on where in the image and how large the face is, and
 * at the five landmarks that the detector has found: the pixels' gradients need a good start, and these are one.
 */
export class MeshBranch extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly hidden: nn.Linear;
  readonly numbers: nn.Linear;
  readonly decoder: MeshDecoder;
  readonly #codeLength: number;

  /** @throws TensorError `ARGUMENT` where the width leaves no code */
  constructor(init: nn.Init, { channels, width, decoder }: MeshBranchOptions) {
    super();
    this.#codeLength = width - CAMERA_LENGTH - LIGHT_LENGTH;
    if (!(this.#codeLength >= 1)) {
      throw new TensorError(
        "ARGUMENT",
        `MeshBranch: ${width} numbers leave no code beside ${CAMERA_LENGTH} of the camera and ${LIGHT_LENGTH} of the light; give more.`,
      );
    }
    const halved = { kernelSize: 3, stride: 2, padding: 1 };
    this.conv = new nn.Conv2d(init, channels, CONVOLVED, halved);
    this.hidden = new nn.Linear(init, CONVOLVED * (PATCH / 2) ** 2 + HINT_LENGTH, HIDDEN);
    this.numbers = new nn.Linear(init, HIDDEN, width);
    this.decoder = new MeshDecoder(init, { ...decoder, codeLength: this.#codeLength });
  }

  /**
   * @param patches `[n, 64, c]`, see `patchesOf` @param hints `[n, 10]`, see `hintOf`
   * @throws ShapeError for others
   */
  override forward(patches: Tensor, hints: Tensor): SeenMeshes {
    const [faces, points, channels] = patches.shape;
    const known = this.conv.weight.shape[1];
    if (patches.rank !== 3 || points !== PATCH_POINTS || channels !== known) {
      throw new ShapeError(
        `MeshBranch takes patches [n, ${PATCH_POINTS}, ${known}], not [${patches.shape.join(", ")}]`,
      );
    }
    if (hints.shape.join() !== [faces, HINT_LENGTH].join()) {
      throw new ShapeError(
        `MeshBranch takes hints [${faces}, ${HINT_LENGTH}], not [${hints.shape.join(", ")}]`,
      );
    }
    const x = relu(this.conv.forward(reshape(patches, [faces, PATCH, PATCH, channels])));
    const said = this.numbers.forward(relu(this.hidden.forward(concat([flatten(x, 1), hints], 1))));
    const code = this.#codeLength;
    return {
      ...this.decoder.forward(narrow(said, 1, 0, code)),
      camera: cameraOfNumbers(narrow(said, 1, code, CAMERA_LENGTH)),
      light: lightOfNumbers(narrow(said, 1, code + CAMERA_LENGTH, LIGHT_LENGTH)),
    };
  }

  override dispose(): void {
    super.dispose();
    this.decoder.dispose();
  }
}
