import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ConnectProxy, startConnectProxy } from "../../support/connect-proxy.node.js";
import { type Answer, breakAfter, sendRange, status } from "../../support/file-server.node.js";
import {
  assertPulled,
  body,
  type Place,
  PROXY_VARIABLES,
  sha256,
  withServer,
} from "../../support/pull-place.node.js";
import { rejectsCode } from "../../support/throws.js";

/* By the proxy that the environment names, and by no other way. */

const test = suite("pull through a proxy");
const MODULE = new URL("../../../../packages/retinaface/dist/weights/node.js", import.meta.url);

function setProxies(variables: Readonly<Record<string, string>>): void {
  for (const name of PROXY_VARIABLES) delete process.env[name];
  Object.assign(process.env, variables);
}

/** A server, a proxy on the way to it, and an environment of only the variables that `check` sets. */
function withProxy(
  answers: Answer[],
  check: (place: Place, proxy: ConnectProxy) => Promise<void>,
): Promise<void> {
  return withServer(answers, async (place) => {
    const proxy = await startConnectProxy();
    setProxies({});
    try {
      await check(place, proxy);
    } finally {
      setProxies({});
      await proxy.close();
    }
  });
}

const hostOf = ({ server }: Place) => new URL(server.url).host;

/** The registry with the file at another address. */
const at = (url: string) => ({
  registry: [{ name: "tiny", url, bytes: body.length, sha256, licence: "MIT" }],
});

for (const name of ["HTTP_PROXY", "http_proxy"]) {
  test(`${name} is the way to http, with and without a scheme`, () =>
    withProxy([sendRange], async (place, proxy) => {
      for (const scheme of ["http://", ""]) {
        setProxies({ [name]: scheme + proxy.host });
        await place.pull();
        await assertPulled(place);
        await rm(place.final);
      }
      assert.equal(proxy.asked, [hostOf(place), hostOf(place)]);
    }));
}

test("https goes by HTTPS_PROXY, else by HTTP_PROXY; http never by HTTPS_PROXY", () =>
  withProxy([sendRange], async (place, proxy) => {
    proxy.answer(403);
    const far = at("https://weights.example/file.pth");
    for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]) {
      setProxies({ [name]: `http://${proxy.host}` });
      await rejectsCode(place.pull(far), "PULL_PROXY", /answers 403: weights\.example/);
    }
    assert.equal(proxy.asked, new Array(4).fill("weights.example:443"));
    setProxies({ HTTPS_PROXY: `http://${proxy.host}` });
    await place.pull();
    await assertPulled(place);
    assert.is(proxy.asked.length, 4);
  }));

test("lower case counts before upper case, and empty is none", () =>
  withProxy([sendRange], async (place, proxy) => {
    setProxies({ HTTP_PROXY: "http://127.0.0.1:9", http_proxy: `http://${proxy.host}` });
    if (process.platform !== "win32") {
      await place.pull();
      assert.is(proxy.asked.length, 1);
    }
    setProxies({ HTTP_PROXY: " ", HTTPS_PROXY: "" });
    await place.pull();
    await assertPulled(place);
  }));

test("NO_PROXY: hosts, ports, several, everything; others still go by the proxy", () =>
  withProxy([sendRange], async (place, proxy) => {
    const host = hostOf(place);
    const cases = [
      ["127.0.0.1", 0],
      [host, 0],
      [`a.example, ${host} ,b`, 0],
      ["*", 0],
      ["127.0.0.1:9", 1],
      ["27.0.0.1", 1],
      ["a.example", 1],
    ] as const;
    for (const name of ["NO_PROXY", "no_proxy"]) {
      for (const [value, tunnels] of cases) {
        setProxies({ HTTP_PROXY: `http://${proxy.host}`, [name]: value });
        proxy.asked.length = 0;
        await place.pull();
        await assertPulled(place);
        assert.is(proxy.asked.length, tunnels, `${name}=${value}`);
        await rm(place.final);
      }
    }
  }));

test("goes on through the proxy where the connection broke", () =>
  withProxy([breakAfter(100_000), sendRange], async (place, proxy) => {
    setProxies({ HTTP_PROXY: proxy.host });
    await place.pull();
    await assertPulled(place);
    assert.is(proxy.asked.length, 2);
    const [first, second] = place.server.ranges;
    assert.is(first, undefined);
    assert.match(second ?? "", /^bytes=[1-9]\d*-$/);
  }));

