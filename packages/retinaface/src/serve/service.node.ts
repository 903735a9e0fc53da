import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { PixelDetector } from "../detect/fitting.js";
import type { DetectOptions } from "../detect/options.js";
import { OptionError } from "../errors.js";
import { printableJson } from "../printable.js";
import { Admission, type Visit } from "./admission.node.js";
import { photosOfForm, readBody } from "./body.node.js";
import { ServiceError, statusOf } from "./errors.js";
import { type ServiceLimits, serviceLimits } from "./limits.js";
import { Looker } from "./looker.node.js";
import { ServiceMetrics } from "./metrics.node.js";
import { openApiDocument, QUERY } from "./openapi.js";
import { loadPeers, type Peers } from "./peers.node.js";
import { AllowedUrls, fetchPhoto, urlsOf } from "./urls.node.js";

/** Options of `createService`. */
export interface ServiceOptions {
  /** Finds the faces; it stays the caller's to dispose of, once the service is closed. */
  readonly detector: PixelDetector;
  /** How photos are looked at where a request says nothing else. */
  readonly defaults?: DetectOptions | undefined;
  readonly limits?: Partial<ServiceLimits> | undefined;
  /** Requests must bear it: `Authorization: Bearer …`. Default: everyone is answered. */
  readonly token?: string | undefined;
  /** URLs, ending in a slash, below which photos are fetched from; default none. */
  readonly allowUrls?: readonly string[] | undefined;
  /** Threads that decode; default as many as there are processors, at most 8. */
  readonly decoders?: number | undefined;
  /** Told of what goes wrong within, and of photos that had to be scaled down. Default standard error. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Where a service listens. */
export interface ServiceAddress {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** 0: any that is free. */
  readonly port: number;
}

/** A service that finds faces in photos that are sent to it by HTTP. */
export interface Service {
  /** The OpenAPI document that it goes by. */
  readonly document: object;
  /** @returns its address, such as `http://127.0.0.1:8080`. @throws the system's errors */
  listen(address: ServiceAddress): Promise<string>;
  /**
   * Lets no request in any more, waits for those that are under way, and ends.
   *
   * @returns whether all were answered within `seconds`
   */
  close(seconds: number): Promise<boolean>;
}

type Query = Partial<DetectOptions> & { readonly file?: string };

/** What `file` is in the answer to a photo that was sent without a name. */
const NAMELESS = "body";
/** For a connection to send the head of a request; bounds who sends nothing. */
const HEAD_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
const CHECKED_EVERY_MS = 1000;
const JSON_TYPE = "application/json; charset=utf-8";

/**
 * Makes a service, which `listen` starts.
 *
 * @throws RetinaFaceError `SERVE_PACKAGES_MISSING` without the packages that it is made of; OptionError
 */
export async function createService(options: ServiceOptions): Promise<Service> {
  const limits = serviceLimits(options.limits);
  if (options.token !== undefined && options.token.length < 16) {
    throw new OptionError("a token must have at least 16 characters: make one at random");
  }
  const urls = new AllowedUrls(options.allowUrls ?? []);
  return new FaceService(options, limits, urls, await loadPeers());
}

class FaceService implements Service {
  readonly document: object;
  readonly #options: ServiceOptions;
  readonly #limits: ServiceLimits;
  readonly #urls: AllowedUrls;
  readonly #peers: Peers;
  readonly #admission: Admission;
  readonly #metrics: ServiceMetrics;
  readonly #looker: Looker;
  readonly #app: FastifyInstance;
  readonly #visits = new WeakMap<FastifyRequest, Visit>();

