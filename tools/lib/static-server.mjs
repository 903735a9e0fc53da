import { createServer } from "node:http";
import serveStatic from "serve-static";

/*
 * serve-static, of Express: `sirv` and `serve-handler` were tried as well and keep a file open for each client that leaves
 * in the middle (50 of 50), as they pipe a stream that nobody ends.
 */

/** Names of this machine. Any other is a page elsewhere whose name was made to lead here (DNS rebinding). */
const OWN_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/** What a page may load: its own files, WebAssembly, and what was made of the user's photos. */
const policy = (scripts) =>
  [
    "default-src 'self'",
    `script-src 'self' 'wasm-unsafe-eval'${scripts}`,
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

const headers = {
  "cache-control": "no-cache",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * Serves a folder read-only to this machine; its pages are cross-origin isolated. Files whose names begin with a dot are not
 * served.
 *
 * @param {string} folder
 * @param {number} [port] default a free one
 * @param {{inlineScripts?: boolean}} [options] inlineScripts: pages may have scripts in themselves
 * @returns {Promise<{origin: string, close(): Promise<void>}>}
 */
export async function serveFolder(folder, port = 0, { inlineScripts = false } = {}) {
  const files = serveStatic(folder, { cacheControl: false, dotfiles: "ignore" });
  const contentPolicy = policy(inlineScripts ? " 'unsafe-inline'" : "");
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader("content-security-policy", contentPolicy);
    const { host = "" } = request.headers;
    if (!OWN_HOST.test(host)) return refuse(response, 421, "open this page as localhost");
    if (!request.url.startsWith("/")) return refuse(response, 400, "this is no proxy");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return refuse(response, 405, "only GET and HEAD");
    }
    files(request, response, (error) => refuse(response, error?.status ?? 404, "not found"));
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    origin: `http://localhost:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

function refuse(response, status, text) {
  if (response.headersSent) return response.destroy();
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}
