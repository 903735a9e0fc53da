/**
 * A gallery as bytes: a safetensors file, which other programs read too, with
 * - `vectors` f32 [pictures, dimensions], of length 1
 * - `owners` u32 [pictures]: which identity a picture is of, in ascending order
 * - `ids` u8 [bytes]: the identities' ids, a JSON list of texts in UTF-8
 * and in its metadata `format`, `version`, the `model`'s fingerprint, `combine`, `threshold` as JSON, perhaps `weights`, and `crc32` of all that.
 */
import {
  crc32,
  type HostTensor,
  hostTensorBytes,
  readSafetensors,
  SafetensorsError,
  type SafetensorsFile,
  type StateDict,
  writeSafetensors,
} from "@retinaface-webgpu/tensor/inference";
import { GalleryError } from "./errors.js";
import { COMBINES, type Combine, Gallery, type GalleryThreshold } from "./gallery.js";

export const GALLERY_FORMAT = "retinaface-gallery";
const VERSION = "1";
/** Vectors may be off their length by what rounding and other programs do to them. */
const UNIT_TOLERANCE = 1e-3;

export function corrupt(message: string, options?: ErrorOptions): GalleryError {
  return new GalleryError(
    "GALLERY_CORRUPT",
    `${message}. The gallery is damaged or cut off: take a copy of it, or enrol anew.`,
    options,
  );
}

export function foreign(message: string): GalleryError {
  return new GalleryError(
    "GALLERY_FOREIGN",
    `${message}: give a file that \`identify enrol\` has written.`,
  );
}

/** A gallery's file. The same gallery gives the same bytes. */
export function encodeGallery(gallery: Gallery): Uint8Array<ArrayBuffer> {
  const { ids, owners, copy } = gallery.rows("best");
  const vectors = new Float32Array(owners.length * gallery.dimensions);
  copy(0, owners.length, vectors);
  const names = new TextEncoder().encode(JSON.stringify(ids));
  const state: StateDict = new Map<string, HostTensor>([
    ["vectors", { dtype: "f32", shape: [owners.length, gallery.dimensions], data: vectors }],
    ["owners", { dtype: "u32", shape: [owners.length], data: owners }],
    ["ids", { dtype: "u8", shape: [names.length], data: names }],
  ]);
  const told = {
    format: GALLERY_FORMAT,
    version: VERSION,
    model: gallery.model,
    combine: gallery.combine,
    ...(gallery.threshold && { threshold: JSON.stringify(gallery.threshold) }),
    ...(gallery.weights !== undefined && { weights: gallery.weights }),
  };
  return writeSafetensors(state, { ...told, crc32: checksum(told, [...state.values()]) });
}

/** Of what a gallery's file says and holds, without which a changed number would pass as somebody else's face. */
function checksum(
  { crc32: _, ...told }: Readonly<Record<string, string>>,
  tensors: readonly HostTensor[],
): string {
  const text = new TextEncoder().encode(JSON.stringify(Object.entries(told).sort()));
  return [text, ...tensors.map(hostTensorBytes)].map((part) => crc32(part).toString(16)).join("-");
}

/**
 * Reads a gallery's file. It takes no more memory than the file itself, whatever the file says of its size.
 *
 * @throws GalleryError `GALLERY_FOREIGN`, `GALLERY_CORRUPT`, `GALLERY_VERSION`
 */
export function decodeGallery(bytes: Uint8Array): Gallery {
  const { tensors, metadata } = parse(bytes);
  requireGallery(metadata);
  const vectors = take(tensors, "vectors", "f32", 2);
  const owners = take(tensors, "owners", "u32", 1);
  const ids = take(tensors, "ids", "u8", 1);
  if (metadata.crc32 !== checksum(metadata, [vectors, owners, ids])) {
    throw corrupt("its checksum is another");
  }
  const [pictures, dimensions] = vectors.shape;
  if (owners.shape[0] !== pictures) {
    throw corrupt(`${pictures} vectors belong to ${owners.shape[0]} pictures`);
  }
  const gallery = emptyGallery(metadata, dimensions);
  fill(gallery, parseIds(ids.data), owners.data, vectors.data);
  return gallery;
}