  constructor(options: ServiceOptions, limits: ServiceLimits, urls: AllowedUrls, peers: Peers) {
    this.#options = options;
    this.#limits = limits;
    this.#urls = urls;
    this.#peers = peers;
    this.#admission = new Admission(limits);
    this.#metrics = new ServiceMetrics(peers, () => this.#admission.admitted, limits.queue);
    const { detector, decoders } = options;
    const note = options.onNote ?? ((text: string) => console.error(text));
    this.#looker = new Looker({ detector, decoders, limits, metrics: this.#metrics, note });
    this.document = openApiDocument(limits, { token: options.token !== undefined });
    this.#app = peers.fastify({
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Of what is left of a body that was refused, too.
      requestTimeout: limits.seconds * 1000 + HEAD_MS,
      forceCloseConnections: "idle",
      return503OnClosing: false,
      ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
      http: { headersTimeout: HEAD_MS, connectionsCheckingInterval: CHECKED_EVERY_MS },
    });
    this.#app.server.maxConnections = limits.connections;
    this.#addRoutes();
  }

  listen({ host = "127.0.0.1", port }: ServiceAddress): Promise<string> {
    return this.#app.listen({ host, port });
  }

  async close(seconds: number): Promise<boolean> {
    let late: NodeJS.Timeout | undefined;
    const patience = new Promise<boolean>((resolve) => {
      late = setTimeout(() => resolve(false), seconds * 1000);
    });
    const answered = this.#admission.close().then(() => true);
    const all = await Promise.race([answered, patience]);
    clearTimeout(late);
    const closed = this.#app.close();
    if (!all) this.#app.server.closeAllConnections();
    await closed;
    await this.#looker.close();
    return all;
  }

  #addRoutes(): void {
    const app = this.#app;
    // Bodies are read here, by the limits of the service, and never by the framework.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_, __, done) => done(null));
    app.setErrorHandler((error, _, reply) => this.#fail(error, reply));
    app.setNotFoundHandler((request, reply) => {
      const message = `there is nothing at ${request.method} ${request.url.slice(0, 100)}`;
      return this.#fail(new ServiceError(404, "NOT_FOUND", message), reply);
    });
    app.get("/health", (_, reply) => send(reply, { status: "ok" }));
    app.get("/ready", (_, reply) => {
      if (!this.#admission.closing) return send(reply, { status: "ready" });
      throw new ServiceError(503, "STOPPING", "the service is being stopped");
    });
    const known = { onRequest: async (request: FastifyRequest) => this.#checkToken(request) };
    app.get("/openapi.json", (_, reply) => send(reply, this.document));
    app.get("/metrics", known, async (_, reply) =>
      reply.type(this.#metrics.contentType).send(await this.#metrics.text()),
    );
    app.post("/detect", {
      schema: { querystring: QUERY },
      onRequest: async (request, reply) => {
        this.#count(reply);
        this.#checkToken(request);
        this.#visits.set(request, this.#admission.enter(reply.raw));
      },
      handler: (request, reply) => this.#detect(request, reply),
    });
  }

  async #detect(request: FastifyRequest, reply: FastifyReply) {
    const { signal, received } = this.#visits.get(request) as Visit;
    const { file = NAMELESS, ...query } = request.query as Query;
    const options = { ...this.#options.defaults, ...query };
    checkEncoding(request);
    const body = await readBody(request.raw, this.#limits.maxBytes, signal);
    received();
    const type = request.headers["content-type"] ?? "";
    if (/^multipart\//i.test(type)) {
      const photos = await photosOfForm(this.#peers, type, body, this.#limits);
      const look = photos.map((photo) => this.#looker.lineOrError(photo, options, signal));
      return answer(reply, { photos: await Promise.all(look) }, signal);
    }
    if (/^application\/json\b/i.test(type)) {
      const urls = urlsOf(body, this.#urls, this.#limits);
      const look = urls.map((url) => this.#lookAtUrl(url, options, signal));
      return answer(reply, { photos: await Promise.all(look) }, signal);
    }
    const line = await this.#looker.line({ file, bytes: body }, options, signal);
    return answer(reply, line, signal);
  }

  async #lookAtUrl(url: string, options: DetectOptions, signal: AbortSignal) {
    try {
      const photo = await fetchPhoto(url, this.#limits, signal);
      return await this.#looker.lineOrError(photo, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { file: url, error: this.#looker.told(error) };
    }
  }

  /** @throws ServiceError 401 */
  #checkToken({ headers }: FastifyRequest): void {
    const { token } = this.#options;
    if (token === undefined) return;
    const digest = (text: string) => createHash("sha256").update(text).digest();
    const [, given = ""] = /^Bearer (.+)$/i.exec(headers.authorization ?? "") ?? [];
    if (timingSafeEqual(digest(given), digest(token))) return;
    throw new ServiceError(401, "TOKEN_WRONG", "send the header Authorization: Bearer TOKEN");
  }

  /** Counts a request when it has been answered, or its sender has gone. */
  #count(reply: FastifyReply): void {
    const start = performance.now();
    reply.raw.once("close", () => {
      const status = reply.raw.writableFinished ? reply.statusCode : 499;
      this.#metrics.requests.inc({ status });
      this.#metrics.seconds.observe({ part: "request" }, (performance.now() - start) / 1000);
    });
  }

  #fail(error: unknown, reply: FastifyReply) {
    const status = statusOfAny(error);
    if (status === 429 || status === 503) {
      reply.header("retry-after", this.#admission.retryAfter);
    }
    if (status === 401) reply.header("www-authenticate", "Bearer");
    // The rest of other bodies is read and dropped: senders who are cut off while they send do not see the answer.
    if (status === 408 || status === 503) reply.header("connection", "close");
    const known = status === 500 ? undefined : toldOf(error);
    return send(reply.code(status), { error: known ?? this.#looker.told(error) });
  }
}

/** @throws ServiceError 415 for a body that is compressed: photos are already */
function checkEncoding({ headers }: FastifyRequest): void {
  const encoding = headers["content-encoding"] ?? "identity";
  if (/^\s*identity\s*$/i.test(encoding)) return;
  throw new ServiceError(
    415,
    "ENCODING_UNSUPPORTED",
    `bodies are not unpacked: send it without Content-Encoding, not as ${encoding.slice(0, 100)}`,
  );
}

/** What was found, unless the time is over: then nobody would see to it that the answer is taken. @throws the signal's reason */
function answer(reply: FastifyReply, value: unknown, signal: AbortSignal) {
  signal.throwIfAborted();
  return send(reply, value);
}

function send(reply: FastifyReply, value: unknown) {
  return reply.type(JSON_TYPE).send(printableJson(value));
}

/** An error of the framework, which may be that of the query's schema. */
interface FrameworkError extends Error {
  readonly code?: string;
  readonly validation?: readonly {
    readonly keyword: string;
    readonly params: { readonly additionalProperty?: string };
  }[];
}

/** The framework's own errors bear their status. */
function statusOfAny(error: unknown): number {
  const { statusCode } = Object(error) as { statusCode?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) return statusCode;
  return statusOf(error);
}

function toldOf(error: unknown): { code: string; message: string } {
  const { code, message, validation } = error as FrameworkError;
  const unknown = validation?.find(({ keyword }) => keyword === "additionalProperties");
  if (unknown) {
    const names = Object.keys(QUERY.properties).join(", ");
    const { additionalProperty } = unknown.params;
    return { code: "OPTION_INVALID", message: `no "${additionalProperty}" is known: ${names}` };
  }
  const framework = code === undefined || code.startsWith("FST_");
  return { code: framework ? "OPTION_INVALID" : code, message };
}
