import type { IncomingMessage } from "node:http";
import { ServiceError } from "./errors.js";
import type { ServiceLimits } from "./limits.js";
import type { Peers } from "./peers.node.js";

/** A photo of a request. */
export interface SentPhoto {
  /** As the sender calls it: repeated in the answer, and nothing else is done with it. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

const tooLarge = (most: number) =>
  new ServiceError(
    413,
    "BODY_TOO_LARGE",
    `the body is larger than ${(most / 2 ** 20).toFixed(1)} MiB: send fewer or smaller photos`,
  );

/**
 * A request's body, all of it. What is told to be too large is not read at all, what turns out so no further.
 *
 * @throws ServiceError; the signal's reason
 */
export function readBody(
  request: IncomingMessage,
  most: number,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > most) throw tooLarge(most);
    const chunks: Buffer[] = [];
    let length = 0;
    const ended = (finish: () => void) => {
      request.off("data", take).off("end", whole).off("close", broken).off("error", broken);
      signal.removeEventListener("abort", aborted);
      finish();
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > most) ended(() => reject(tooLarge(most)));
    };
    const whole = () => ended(() => resolve(Buffer.concat(chunks, length)));
    const broken = () =>
      ended(() => reject(new ServiceError(400, "BODY_CUT_OFF", "the body ended early")));
    const aborted = () => ended(() => reject(signal.reason));
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    else request.on("data", take).on("end", whole).on("close", broken).on("error", broken);
  });
}

/**
 * The files of a multipart form, in their order. A path in a name is cut off.
 *
 * @throws ServiceError for what is no such form, holds anything else than files, or more of them than the limit
 */
export function photosOfForm(
  { Busboy }: Pick<Peers, "Busboy">,
  contentType: string,
  body: Buffer,
  { maxPhotos }: Pick<ServiceLimits, "maxPhotos">,
): Promise<SentPhoto[]> {
  return new Promise((resolve, reject) => {
    const malformed = (why: unknown) =>
      reject(new ServiceError(400, "FORM_MALFORMED", `the form cannot be read: ${why}`));
    const photos: (SentPhoto | undefined)[] = [];
    let busboy: InstanceType<typeof Busboy>;
    try {
      busboy = new Busboy({
        headers: { "content-type": contentType },
        limits: { files: maxPhotos, fields: 1, parts: maxPhotos + 1, headerPairs: 16 },
      });
    } catch (cause) {
      malformed((cause as Error).message);
      return;
    }
    const tooMany = () => {
      const message = `a request may have ${maxPhotos} photos: send several`;
      reject(new ServiceError(413, "TOO_MANY_PHOTOS", message));
    };
    busboy.on("file", (_, stream, name) => {
      const chunks: Buffer[] = [];
      const place = photos.push(undefined) - 1;
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error: Error) => malformed(error.message));
      stream.on("end", () => {
        photos[place] = { file: name ?? "", bytes: Buffer.concat(chunks) };
      });
    });
    busboy.on("field", () => malformed("every part must be a file, with a filename"));
    busboy.on("filesLimit", tooMany);
    busboy.on("partsLimit", tooMany);
    busboy.on("error", (error) => malformed((error as Error).message));
    busboy.on("finish", () => {
      const whole = photos.filter((photo) => photo !== undefined);
      if (whole.length < photos.length) malformed("it ends within a part");
      else if (whole.length === 0) malformed("there is no file in it");
      else resolve(whole);
    });
    busboy.end(body);
  });
}