function parse(bytes: Uint8Array): SafetensorsFile {
  try {
    return readSafetensors(bytes);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    const said = new TextDecoder().decode(bytes.subarray(0, 4096)).includes(GALLERY_FORMAT);
    if (!said) throw foreign("this is no gallery");
    throw corrupt(cause.message.replace(/\.? The file is damaged.*/s, ""), { cause });
  }
}

/** @throws GalleryError unless a file's metadata say that it is a gallery of a version that is known */
export function requireGallery(metadata: Readonly<Record<string, string>>): void {
  if (metadata.format !== GALLERY_FORMAT) throw foreign("this file of tensors is no gallery");
  if (metadata.version !== VERSION) {
    throw new GalleryError(
      "GALLERY_VERSION",
      `the gallery is of version ${metadata.version}, this library reads ${VERSION}: update it, or enrol anew.`,
    );
  }
}

function take<D extends "f32" | "u32" | "u8">(
  tensors: SafetensorsFile["tensors"],
  name: string,
  dtype: D,
  rank: number,
): HostTensor<D> {
  const tensor = tensors.get(name);
  if (tensor?.dtype !== dtype || tensor.shape.length !== rank) {
    throw corrupt(`it has no ${name} of type ${dtype} with ${rank} axes`);
  }
  return tensor as HostTensor<D>;
}

function emptyGallery(metadata: Readonly<Record<string, string>>, dimensions: number): Gallery {
  const { model, combine = "best", threshold, weights } = metadata;
  if (!COMBINES.includes(combine as Combine)) throw corrupt(`it says combine ${combine}`);
  try {
    return new Gallery({
      model,
      dimensions,
      combine: combine as Combine,
      threshold: threshold === undefined ? undefined : parseThreshold(threshold),
      weights,
    });
  } catch (cause) {
    if (cause instanceof GalleryError) throw cause;
    throw corrupt((cause as Error).message, { cause });
  }
}

function parseThreshold(text: string): GalleryThreshold {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt("its threshold is not JSON", { cause });
  }
  const threshold = Object(value) as Partial<Record<keyof GalleryThreshold, unknown>>;
  const isNumber = (key: "value" | "far" | "trials") => Number.isFinite(threshold[key]);
  const isAbsent = (key: keyof GalleryThreshold) => threshold[key] === undefined;
  const told = isAbsent("strangers") || ["given", "left-out"].includes(String(threshold.strangers));
  const good = (["far", "trials"] as const).every((key) => isAbsent(key) || isNumber(key));
  if (!isNumber("value") || !good || !told) throw corrupt("its threshold is none");
  const { value: least, far, trials, strangers } = threshold as unknown as GalleryThreshold;
  return { value: least, far, trials, strangers };
}

function parseIds(bytes: Uint8Array): string[] {
  let ids: unknown;
  try {
    ids = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt("its ids are not JSON", { cause });
  }
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) {
    throw corrupt("its ids are no list of texts");
  }
  if (new Set(ids).size !== ids.length) throw corrupt("it has an id twice");
  return ids;
}

/** Gives each id its vectors, which stay parts of one array. */
function fill(
  gallery: Gallery,
  ids: readonly string[],
  owners: Uint32Array,
  vectors: Float32Array,
): void {
  const { dimensions } = gallery;
  let row = 0;
  for (const [owner, id] of ids.entries()) {
    const own: Float32Array[] = [];
    for (; row < owners.length && owners[row] === owner; row++) {
      own.push(requireUnit(vectors.subarray(row * dimensions, (row + 1) * dimensions)));
    }
    if (own.length === 0) throw corrupt(`"${id}" has no picture, or pictures are out of order`);
    try {
      gallery.restore(id, own);
    } catch (cause) {
      throw corrupt((cause as Error).message, { cause });
    }
  }
  if (row !== owners.length) throw corrupt(`${owners.length - row} pictures belong to nobody`);
}

function requireUnit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!(Math.abs(Math.sqrt(squares) - 1) <= UNIT_TOLERANCE)) {
    throw corrupt("a vector in it does not have length 1");
  }
  return vector;
}
