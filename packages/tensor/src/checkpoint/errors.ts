import { TensorError } from "../core/errors.js";

/**
 * - `CHECKPOINT_UNSAFE`: it asks for something beyond tensors, which a pickle could abuse to run code
 * - `CHECKPOINT_CORRUPT`: it contradicts itself or its own size
 * - `CHECKPOINT_UNSUPPORTED`: it is a checkpoint or another file that this reader does not know
 */
export type CheckpointErrorCode =
  | "CHECKPOINT_UNSAFE"
  | "CHECKPOINT_CORRUPT"
  | "CHECKPOINT_UNSUPPORTED";

/** A checkpoint that can not be read or converted; nothing of it was executed. */
export class CheckpointError extends TensorError {
  declare readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string) {
    super(code, message);
  }
}

/** The file contradicts itself. */
export function corrupt(message: string): CheckpointError {
  return new CheckpointError(
    "CHECKPOINT_CORRUPT",
    `${message} The file is damaged or cut off: fetch it again.`,
  );
}

/** The pickle asks for more than tensors. */
export function unsafe(message: string): CheckpointError {
  return new CheckpointError(
    "CHECKPOINT_UNSAFE",
    `${message} Only tensors in plain dictionaries are read, nothing is executed. ` +
      "If you trust the file, save its state dict alone: torch.save(model.state_dict(), file).",
  );
}

/** The file is honest but of a kind that is not read. */
export function unsupported(message: string): CheckpointError {
  return new CheckpointError("CHECKPOINT_UNSUPPORTED", message);
}

/** Text from a file, quoted and short enough for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}
