import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { skip } from "../support/skip.js";
import { serveFolder, startTestServer } from "../support/tools.node.js";

/* The development server is asked what no browser asks. */

const test = suite("static-server");
const outside = mkdtempSync(path.join(tmpdir(), "server-"));
const folder = path.join(outside, "site");
mkdirSync(path.join(folder, "finetune"), { recursive: true });
writeFileSync(path.join(folder, "index.html"), "<!doctype html>home");
writeFileSync(path.join(folder, "finetune/index.html"), "<!doctype html>finetune");
writeFileSync(path.join(folder, "app.js"), "export {};");
writeFileSync(path.join(folder, ".hidden"), "SECRET");
writeFileSync(path.join(outside, "secret.txt"), "SECRET");
writeFileSync(path.join(folder, "big.bin"), Buffer.alloc(8_000_000));
const server = await serveFolder(folder);
const port = Number(new URL(server.origin).port);
test.after(async () => {
  await server.close();
  rmSync(outside, { recursive: true });
});

/** Sends text as it is and returns the whole answer. */
function ask(text: string | Buffer, to = port): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(to, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setTimeout(3000, () => socket.destroy());
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

const get = (target: string, host = `localhost:${port}`) =>
  ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

test("files, folders and their slash, types", async () => {
  const page = await get("/");
  assert.is(statusOf(page), 200);
  assert.match(page, /content-type: text\/html; charset=utf-8/i);
  assert.match(page, "home");
  assert.match(await get("/finetune/"), "finetune");
  const moved = await get("/finetune");
  assert.is(statusOf(moved), 301);
  assert.match(moved, /\r\nlocation: \/finetune\/\r\n/i);
  assert.match(await get("/app.js"), /content-type: text\/javascript/i);
  assert.is(statusOf(await get("/absent")), 404);
  const host = `Host: localhost\r\nConnection: close\r\n\r\n`;
  assert.is(statusOf(await ask(`HEAD / HTTP/1.1\r\n${host}`)), 200);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"]) {
    assert.is(statusOf(await ask(`${method} / HTTP/1.1\r\n${host}`)), 405, method);
  }
});

test("every answer has the headers that keep pages apart", async () => {
  const answers = [await get("/"), await get("/absent"), await get("/", "evil.example")];
  for (const answer of answers) {
    for (const header of [
      /cross-origin-opener-policy: same-origin\r/i,
      /cross-origin-embedder-policy: require-corp\r/i,
      /cross-origin-resource-policy: same-origin\r/i,
      /x-content-type-options: nosniff\r/i,
      /content-security-policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; [^\r]*frame-ancestors 'none'\r/i,
    ]) {
      assert.match(answer, header);
    }
  }
});

test("another name for this machine is refused: DNS rebinding", async () => {
  const cases = [
    "evil.example",
    `evil.example:${port}`,
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "",
  ];
  for (const host of cases) {
    const answer = await get("/", host);
    assert.ok(statusOf(answer) === 421 || statusOf(answer) === 400, `${host}: ${answer}`);
    assert.not.match(answer, "home");
  }
  for (const host of ["localhost", "127.0.0.1", "[::1]", `LOCALHOST:${port}`]) {
    assert.is(statusOf(await get("/", host)), 200, host);
  }
});

test("no target leads out of the folder, to another host, or to the server's end", async () => {
  const targets = [
    "/%0d%0ax%2f..%2ffinetune",
    "/%2fevil.com%2f..%2ffinetune",
    "//evil.com/..%2ffinetune",
    "//evil.com/%2e%2e/finetune",
    "/\\evil.com/..\\finetune",
    "/..%2fsecret.txt",
    "/../secret.txt",
    "/finetune/%2e%2e/%2e%2e/secret.txt",
    "/..%5csecret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/.hidden",
    "/%2ehidden",
    "/%",
    "/%zz",
    "/%00",
    "/index.html%00.png",
    "*",
    "http://evil.com/finetune",
    "http://[",
    "?",
    `/${"a".repeat(4000)}`,
    `/${"../".repeat(500)}etc/passwd`,
  ];
  for (const target of targets) {
    const answer = await get(target);
    assert.ok(statusOf(answer) >= 200, `${target}: ${answer}`);
    assert.not.match(answer, "SECRET", target);
    const location = /\r\nlocation: ([^\r]*)/i.exec(answer)?.[1];
    if (location !== undefined) assert.match(location, /^\/(?![/\\])/, target);
  }
  assert.match(await get("/"), "home");
});

test("malformed requests and huge headers are answered or dropped", async () => {
  const requests = [
    "\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\nHost: localhost\nbad header\n\n",
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(100_000)}\r\n\r\n`,
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nzz",
    "GET /big.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=9-1,-,a-b\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nIf-Modified-Since: never\r\nConnection: close\r\n\r\n",
  ];
  const random = new Random(5);
  for (let i = 0; i < 20; i++) {
    requests.push(
      Buffer.from(Array.from({ length: 200 }, () => random.integer(0, 255))).toString("latin1"),
    );
  }
  const answers = await Promise.all(requests.map((text) => ask(Buffer.from(text, "latin1"))));
  for (const [i, answer] of answers.entries()) {
    if (/^HTTP\/1\.1 200/.test(answer)) assert.match(requests[i], /Host: localhost/, requests[i]);
  }
  assert.match(await get("/"), "home");
});

const OPEN_FILES = "/proc/self/fd";
if (existsSync(OPEN_FILES)) {
  test("clients that leave in the middle keep no file open", async () => {
    const leave = () =>
      new Promise<void>((resolve) => {
        const socket = net.connect(port, "127.0.0.1", () =>
          socket.write("GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        );
        socket.once("data", () => socket.destroy());
        socket.once("error", () => undefined);
        socket.once("close", () => resolve());
      });
    await leave();
    const before = readdirSync(OPEN_FILES).length;
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, leave));
    let open = Number.POSITIVE_INFINITY;
    for (let wait = 0; wait < 40 && open > before + 2; wait++) {
      await sleep(50);
      open = readdirSync(OPEN_FILES).length;
    }
    assert.ok(open <= before + 2, `${open} files are open after 200 clients, ${before} before`);
  });
} else {
  skip(test, "clients that leave in the middle keep no file open", `needs ${OPEN_FILES}`);
}

test("the test runner's server outlives what no page asks", async () => {
  const runner = await startTestServer(new Map(), folder);
  const { port: at } = new URL(runner.origin);
  for (const target of ["/shared/%zz", "//", "/shared/..%2f..%2fsecret.txt", "/%", "http://["]) {
    const answer = await ask(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      Number(at),
    );
    assert.ok(statusOf(answer) >= 400, `${target}: ${answer}`);
    assert.not.match(answer, "SECRET");
  }
  await runner.close();
});

test.run();
