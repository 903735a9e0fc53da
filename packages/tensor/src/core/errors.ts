/** Base of every error this library throws on purpose; `code` is stable, `message` names the remedy. */
export class TensorError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** No WebGPU, or no adapter answers. */
export class WebGpuUnavailableError extends TensorError {
  constructor(message: string, options?: ErrorOptions) {
    super("WEBGPU_UNAVAILABLE", message, options);
  }
}

/** The device was lost or destroyed; what was on it is gone. */
export class DeviceLostError extends TensorError {
  readonly reason: "destroyed" | "unknown";

  constructor(reason: "destroyed" | "unknown", detail: string) {
    super(
      "DEVICE_LOST",
      reason === "destroyed"
        ? "The device was destroyed: create a new one with Device.create()."
        : `The GPU device was lost (${detail || "no reason given"}): create a new one with ` +
            "Device.create() and load the weights again.",
    );
    this.reason = reason;
  }
}

/** WebGPU refused a shader, a binding or a dispatch; the message names the kernel. */
export class GpuValidationError extends TensorError {
  readonly kernel: string;

  constructor(kernel: string, detail: string) {
    super("GPU_VALIDATION", `WebGPU refused ${kernel}: ${detail}`);
    this.kernel = kernel;
  }
}

/** A buffer could not be had: smaller inputs or batches, or `dispose()` of what is not needed, help. */
export class GpuOutOfMemoryError extends TensorError {
  constructor(what: string, detail: string) {
    super(
      "GPU_OUT_OF_MEMORY",
      `Out of GPU memory at ${what}: ${detail}. Use a smaller input or batch, or dispose of tensors.`,
    );
  }
}

/** Shapes, axes or attributes do not fit the operation. */
export class ShapeError extends TensorError {
  constructor(message: string) {
    super("SHAPE", message);
  }
}

/** A tensor was used after `dispose()` or after the `tidy` scope that owned it ended. */
export class DisposedError extends TensorError {
  constructor(what: string, remedy = "return it from tidy(), or keep() it") {
    super("DISPOSED", `${what} was used after it was disposed; ${remedy}.`);
  }
}
