import { hostElementBytes, type StateDict } from "../core/host-tensor.js";
import { ByteReader, decodeUtf8 } from "./byte-reader.js";
import { corrupt, quote, unsupported } from "./errors.js";
import { unpickle } from "./pickle.js";
import { TorchHost, type TorchStorage } from "./torch-host.js";
import { readTensors } from "./torch-tensors.js";
import { ZipArchive } from "./zip.js";

/**
 * PyTorch's format since 1.6: a ZIP archive with one folder that holds `data.pkl`, the storages as
 * `data/KEY`, and sometimes `byteorder`.
 */

const PICKLE_NAME = /^(?:[^/]*\/)?data\.pkl$/;

function findFolder(archive: ZipArchive): string {
  const pickles = archive.names.filter((name) => PICKLE_NAME.test(name));
  if (pickles.length !== 1) {
    throw unsupported(
      "It is a ZIP archive, but not a PyTorch checkpoint: no data.pkl in one folder.",
    );
  }
  const folder = pickles[0].slice(0, -"data.pkl".length);
  if (archive.has(`${folder}constants.pkl`)) {
    throw unsupported(
      "It is a TorchScript program, not a checkpoint. Save model.state_dict() with torch.save().",
    );
  }
  return folder;
}

/** Reads a checkpoint that is a ZIP archive. */
export function readZipCheckpoint(bytes: Uint8Array): StateDict {
  const archive = new ZipArchive(bytes);
  const folder = findFolder(archive);
  const byteOrder = `${folder}byteorder`;
  if (archive.has(byteOrder) && decodeUtf8(archive.read(byteOrder)).trim() !== "little") {
    throw unsupported("It was saved on a big-endian machine. Save it on a little-endian one.");
  }
  const root = unpickle(new ByteReader(archive.read(`${folder}data.pkl`)), new TorchHost());
  const readStorage = (storage: TorchStorage) => {
    const name = `${folder}data/${storage.key}`;
    const size = storage.count * hostElementBytes(storage.dtype);
    if (archive.size(name) !== size) {
      throw corrupt(`Storage ${quote(storage.key)} has ${archive.size(name)} bytes, not ${size}.`);
    }
    return archive.read(name);
  };
  return readTensors(root, readStorage, bytes.length);
}
