import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";

const contentTypes = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/**
 * Serves a folder read-only to this machine.
 *
 * @param {string} folder
 * @param {number} [port] default a free one
 * @returns {Promise<{origin: string, close(): Promise<void>}>}
 */
export async function serveFolder(folder, port = 0) {
  const server = createServer((request, response) => {
    const file = locate(path.resolve(folder), request.url);
    if (request.method !== "GET" && request.method !== "HEAD") response.writeHead(405).end();
    else if (file === undefined) response.writeHead(404).end("not found");
    else if (file.redirect) response.writeHead(301, { location: file.redirect }).end();
    else send(response, file, request.method === "HEAD");
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

function send(response, { path: file, size }, headOnly) {
  const type = contentTypes[path.extname(file)] ?? "application/octet-stream";
  response.writeHead(200, {
    "content-type": type,
    "content-length": size,
    "cache-control": "no-cache",
  });
  if (headOnly) response.end();
  else
    createReadStream(file)
      .on("error", () => response.destroy())
      .pipe(response);
}

/** The file that a URL names, a folder's index.html, or where a folder without its slash leads. */
function locate(folder, url) {
  let pathname;
  try {
    pathname = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return undefined;
  }
  const file = path.join(folder, pathname);
  if (file !== folder && !file.startsWith(folder + path.sep)) return undefined;
  const info = stat(file);
  if (info?.isFile()) return { path: file, size: info.size };
  if (!info?.isDirectory()) return undefined;
  if (!pathname.endsWith("/")) return { redirect: `${pathname}/` };
  const index = path.join(file, "index.html");
  const size = stat(index)?.size;
  return size === undefined ? undefined : { path: index, size };
}

function stat(file) {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
