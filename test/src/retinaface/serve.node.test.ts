/** `createService`: what it answers, what it refuses, and that nobody can keep it from answering. */
import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type Face, toRawImage } from "retinaface-webgpu";
import {
  createService,
  DEFAULT_LIMITS,
  type Service,
  type ServiceOptions,
} from "retinaface-webgpu/serve";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Admission } from "../../../packages/retinaface/dist/serve/admission.node.js";
import { start as startProcess } from "../support/command.node.js";
import { encodePng } from "../support/png-encoder.node.js";
import { faceAt } from "../support/track-sequences.js";

const test = suite("serve");

const place = (name: string) =>
  fileURLToPath(new URL(`../../../packages/${name}`, import.meta.url));
const MAIN = place("retinaface/dist/cli/main.js");
/** As it is published. */
const PROGRAM = place("retinaface/dist/program/main.js");
const SAMPLE = place("retinaface/assets/sample.png");
const FACE = faceAt([10.004, 8, 30, 28], 0.9);
const picture = (width: number, height = 30) =>
  encodePng({ width, height, depth: 8, colourType: 2, sample: (x) => x });
const PHOTO = picture(40);
/** Photos this wide are looked at until they are given up. */
const ENDLESS = picture(77);

const detect: ServiceOptions["detector"]["detect"] = ({ width }, { signal }) => {
  if (width !== 77) return Promise.resolve<Face[]>([FACE]);
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
};

interface Running {
  readonly url: string;
  readonly service: Service;
  readonly notes: string[];
}

/** Machines that have much else to do are slow without being asked to be. */
const PATIENT = { seconds: 200, bodySeconds: 200 };
const running: Service[] = [];
async function start(options: Partial<ServiceOptions> = {}): Promise<Running> {
  const notes: string[] = [];
  const onNote = (text: string) => void notes.push(text);
  const parts = { detector: { detect }, decoders: 0, onNote };
  const limits = { ...PATIENT, ...options.limits };
  const service = await createService({ ...parts, ...options, limits });
  running.push(service);
  return { service, notes, url: await service.listen({ port: 0 }) };
}

let plain: Running;
test.before(async () => {
  plain = await start();
});
test.after(async () => {
  for (const service of running) await service.close(0.01);
});

type Body = string | Uint8Array | FormData;
async function post(
  { url }: Pick<Running, "url">,
  body: Body,
  more: { query?: string; headers?: object } = {},
) {
  const { query = "", headers = {} } = more;
  const init = { method: "POST", body: body as BodyInit, headers: headers as HeadersInit };
  const response = await fetch(`${url}/detect${query}`, init);
  return { status: response.status, headers: response.headers, json: await response.json() };
}
const codeOf = ({ status, json }: { status: number; json: { error?: { code: string } } }) =>
  `${status} ${json.error?.code}`;

function formOf(...files: readonly (readonly [string, Uint8Array])[]): FormData {
  const form = new FormData();
  for (const [name, bytes] of files) form.append("photo", new Blob([bytes as BlobPart]), name);
  return form;
}

async function answers(service: Running): Promise<void> {
  assert.is((await fetch(`${service.url}/health`)).status, 200);
  assert.is((await post(service, PHOTO)).status, 200);
}

/** The metrics, once so many requests are under way. */
async function untilUnderWay({ url }: Running, count: number): Promise<string> {
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (metrics.includes(`retinaface_requests_under_way ${count}\n`)) return metrics;
    await sleep(5);
  }
}

/** A connection that writes what it is told, and all that comes back until it ends. */
function dial({ url }: Running): { socket: Socket; answer: Promise<string> } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  return { socket, answer: textOf(socket).catch(() => "") };
}
const HEAD = "POST /detect HTTP/1.1\r\nHost: x\r\n";

test("its document is valid OpenAPI, its paths are there, and answers are as it says", async () => {
  const { valid, errors } = await new Validator().validate({ ...plain.service.document });
  assert.ok(valid, JSON.stringify(errors));
  const document = await (await fetch(`${plain.url}/openapi.json`)).json();
  const schemas = { $id: "x:", ...document };
  const ajv = new Ajv2020({ strict: false, formats: { uri: true } }).addSchema(schemas);
  const checkOf = (name: string) => ajv.compile({ $ref: `x:#/components/schemas/${name}` });
  const fits = (name: string, value: unknown) => {
    const check = checkOf(name);
    assert.ok(check(value), JSON.stringify([value, check.errors]));
  };
  const paths = Object.keys(document.paths);
  for (const path of paths.filter((path) => path !== "/detect")) {
    assert.is((await fetch(plain.url + path)).status, 200, path);
  }
  fits("Photo", (await post(plain, PHOTO)).json);
  fits("Error", (await post(plain, "no photo")).json);
  fits("Photos", (await post(plain, formOf(["a.png", PHOTO], ["b", new Uint8Array(9)]))).json);
  assert.not(checkOf("Photo")({ file: "a", faces: [] }));
  const metrics = await (await fetch(`${plain.url}/metrics`)).text();
  assert.match(metrics, /retinaface_photos_total\{outcome="IMAGE_UNSUPPORTED"\} 2/);
  assert.match(metrics, /retinaface_requests_total\{status="415"\} 1/);
});

