import { TensorError } from "@retinaface-webgpu/tensor/inference";

/** What went wrong with an ONNX model. */
export type OnnxErrorCode =
  /** The bytes are no ONNX file, or a part of one. */
  | "ONNX_FORMAT"
  /** The file can be read, and what it says cannot be: names that nothing makes, shapes that do not fit. */
  | "ONNX_INVALID"
  /** It needs what the library does not have. */
  | "ONNX_UNSUPPORTED"
  /** Its numbers are in other files. */
  | "ONNX_EXTERNAL_DATA"
  /** Other inputs were given than the model takes. */
  | "ONNX_INPUT"
  /** A constant or a result would be larger than anything sensible. */
  | "ONNX_TOO_LARGE"
  /** The model was used after `dispose()`. */
  | "ONNX_DISPOSED";

/** Any error of this package; `code` is stable, `message` names the remedy. */
export class OnnxError extends TensorError {
  declare readonly code: OnnxErrorCode;

  constructor(code: OnnxErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The model needs what the library does not have: one error that names all of it. */
export class OnnxUnsupportedError extends OnnxError {
  /** Operators, or forms of them, that lack; each with how many nodes need it. */
  readonly operators: ReadonlyMap<string, number>;

  constructor(operators: ReadonlyMap<string, number>) {
    const shown = [...operators].map(([name, count]) => (count > 1 ? `${name} (×${count})` : name));
    super(
      "ONNX_UNSUPPORTED",
      `The model needs what this library does not have: ${shown.join("; ")}. Export it without these (` +
        "simplified, or cut off before them), or run it with onnxruntime.",
    );
    this.operators = operators;
  }
}

/** A node needs what the library lacks; the message says what. Collected into one {@link OnnxUnsupportedError}. */
export class Unsupported extends Error {}
