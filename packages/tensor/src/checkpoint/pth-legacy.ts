import { hostElementBytes, type StateDict } from "../core/host-tensor.js";
import { ByteReader } from "./byte-reader.js";
import { corrupt, quote, unsupported } from "./errors.js";
import { PLAIN_DATA, PyList, unpickle } from "./pickle.js";
import { TorchHost, type TorchStorage } from "./torch-host.js";
import { readTensors } from "./torch-tensors.js";

/**
 * PyTorch's format before 1.6: pickles of a magic number, the protocol version, facts about the
 * machine, the object, and the storages' keys; then every storage as a 64-bit count and its elements.
 */

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

function checkPreamble(reader: ByteReader): void {
  if (unpickle(reader, PLAIN_DATA) !== MAGIC) {
    throw unsupported("It is a pickle, but not a PyTorch checkpoint.");
  }
  const protocol = unpickle(reader, PLAIN_DATA);
  if (protocol !== PROTOCOL) {
    throw unsupported(
      `It is a PyTorch checkpoint of protocol ${String(protocol)}, not ${PROTOCOL}.`,
    );
  }
  const system = unpickle(reader, PLAIN_DATA);
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw unsupported("It was saved on a big-endian machine. Save it on a little-endian one.");
  }
}

function readStorages(reader: ByteReader, host: TorchHost): Map<TorchStorage, Uint8Array> {
  const keys = unpickle(reader, PLAIN_DATA);
  if (!(keys instanceof PyList)) throw corrupt("The list of storages is missing.");
  const storages = new Map<TorchStorage, Uint8Array>();
  for (const key of keys.items) {
    const storage = host.storages.get(String(key));
    if (!storage || storages.has(storage)) {
      throw corrupt(`Storage ${quote(String(key))} is listed without a tensor, or twice.`);
    }
    const count = reader.u64();
    if (count !== storage.count) {
      throw corrupt(`Storage ${quote(storage.key)} has ${count} elements, not ${storage.count}.`);
    }
    storages.set(storage, reader.take(count * hostElementBytes(storage.dtype)));
  }
  if (reader.remaining > 0) throw corrupt(`${reader.remaining} bytes follow the last storage.`);
  return storages;
}

/** Reads a checkpoint that opens with a pickle. */
export function readLegacyCheckpoint(bytes: Uint8Array): StateDict {
  const reader = new ByteReader(bytes);
  checkPreamble(reader);
  const host = new TorchHost();
  const root = unpickle(reader, host);
  const storages = readStorages(reader, host);
  const readStorage = (storage: TorchStorage) => {
    const found = storages.get(storage);
    if (!found) throw corrupt(`Storage ${quote(storage.key)} is missing.`);
    return found;
  };
  return readTensors(root, readStorage, bytes.length);
}