test("a photo is answered as a line of detect, each of a form under its own name", async () => {
  const { json } = await post(plain, PHOTO, { query: "?file=a/b.png&visThreshold=0.5" });
  assert.equal([json.file, json.width, json.height], ["a/b.png", 40, 30]);
  assert.equal(json.faces[0].box, [10, 8, 30, 28]);
  const names = ["../../etc/passwd", "C:\\x\\é.png", "\u001b[2J", "/abs/..", "a".repeat(300)];
  const sent = await post(plain, formOf(...names.map((name) => [name, PHOTO] as const)));
  const files = sent.json.photos.map(({ file }: { file: string }) => file);
  assert.equal(files, ["passwd", "é.png", "\u001b[2J", "", "a".repeat(300)]);
});

test("what it cannot take is refused by a code, and it answers on", async () => {
  const limits = { maxBytes: 4000, maxPhotos: 2, maxPixels: 2000 };
  const small = await start({ limits });
  const large = new Uint8Array(4001);
  const three = formOf(["a", PHOTO], ["b", PHOTO], ["c", PHOTO]);
  const field = new FormData();
  field.append("photo", "text");
  const json = { headers: { "content-type": "application/json" } };
  const form = { headers: { "content-type": "multipart/form-data; boundary=x" } };
  const unbounded = { headers: { "content-type": "multipart/form-data" } };
  const cases: [string, Body, object][] = [
    ["413 BODY_TOO_LARGE", large, {}],
    ["413 TOO_MANY_PHOTOS", three, {}],
    ["413 IMAGE_TOO_LARGE", picture(50, 50), {}],
    ["415 IMAGE_UNSUPPORTED", "text", {}],
    ["422 IMAGE_EMPTY", "", {}],
    ["422 IMAGE_CORRUPT", PHOTO.subarray(0, PHOTO.length - 30), {}],
    ["400 OPTION_INVALID", PHOTO, { query: "?maxside=3" }],
    ["400 OPTION_INVALID", PHOTO, { query: "?topK=1000000" }],
    ["400 OPTION_INVALID", PHOTO, { query: "?visThreshold=x" }],
    ["400 FORM_MALFORMED", field, {}],
    ["400 FORM_MALFORMED", "--x\r\n", form],
    ["400 FORM_MALFORMED", "--x--\r\n", form],
    ["400 FORM_MALFORMED", "x", unbounded],
    ["403 URLS_NOT_ALLOWED", '{"urls":["http://127.0.0.1/"]}', json],
    ["415 ENCODING_UNSUPPORTED", PHOTO, { headers: { "content-encoding": "gzip" } }],
    ["400 OPTION_INVALID", PHOTO, { query: "?maxSide=9&maxSide=8" }],
    ["400 OPTION_INVALID", PHOTO, { query: "?__proto__=1" }],
  ];
  for (const [expected, body, more] of cases) {
    assert.is(codeOf(await post(small, body, more)), expected, `${expected} ${body}`);
  }
  assert.is((await fetch(`${small.url}/detect`)).status, 404);
  assert.is((await fetch(`${small.url}/../../etc/passwd`)).status, 404);
  await answers(small);
  assert.equal(small.notes, []);
});

test("a form cut off anywhere is refused", async () => {
  const request = new Request(plain.url, { method: "POST", body: formOf(["a.png", PHOTO]) });
  const headers = { "content-type": request.headers.get("content-type") as string };
  const whole = new Uint8Array(await request.arrayBuffer());
  assert.is((await post(plain, whole, { headers })).status, 200);
  for (let length = 0; length < whole.length - 4; length += 41) {
    const { status } = await post(plain, whole.subarray(0, length), { headers });
    assert.is(status, 400, `${length} of ${whole.length}`);
  }
});

test("a fault of its own is told to who runs it, and not to the sender", async () => {
  const broken = await start({
    detector: { detect: () => Promise.reject(new Error("secret path")) },
  });
  const { status, json } = await post(broken, PHOTO);
  assert.equal([status, json.error.code], [500, "INTERNAL"]);
  assert.not.match(json.error.message, /secret/);
  assert.match(broken.notes.join(), /secret path/);
});

