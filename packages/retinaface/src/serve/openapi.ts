import { DEFAULT_THRESHOLDS } from "../types.js";
import type { ServiceLimits } from "./limits.js";

const fraction = { type: "number", minimum: 0, maximum: 1 } as const;
/** Suppression compares candidates pair by pair: more of them would hold up everybody. */
const MOST_CANDIDATES = DEFAULT_THRESHOLDS.topK;
const count = { type: "integer", minimum: 1, maximum: MOST_CANDIDATES } as const;

/** What may be asked for in the URL, as a JSON schema; the words are those of `detect`. */
export const QUERY = {
  type: "object",
  additionalProperties: false,
  properties: {
    file: {
      type: "string",
      maxLength: 1000,
      description: "What a photo that is sent as the whole body is called in the answer.",
    },
    maxSide: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description: "Scale the long side down to this many pixels.",
    },
    confidenceThreshold: { ...fraction, description: "Candidates must score above this." },
    topK: { ...count, description: "Best candidates before suppression." },
    nmsThreshold: { ...fraction, description: "Overlap (IoU) above which the worse is dropped." },
    keepTopK: { ...count, description: "Most faces of a photo." },
    visThreshold: { ...fraction, description: "Least score of a face that is answered." },
    clip: { type: "boolean", description: "Cut boxes to the image." },
    truncated: {
      type: "string",
      enum: ["error", "show"],
      description: "Photos that are cut off: an error, or what there is.",
    },
  },
} as const;

const numbers = (length: number) => ({
  type: "array",
  items: { type: "number" },
  minItems: length,
  maxItems: length,
});

const SCHEMAS = {
  Face: {
    type: "object",
    required: ["box", "score"],
    properties: {
      box: { ...numbers(4), description: "x1, y1, x2, y2 in pixels of the upright photo." },
      score: fraction,
      landmarks: {
        type: "array",
        items: numbers(2),
        minItems: 5,
        maxItems: 5,
        description: "Left eye, right eye, nose, left and right corner of the mouth; the image's.",
      },
      label: { type: "integer", description: "The class, where the weights tell several." },
      values: { type: "object", description: "Numbers of further heads." },
    },
  },
  Photo: {
    type: "object",
    required: ["file", "width", "height", "faces"],
    properties: {
      file: { type: "string" },
      width: { type: "integer" },
      height: { type: "integer" },
      warnings: { type: "array", items: { type: "string" } },
      faces: { type: "array", items: { $ref: "#/components/schemas/Face" } },
    },
  },
  Error: {
    type: "object",
    required: ["error"],
    properties: {
      file: { type: "string" },
      error: {
        type: "object",
        required: ["code", "message"],
        properties: { code: { type: "string" }, message: { type: "string" } },
      },
    },
  },
  Photos: {
    type: "object",
    required: ["photos"],
    properties: {
      photos: {
        type: "array",
        items: {
          anyOf: [{ $ref: "#/components/schemas/Photo" }, { $ref: "#/components/schemas/Error" }],
        },
      },
    },
  },
};

const json = (name: keyof typeof SCHEMAS) => ({
  "application/json": { schema: { $ref: `#/components/schemas/${name}` } },
});
const refused = (description: string) => ({ description, content: json("Error") });
const refusedForNow = (description: string) => ({
  ...refused(description),
  headers: { "Retry-After": { schema: { type: "integer" }, description: "Seconds." } },
});

const PHOTOS = "A photo as the body: `Photo`. A form or addresses: `Photos`, in their order.";

function detectOperation({ maxBytes, maxPhotos, maxPixels, queue, seconds }: ServiceLimits) {
  const file = { type: "string", contentMediaType: "application/octet-stream" };
  const photos = { type: "array", items: file, maxItems: maxPhotos };
  const urls = { type: "array", items: { type: "string", format: "uri" }, maxItems: maxPhotos };
  const mebibytes = (maxBytes / 2 ** 20).toFixed(1);
  return {
    operationId: "detect",
    summary: "Find the faces of one photo, or of several.",
    parameters: Object.entries(QUERY.properties).map(([name, { description, ...schema }]) => ({
      name,
      in: "query",
      description,
      schema,
    })),
    requestBody: {
      required: true,
      description: `JPEG or PNG, at most ${maxPixels / 1e6} megapixels each, ${mebibytes} MiB together.`,
      content: {
        "image/*": { schema: {} },
        "application/octet-stream": { schema: {} },
        "multipart/form-data": { schema: { type: "object", properties: { photo: photos } } },
        "application/json": {
          schema: { type: "object", required: ["urls"], properties: { urls } },
        },
      },
    },
    responses: {
      200: {
        description: PHOTOS,
        content: {
          "application/json": {
            schema: {
              anyOf: [
                { $ref: "#/components/schemas/Photo" },
                { $ref: "#/components/schemas/Photos" },
              ],
            },
          },
        },
      },
      400: refused("The query, the form or the list cannot be read."),
      401: refused("The token is wrong or lacks."),
      403: refused("An address that is not fetched from."),
      408: refused("The body was not there in time."),
      413: refused("Too many bytes, photos or pixels."),
      415: refused("No JPEG or PNG, or a body with a Content-Encoding."),
      422: refused("A photo that is damaged or empty."),
      429: refusedForNow(`${queue} requests are under way.`),
      500: refused("The service failed."),
      503: refusedForNow(`No answer within ${seconds} s, or the service is being stopped.`),
    },
  };
}

const plain = (summary: string, type: string) => ({
  summary,
  responses: { 200: { description: "It does.", content: { [type]: { schema: {} } } } },
});

/** What the service can be asked, as an OpenAPI document. */
export function openApiDocument(limits: ServiceLimits, { token }: { readonly token: boolean }) {
  const security = token ? { security: [{ token: [] }] } : {};
  const scheme = { securitySchemes: { token: { type: "http", scheme: "bearer" } } };
  return {
    openapi: "3.1.0",
    info: {
      title: "retinaface",
      version: "1",
      description: "Faces and their five landmarks, in photos that are sent.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: {
      "/detect": { post: { ...detectOperation(limits), ...security } },
      "/health": { get: plain("Whether the process answers.", "application/json") },
      "/ready": {
        get: {
          ...plain("Whether it takes requests.", "application/json"),
          responses: {
            200: { description: "It does.", content: { "application/json": { schema: {} } } },
            503: refusedForNow("It is being stopped."),
          },
        },
      },
      "/metrics": { get: { ...plain("Counts for Prometheus.", "text/plain"), ...security } },
      "/openapi.json": { get: plain("This document.", "application/json") },
    },
    components: { schemas: SCHEMAS, ...(token && scheme) },
  };
}
