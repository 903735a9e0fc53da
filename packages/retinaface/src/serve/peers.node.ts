import { RetinaFaceError } from "../errors.js";

/**
 * What a service is made of. These are optional: whoever only detects does not install them.
 *
 * @throws RetinaFaceError `SERVE_PACKAGES_MISSING`
 */
export async function loadPeers() {
  try {
    const [{ fastify }, { Busboy }, { default: metrics }] = await Promise.all([
      import("fastify"),
      import("@fastify/busboy"),
      import("prom-client"),
    ]);
    return { fastify, Busboy, metrics };
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new RetinaFaceError(
      "SERVE_PACKAGES_MISSING",
      "a service needs packages that detection does without: " +
        "npm install fastify @fastify/busboy prom-client",
      { cause },
    );
  }
}

/** What {@link loadPeers} gives. */
export type Peers = Awaited<ReturnType<typeof loadPeers>>;