test("who is too many is told when to come again; who leaves makes room", async () => {
  const small = await start({ limits: { queue: 1 } });
  const left = dial(small);
  left.socket.write(`${HEAD}Content-Length: ${ENDLESS.length}\r\n\r\n`);
  left.socket.write(ENDLESS);
  await untilUnderWay(small, 1);
  const refused = await post(small, PHOTO);
  assert.is(codeOf(refused), "429 BUSY");
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  left.socket.destroy();
  const metrics = await untilUnderWay(small, 0);
  assert.match(metrics, /retinaface_requests_total\{status="499"\} 1/);
  assert.match(metrics, /retinaface_requests_total\{status="429"\} 1/);
  const huge = dial(small);
  huge.socket.write(`${HEAD}Content-Length: ${10 ** 12}\r\n\r\nx`);
  const [head] = await once(huge.socket, "data");
  assert.match(String(head), /^HTTP\/1.1 413 /, "it does not wait for the body");
  huge.socket.destroy();
  await untilUnderWay(small, 0);
  await answers(small);
});

test("who is too slow is answered all the same", async () => {
  const hasty = await start({ limits: { bodySeconds: 0.5 } });
  const slow = dial(hasty);
  slow.socket.write(`${HEAD}Content-Length: 1000\r\n\r\nx`);
  const patient = await start({ limits: { seconds: 1.5 } });
  const late = post(patient, ENDLESS);
  assert.match(await slow.answer, /^HTTP\/1.1 408 .*TIME_IS_UP/s);
  const given = await late;
  assert.is(codeOf(given), "503 TIME_IS_UP");
  assert.ok(Number(given.headers.get("retry-after")) >= 1);
  assert.is((await fetch(`${hasty.url}/health`)).status, 200);
});

test("who leaves while the photo is being sent makes room", async () => {
  const small = await start({ limits: { queue: 1 } });
  const left = dial(small);
  left.socket.write(`${HEAD}Content-Length: ${PHOTO.length}\r\n\r\n`);
  left.socket.write(PHOTO.subarray(0, 20));
  await untilUnderWay(small, 1);
  left.socket.destroy();
  assert.match(await untilUnderWay(small, 0), /retinaface_requests_total\{status="499"\} 1/);
  await answers(small);
});

test("when the time is over an answer that is not taken is cut off, and none is begun", async () => {
  const admission = new Admission({ ...DEFAULT_LIMITS, seconds: 0.01 });
  const response = (headersSent: boolean) => {
    const events = new EventEmitter();
    const destroy = () => events.emit("close");
    return Object.assign(events, { headersSent, destroy }) as unknown as ServerResponse;
  };
  const deaf = response(true);
  admission.enter(deaf);
  assert.is(admission.admitted, 1);
  await once(deaf, "close");
  assert.is(admission.admitted, 0);
  const { signal } = admission.enter(response(false));
  await once(signal, "abort");
  assert.is(admission.admitted, 1, "it is told so first");
  const late: ServiceOptions["detector"]["detect"] = (_, { signal }) =>
    new Promise((resolve) => {
      signal?.addEventListener("abort", () => setImmediate(resolve, [FACE]));
    });
  const slow = await start({ detector: { detect: late }, limits: { seconds: 1.5 } });
  assert.is(codeOf(await post(slow, PHOTO)), "503 TIME_IS_UP");
});

test("a thousand connections, silent or halfway through, leave it answering", async () => {
  const crowded = await start({ limits: { queue: 100, connections: 1010 } });
  const dialled = Array.from({ length: 1000 }, () => dial(crowded));
  await Promise.all(dialled.map(({ socket }) => new Promise((done) => socket.on("connect", done))));
  for (const [i, { socket }] of dialled.entries()) {
    if (i % 3 === 1) socket.write("POST /detect HTT");
    if (i % 3 === 2) socket.write("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    if (i % 12 === 0) socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`);
  }
  await answers(crowded);
  for (const { socket } of dialled) socket.destroy();
  await answers(crowded);
});

test("with a token only who bears it is answered", async () => {
  const token = "0123456789abcdef";
  const closed = await start({ token });
  const bear = (value: string) => ({ headers: { authorization: value } });
  assert.is(codeOf(await post(closed, PHOTO)), "401 TOKEN_WRONG");
  assert.is(codeOf(await post(closed, PHOTO, bear(`Bearer ${token}x`))), "401 TOKEN_WRONG");
  assert.is((await post(closed, PHOTO, bear(`Bearer ${token}`))).status, 200);
  assert.is((await fetch(`${closed.url}/metrics`)).status, 401);
  assert.is((await fetch(`${closed.url}/health`)).status, 200);
});

test("photos are fetched from where it is allowed, and from nowhere else", async () => {
  const asked: string[] = [];
  const photos = createServer(({ url = "" }, response) => {
    asked.push(url);
    if (url === "/a/moved") response.writeHead(302, { location: "/b/secret" });
    if (url === "/a/absent") response.statusCode = 404;
    response.end(PHOTO);
  });
  await new Promise<void>((resolve) => photos.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(photos.address() as AddressInfo).port}`;
  const open = await start({ allowUrls: [`${origin}/a/`] });
  const ask = (...urls: unknown[]) =>
    post(open, JSON.stringify({ urls }), { headers: { "content-type": "application/json" } });
  const { json } = await ask(`${origin}/a/x.png`, `${origin}/a/moved`, `${origin}/a/absent`);
  assert.is(json.photos[0].width, 40);
  const codes = json.photos.slice(1).map(({ error }: { error: { code: string } }) => error.code);
  assert.equal(codes, ["URL_FAILED", "URL_FAILED"]);
  asked.length = 0;
  const host = origin.slice("http://".length);
  for (const url of [
    `${origin}/b/secret`,
    `${origin}/a/../b/secret`,
    `${origin}/a/%2e%2e/b/secret`,
    `http://user@${host}/a/x.png`,
    `http://localhost:${host.split(":")[1]}/a/x.png`,
    "file:///etc/passwd",
    "x",
  ]) {
    assert.is(codeOf(await ask(`${origin}/a/x.png`, url)), "403 URLS_NOT_ALLOWED", url);
  }
  assert.is(codeOf(await ask(7)), "400 OPTION_INVALID");
  assert.is(codeOf(await ask()), "400 OPTION_INVALID");
  assert.equal(asked, [], "none is fetched where one is refused");
  await new Promise((resolve) => photos.close(resolve));
});