test("a part of an earlier call is gone on with through the proxy", () =>
  withProxy([breakAfter(50_000)], async (place, proxy) => {
    await rejectsCode(place.pull({ retries: 0 }), "PULL_INTERRUPTED");
    setProxies({ HTTP_PROXY: proxy.host });
    place.server.answer(sendRange);
    await place.pull();
    await assertPulled(place);
    assert.match(place.server.ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
  }));

test("a proxy that refuses is told from the server, and not asked again", () =>
  withProxy([sendRange], async (place, proxy) => {
    setProxies({ HTTP_PROXY: `http://me:secret@${proxy.host}` });
    let asked = 0;
    for (const code of [403, 407, 400]) {
      proxy.answer(code);
      const message = new RegExp(`^The proxy answers ${code}.*HTTPS_PROXY.*NO_PROXY`);
      await rejectsCode(place.pull({ retryDelay: 5_000 }), "PULL_PROXY", message);
      assert.is(proxy.asked.length, ++asked);
    }
    proxy.answer(407);
    const error = await place.pull().catch((caught: Error) => caught);
    assert.not.match(String(error), "secret");
    assert.match(String(error), "asks for a name and a password");
    assert.is(place.server.ranges.length, 0);
    assert.equal(await place.files(), []);
    const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    assert.ok(proxy.credentials.every((sent) => sent === basic));
  }));

test("what the server refuses through a proxy is the server's", () =>
  withProxy([status(403)], async (place, proxy) => {
    setProxies({ HTTP_PROXY: proxy.host });
    await rejectsCode(place.pull(), "PULL_REFUSED", /403/);
    place.server.answer(status(404));
    await rejectsCode(place.pull(), "PULL_NOT_FOUND", /404/);
    assert.is(proxy.asked.length, 2);
  }));

test("a busy proxy is asked again, as is one that can not be reached", () =>
  withProxy([sendRange], async (place, proxy) => {
    setProxies({ HTTP_PROXY: proxy.host });
    proxy.answer(503, 502, 200);
    await place.pull();
    await assertPulled(place);
    assert.is(proxy.asked.length, 3);
    setProxies({ HTTPS_PROXY: "http://127.0.0.1:9" });
    const far = at("https://weights.example/file.pth");
    const message = /^The proxy 127\.0\.0\.1:9 can not be reached \(ECONNREFUSED\)/;
    const cacheDir = `${place.cacheDir}/other`;
    await rejectsCode(place.pull({ ...far, cacheDir, retries: 1 }), "PULL_PROXY", message);
    await rm(cacheDir, { recursive: true });
  }));

test("a variable that names no proxy", () =>
  withProxy([sendRange], async (place) => {
    for (const value of ["socks5://127.0.0.1:1", "http://[", "ftp://me:secret@host"]) {
      setProxies({ HTTP_PROXY: value });
      await rejectsCode(place.pull(), "PULL_PROXY", /^HTTP_PROXY does not name a proxy/);
      const error = await place.pull().catch((caught: Error) => caught);
      assert.not.match(String(error), "secret");
    }
    assert.is(place.server.ranges.length, 0);
  }));

test("the process ends by itself afterwards, and without a variable loads no undici", () =>
  withProxy([sendRange], async (place, proxy) => {
    const code = `
      const { pullWeights } = await import(${JSON.stringify(MODULE.href)});
      const registry = [{ name: "tiny", url: ${JSON.stringify(place.server.url)},
        bytes: ${body.length}, sha256: "${sha256}", licence: "MIT" }];
      await pullWeights("tiny", { cacheDir: ${JSON.stringify(place.cacheDir)}, registry });
      const { createRequire } = await import("node:module");
      const { cache } = createRequire(${JSON.stringify(fileURLToPath(MODULE))});
      console.log(Object.keys(cache).some((name) => name.includes("undici")));`;
    const run = async (variables: Record<string, string>) => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
        env: { ...process.env, ...variables },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const killed = setTimeout(() => child.kill("SIGKILL"), 20_000);
      let text = "";
      child.stdout.on("data", (data) => {
        text += data;
      });
      const [exit] = await once(child, "close");
      clearTimeout(killed);
      assert.is(exit, 0);
      return text.trim();
    };
    assert.is(await run({ HTTP_PROXY: proxy.host }), "true");
    await assertPulled(place);
    await rm(place.final);
    assert.is(await run({}), "false");
    await assertPulled(place);
    assert.is(proxy.asked.length, 1);
  }));

test.run();
