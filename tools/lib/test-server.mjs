import { createReadStream, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream";

/** The bundle that runs others in its page. */
export const COMPANY = "company.js";

/**
 * Serves test bundles from memory and the shared data folder read-only, on a free port of this machine.
 *
 * `/page/NAME.js` is a page that runs the bundle `/bundle/NAME.js`, `/company/` one that runs the bundle of that name, which
 * runs the others that its query asks for; `/shared/FILE` is a file of the shared folder, `/shared/FOLDER/` its sorted names as JSON, `/shared-exists/PATH` whether there is such a one.
 *
 * @param {Map<string, Uint8Array>} bundles by name
 * @param {string} sharedFolder may be absent
 * @returns {Promise<{origin: string, close(): Promise<void>}>}
 */
export async function startTestServer(bundles, sharedFolder) {
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [, area, ...rest] = pathname.split("/");
    const name = decodeURIComponent(rest.join("/"));
    if (area === "page") sendPage(response, rest.join("/"));
    else if (area === "company") sendPage(response, COMPANY);
    else if (area === "bundle" && bundles.has(name)) send(response, "js", bundles.get(name));
    else if (area === "shared") sendShared(response, within(sharedFolder, name));
    else if (area === "shared-exists") {
      const info = stat(within(sharedFolder, name));
      send(response, "json", JSON.stringify(info !== undefined));
    } else response.writeHead(pathname === "/favicon.ico" ? 204 : 404).end();
  };
  const server = createServer((request, response) => {
    try {
      answer(request, response);
    } catch {
      // A target that is no URL, or escapes in it that are none.
      response.writeHead(400).end();
    }
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

const contentTypes = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
};

function send(response, type, body) {
  response.writeHead(200, { "content-type": contentTypes[type] }).end(body);
}

function sendPage(response, encodedName) {
  const script = `<script type="module" src="/bundle/${encodedName}"></script>`;
  send(response, "html", `<!doctype html><title>Test</title>${encodedName === "" ? "" : script}`);
}

function sendShared(response, file) {
  const info = stat(file);
  if (info === undefined) response.writeHead(404).end();
  else if (info.isDirectory()) send(response, "json", JSON.stringify(listFolder(file)));
  else {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    pipeline(createReadStream(file), response, () => undefined);
  }
}

function listFolder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => entry.name + (entry.isDirectory() ? "/" : ""))
    .sort();
}

function stat(file) {
  return file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
}

/** The path of `name` in `folder`, or undefined where it would lead out of it. */
function within(folder, name) {
  const file = path.resolve(folder, name);
  return file === folder || file.startsWith(folder + path.sep) ? file : undefined;
}