test("options that make no service are errors", async () => {
  const made = (options: Partial<ServiceOptions>) =>
    createService({ detector: { detect }, ...options });
  for (const options of [
    { limits: { queue: 0 } },
    { limits: { pixels: 3 } as object },
    { token: "short" },
    { allowUrls: ["http://x/a"] },
    { allowUrls: ["ftp://x/"] },
  ]) {
    const error = await made(options).catch((error) => error);
    assert.is(error.code, "OPTION_INVALID", JSON.stringify(options));
  }
});

test("stopped, it answers what is under way, and gives up what takes too long", async () => {
  const first = await start({ detector: { detect: () => sleep(500, [FACE]) } });
  const under = post(first, PHOTO);
  await untilUnderWay(first, 1);
  const closing = first.service.close(20);
  assert.is((await under).status, 200);
  assert.is(await closing, true);
  assert.is(await fetch(`${first.url}/health`).catch(() => "closed"), "closed");
  const second = await start();
  const endless = post(second, ENDLESS).catch((error) => error);
  await untilUnderWay(second, 1);
  assert.is(await second.service.close(0.1), false);
  assert.instance(await endless, Error);
});

test("without the packages that it is made of the command says what to install", async () => {
  const hook = `export async function resolve(name, context, next) {
    if (name !== "fastify") return next(name, context);
    throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
  }`;
  const asModule = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(asModule(hook))});`;
  const args = ["--import", asModule(register), PROGRAM, "serve", "--port", "0"];
  const { code, stdout, stderr } = await startProcess(process.execPath, args).ended;
  assert.equal([code, stdout], [2, ""]);
  assert.match(stderr, /npm install fastify @fastify\/busboy prom-client.*SERVE_PACKAGES_MISSING/s);
});

test("the command answers as detect prints, and ends in order at SIGTERM", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "serve-"));
  const file = path.join(folder, "face.png");
  const { data, width, height } = await toRawImage(SAMPLE, { maxSide: 200 });
  const sample = (x: number, y: number, c: number) => data[(y * width + x) * 4 + c];
  await writeFile(file, encodePng({ width, height, depth: 8, colourType: 2, sample }));
  const engine = ["--backend", "wasm", "--threads", "1"];
  const { child, ended } = startProcess(process.execPath, [
    MAIN,
    "serve",
    "--port",
    "0",
    ...["--time-limit", "200", "--body-time", "200"],
    ...engine,
  ]);
  const detected = startProcess(process.execPath, [MAIN, "detect", ...engine, file]).ended;
  const [line] = await once(child.stdout as Readable, "data");
  const command = { url: JSON.parse(line).listening };
  assert.match(command.url, /^http:\/\/127\.0\.0\.1:/);
  const bytes = await readFile(file);
  const printed = JSON.parse((await detected).stdout);
  assert.ok(printed.faces.length > 0);
  const under = post(command, formOf(["face.png", bytes]));
  const query = `?file=${encodeURIComponent(file)}`;
  assert.equal((await post(command, bytes, { query })).json, printed);
  assert.equal((await under).json, { photos: [{ ...printed, file: "face.png" }] });
  child.kill("SIGTERM");
  assert.is((await ended).code, 0);
  await rm(folder, { recursive: true });
});

test.run();
