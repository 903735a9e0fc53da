import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importTool, repository, temporaryFolder } from "../support/repository.node.js";

interface Plan {
  automatic: boolean;
  script: string;
  advice: string;
}
interface System {
  platform: string;
  os: Record<string, string>;
  isRoot: boolean;
  hasApt: boolean;
}
const { parseOsRelease, softwareAdapterPlan, chromiumPlan } = await importTool<{
  parseOsRelease(text: string): Record<string, string>;
  softwareAdapterPlan(system: System): Plan;
  chromiumPlan(system: System): Plan;
}>("tools/lib/system-packages.mjs");
const { packagesInstalled } = await importTool<{ packagesInstalled(folder: string): boolean }>(
  "tools/lib/install.mjs",
);
const { findChromium } = await importTool<{
  findChromium(environment: Record<string, string>): string | undefined;
}>("tools/lib/chromium.mjs");

const debian12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';
const debian13 = 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n';
const ubuntu = "ID=ubuntu\nID_LIKE=debian\nVERSION_ID='24.04'\n";

function linux(release: string, isRoot = true): System {
  return { platform: "linux", os: parseOsRelease(release), isRoot, hasApt: true };
}

async function inFolder(action: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = temporaryFolder("setup");
  try {
    await action(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("os-release is read with and without quotes", () => {
  assert.equal(parseOsRelease(ubuntu), { ID: "ubuntu", ID_LIKE: "debian", VERSION_ID: "24.04" });
});

test("Debian 12 takes Mesa from backports, newer systems their own", () => {
  const old = softwareAdapterPlan(linux(debian12));
  assert.ok(old.automatic);
  assert.match(old.script, "bookworm-backports main");
  assert.match(old.script, "-t bookworm-backports mesa-vulkan-drivers libvulkan1");
  for (const release of [debian13, ubuntu]) {
    const plan = softwareAdapterPlan(linux(release));
    assert.ok(plan.automatic);
    assert.not.match(plan.script, "backports");
    assert.match(plan.script, "install -y --no-install-recommends mesa-vulkan-drivers libvulkan1");
  }
});

test("without root, without apt and elsewhere a person is told what to do", () => {
  const user = softwareAdapterPlan(linux(debian12, false));
  assert.not(user.automatic);
  assert.is(user.advice, `run: sudo sh -c "${user.script}"`);
  assert.not.match(user.script, '"');
  assert.not(softwareAdapterPlan({ ...linux(debian12), hasApt: false }).automatic);
  assert.match(softwareAdapterPlan(linux("ID=fedora\n")).advice, "dnf install");
  const mac = { platform: "darwin", os: {}, isRoot: false, hasApt: false };
  assert.match(softwareAdapterPlan(mac).advice, "graphics driver");
});

test("Chromium comes from apt on Debian, and not from Ubuntu's transitional package", () => {
  assert.match(chromiumPlan(linux(debian12)).script, /install -y .* chromium$/);
  const plan = chromiumPlan(linux(ubuntu));
  assert.not(plan.automatic);
  assert.match(plan.advice, "snap install chromium");
});

test("CHROME_PATH goes before PATH and must be a program", () =>
  inFolder((folder) => {
    const program = path.join(folder, "chromium");
    writeFileSync(program, "", { mode: 0o755 });
    writeFileSync(path.join(folder, "notes.txt"), "");
    assert.is(findChromium({ PATH: `/nowhere:${folder}` }), program);
    assert.is(findChromium({ CHROME_PATH: program, PATH: "" }), program);
    assert.is(
      findChromium({ CHROME_PATH: path.join(folder, "notes.txt"), PATH: folder }),
      undefined,
    );
  }));

test("installed packages are compared with the lock file by content", () =>
  inFolder((folder) => {
    const write = (file: string, packages: object) =>
      writeFileSync(path.join(folder, file), JSON.stringify({ packages }));
    const a = { version: "1.0.0", integrity: "sha512-a" };
    const locked = {
      "": { name: "root" },
      "packages/tensor": { version: "0.1.0" },
      "node_modules/a": a,
      "node_modules/other-platform": { version: "2.0.0", optional: true },
    };
    write("package-lock.json", locked);
    assert.not(packagesInstalled(folder), "no node_modules");
    writeInstalled(folder, { "node_modules/a": a });
    assert.ok(packagesInstalled(folder));
    writeInstalled(folder, { "node_modules/a": { ...a, version: "0.9.0" } });
    assert.not(packagesInstalled(folder), "an older version");
    writeInstalled(folder, {});
    assert.not(packagesInstalled(folder), "a missing package");
  }));

function writeInstalled(folder: string, packages: object): void {
  const installed = path.join(folder, "node_modules");
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed);
  writeFileSync(path.join(installed, ".package-lock.json"), JSON.stringify({ packages }));
}

/** Runs a process that appends "<" and, a little later, ">" to a file while it holds the lock. */
function lockHolder(folder: string, crash: boolean): Promise<number | null> {
  const script = `
    import { appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(path.join(repository, "tools/lib/lock.mjs"))};
    await withLock(${JSON.stringify(path.join(folder, "lock"))}, "testing", async () => {
      appendFileSync(${JSON.stringify(path.join(folder, "log"))}, "<");
      if (${crash}) process.kill(process.pid, "SIGKILL");
      await sleep(60);
      appendFileSync(${JSON.stringify(path.join(folder, "log"))}, ">");
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  return new Promise((resolve) => child.on("close", resolve));
}

test("the lock lets one process in at a time and passes over one that died", () =>
  inFolder(async (folder) => {
    assert.is(await lockHolder(folder, true), null);
    const codes = await Promise.all([1, 2, 3, 4].map(() => lockHolder(folder, false)));
    assert.equal(codes, [0, 0, 0, 0]);
    assert.is(readFileSync(path.join(folder, "log"), "utf8"), "<<><><><>");
  }));

test("what only runs networks forward asks for nothing of the system", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8"));
  for (const name of ["detect", "evaluate", "tune", "compare", "demo"]) {
    assert.match(scripts[name], /^node tools\/setup\.mjs --no-adapter &&/);
  }
  for (const name of ["train", "bench", "test:node"]) {
    assert.match(scripts[name], /^node tools\/setup\.mjs &&/);
  }
});

test.run();
