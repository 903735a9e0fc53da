/** Galleries in files: read without trusting what they say of their size, written whole or not at all. */
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { ReadError } from "retinaface-webgpu";
import { whyUnreadable, writeFileAtomic } from "retinaface-webgpu/node";
import { GalleryError } from "./errors.js";
import { corrupt, decodeGallery, encodeGallery, foreign, requireGallery } from "./format.js";
import { Gallery, type GalleryOptions } from "./gallery.js";

/** A million pictures of 512 numbers take half of it. */
export const MOST_GALLERY_BYTES = 2 ** 32;
/** More than the header of a gallery takes, whose ids are not in it. */
const MOST_HEADER_BYTES = 2 ** 16;
const PIECE = 2 ** 24;

/** What tells a file's contents from what is written later under its name; undefined where there is none. */
type Version = string | undefined;

/**
 * A gallery and the file that keeps it. Programs that change it one after the other see each other's changes; where two do so
 * at once, the later one is told (`GALLERY_CHANGED`) instead of undoing the other's work.
 */
export class GalleryFile {
  readonly file: string;
  readonly gallery: Gallery;
  #version: Version;

  private constructor(file: string, gallery: Gallery, version: Version) {
    this.file = file;
    this.gallery = gallery;
    this.#version = version;
  }

  /** A new gallery, in a file only once it is saved. @throws OptionError */
  static create(file: string, options: GalleryOptions): GalleryFile {
    return new GalleryFile(file, new Gallery(options), undefined);
  }

  /**
   * Reads a gallery.
   *
   * @throws ReadError; GalleryError `GALLERY_FOREIGN`, `GALLERY_CORRUPT`, `GALLERY_VERSION`, `GALLERY_TOO_LARGE`
   */
  static async open(file: string): Promise<GalleryFile> {
    // Opening a pipe must not wait for its other end.
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
    const handle = await open(file, flags).catch((cause) => {
      throw unreadable(file, cause);
    });
    try {
      const version = versionOf(await handle.stat({ bigint: true }));
      return new GalleryFile(file, decodeGallery(await readGallery(handle, file)), version);
    } catch (error) {
      if (error instanceof GalleryError) {
        throw new GalleryError(error.code, `${file}: ${error.message}`, { cause: error });
      }
      throw error instanceof ReadError ? error : unreadable(file, error);
    } finally {
      await handle.close();
    }
  }

  /**
   * Writes the gallery as it is now: to a temporary neighbour, which is flushed to the disk and then takes the file's name. A
   * process that is killed leaves the old file or the new one.
   *
   * @param options `replace` a file that is there although it was not read, of which `create` knows nothing
   * @throws GalleryError `GALLERY_CHANGED`, `GALLERY_FULL`; WriteError, OutputExistsError
   */
  async save({ replace = false }: { readonly replace?: boolean | undefined } = {}): Promise<void> {
    const known = this.#version;
    if (known !== undefined && (await versionAt(this.file)) !== known) {
      throw new GalleryError(
        "GALLERY_CHANGED",
        `${this.file} was written by another program meanwhile: read it again and repeat the change.`,
      );
    }
    const bytes = encodeGallery(this.gallery);
    if (bytes.length > MOST_GALLERY_BYTES) {
      throw new GalleryError(
        "GALLERY_FULL",
        `${this.file} would have ${bytes.length} bytes, ${MOST_GALLERY_BYTES} at most are read: use a data base.`,
      );
    }
    await writeFileAtomic(this.file, bytes, { replace: replace || known !== undefined });
    this.#version = await versionAt(this.file);
  }
}

function unreadable(file: string, cause: unknown): ReadError {
  return new ReadError(`cannot read ${file}: ${whyUnreadable(cause)}`, { cause });
}

interface Stated {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

function versionOf({ dev, ino, size, mtimeNs }: Stated): Version {
  return [dev, ino, size, mtimeNs].join(":");
}

async function versionAt(file: string): Promise<Version> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && versionOf(found);
}

/** The file's bytes, after its beginning has said that it is a gallery. */
async function readGallery(handle: FileHandle, file: string): Promise<Uint8Array> {
  const found = await handle.stat();
  if (found.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
  if (!found.isFile()) throw new ReadError(`cannot read ${file}: it is not a file`);
  if (found.size > MOST_GALLERY_BYTES) {
    throw new GalleryError(
      "GALLERY_TOO_LARGE",
      `it has ${found.size} bytes, galleries at most ${MOST_GALLERY_BYTES}: it is no gallery, or one for a data base.`,
    );
  }
  const start = new Uint8Array(Math.min(found.size, 8 + MOST_HEADER_BYTES));
  if ((await readInto(handle, start, 0)) < start.length) throw corrupt("it is cut off");
  checkHeader(start);
  const bytes = new Uint8Array(found.size);
  bytes.set(start);
  if ((await readInto(handle, bytes, start.length)) < bytes.length) throw corrupt("it is cut off");
  return bytes;
}

/** Before the rest is read: is this the beginning of a gallery? What is wrong with one, `decodeGallery` says. */
function checkHeader(start: Uint8Array): void {
  if (start.length < 10) throw foreign("this is no gallery");
  const length = new DataView(start.buffer).getBigUint64(0, true);
  if (length > BigInt(MOST_HEADER_BYTES)) throw foreign("this is no gallery");
  const text = new TextDecoder().decode(start.subarray(8, 8 + Number(length)));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    if (text.startsWith("{") && text.includes("retinaface-gallery")) {
      throw corrupt("its header is not JSON", { cause });
    }
    throw foreign("this is no gallery");
  }
  const { __metadata__: metadata } = Object(header) as { __metadata__?: unknown };
  requireGallery(Object(metadata) as Record<string, string>);
}

/** Fills `bytes` from `at` on with what the file has there. @returns up to where it came */
async function readInto(handle: FileHandle, bytes: Uint8Array, at: number): Promise<number> {
  let done = at;
  while (done < bytes.length) {
    const wanted = Math.min(PIECE, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, wanted, done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
