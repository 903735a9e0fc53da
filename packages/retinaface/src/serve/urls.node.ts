import { OptionError } from "../errors.js";
import type { SentPhoto } from "./body.node.js";
import { ServiceError } from "./errors.js";
import type { ServiceLimits } from "./limits.js";

/** The addresses that photos may be fetched from: everything below one of a few. */
export class AllowedUrls {
  readonly #below: readonly URL[];

  /** @param below such as `https://photos.example.org/2026/`. @throws OptionError */
  constructor(below: readonly string[]) {
    this.#below = below.map((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      const plain = url && url.search === "" && url.hash === "" && url.username === "";
      if (!plain || !/^https?:$/.test(url.protocol) || !url.pathname.endsWith("/")) {
        throw new OptionError(
          `addresses are allowed by an http(s) URL that ends in a slash, not by "${text}"`,
        );
      }
      return url;
    });
  }

  get none(): boolean {
    return this.#below.length === 0;
  }

  has(url: URL): boolean {
    return (
      url.username === "" &&
      url.password === "" &&
      this.#below.some(
        ({ origin, pathname }) => url.origin === origin && url.pathname.startsWith(pathname),
      )
    );
  }
}

/**
 * The addresses that `{"urls": […]}` names.
 *
 * @throws ServiceError for anything else, and for one that is not allowed: then none is fetched
 */
export function urlsOf(
  body: Buffer,
  allowed: AllowedUrls,
  { maxPhotos }: Pick<ServiceLimits, "maxPhotos">,
): string[] {
  if (allowed.none) {
    const remedy = "send the photos themselves, or start it with --allow-url";
    throw new ServiceError(403, "URLS_NOT_ALLOWED", `this service fetches nothing: ${remedy}`);
  }
  const urls = listIn(body);
  if (urls === undefined || urls.length === 0) {
    throw new ServiceError(400, "OPTION_INVALID", 'the body must be {"urls": ["https://…", …]}');
  }
  if (urls.length > maxPhotos) {
    const message = `a request may have ${maxPhotos} photos: send several`;
    throw new ServiceError(413, "TOO_MANY_PHOTOS", message);
  }
  for (const url of urls) {
    if (URL.canParse(url) && allowed.has(new URL(url))) continue;
    throw new ServiceError(403, "URLS_NOT_ALLOWED", `this service does not fetch ${url}`);
  }
  return urls;
}

function listIn(body: Buffer): string[] | undefined {
  try {
    const { urls } = JSON.parse(body.toString()) as { urls?: unknown };
    const texts = Array.isArray(urls) && urls.every((url) => typeof url === "string");
    return texts ? urls : undefined;
  } catch {
    return undefined;
  }
}

/** A photo from an address that is allowed; no redirection is followed. @throws ServiceError; the signal's reason */
export async function fetchPhoto(
  url: string,
  { maxBytes }: Pick<ServiceLimits, "maxBytes">,
  signal: AbortSignal,
): Promise<SentPhoto> {
  const failed = (why: string, options?: ErrorOptions) =>
    new ServiceError(502, "URL_FAILED", `cannot fetch ${url}: ${why}`, options);
  let response: Response;
  try {
    response = await fetch(url, { redirect: "error", signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw failed("its server did not answer, or answered with another address", { cause });
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw failed(`its server answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) throw failed("it is larger than a body may be");
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof ServiceError ? cause : failed("it ended early", { cause });
  }
  return { file: url, bytes: Buffer.concat(chunks, length) };
}
