/** examples/scale: the manifest, the scripts of a cluster and of pipes, what joins shares, and BullMQ under harm. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { encodePng } from "../support/png-encoder.node.js";
import { repository } from "../support/repository.node.js";
import { skip } from "../support/skip.js";

const test = suite("scale");
const scale = path.join(repository, "examples/scale");
const main = path.join(repository, "packages/retinaface/bin/retinaface.mjs");

let folder = "";
let names: string[] = [];
test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "scale-"));
  const photo = encodePng({ width: 40, height: 30, depth: 8, colourType: 2, sample: (x) => x });
  names = ["a b.png", "no photo.png", "c.png"].map((name) => path.join(folder, name));
  for (const [i, name] of names.entries()) await writeFile(name, i === 1 ? "text" : photo);
  await writeFile(path.join(folder, "list"), `${names.join("\n")}\n`);
});
test.after(() => rm(folder, { recursive: true }));

const environment = { ...process.env, RETINAFACE: `${process.execPath} ${main}` };
const filesIn = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).file);

test("the Job is an Indexed one whose pods take a share each and go on where it was", () => {
  const job = parse(readFileSync(path.join(scale, "kubernetes/detect-job.yaml"), "utf8"));
  assert.equal([job.apiVersion, job.kind], ["batch/v1", "Job"]);
  const { completionMode, completions, parallelism, backoffLimitPerIndex, template } = job.spec;
  assert.is(completionMode, "Indexed");
  assert.ok(parallelism <= completions && backoffLimitPerIndex > 0);
  // Rules of a failure policy want that pods are not started again in place.
  assert.is(template.spec.restartPolicy, "Never");
  const [container] = template.spec.containers;
  assert.is(job.spec.podFailurePolicy.rules[0].onExitCodes.containerName, container.name);
  const [command] = container.args;
  assert.ok(command.includes(`--shard "$((JOB_COMPLETION_INDEX + 1))/${completions}"`), command);
  const mounts = container.volumeMounts.map(({ name }: { name: string }) => name);
  const volumes = template.spec.volumes.map(({ name }: { name: string }) => name);
  assert.equal(mounts, volumes);
  const { status, stderr } = spawnSync("sh", ["-n", "-c", command], { encoding: "utf8" });
  assert.is(status, 0, stderr);
});

// By its file: the classes that the package exports read every name themselves.
const models = path.join(repository, "bench/node_modules/kubernetes-models");
const schema = "the Job is as Kubernetes' schema has it, and has no name that it does not know";
if (!existsSync(models)) {
  skip(test, schema, "needs kubernetes-models: npm ci --prefix bench --ignore-scripts");
} else {
  test(schema, () => {
    const load = createRequire(import.meta.url);
    const { validate } = load(path.join(models, "_schemas/IoK8sApiBatchV1Job.js"));
    const job = () => parse(readFileSync(path.join(scale, "kubernetes/detect-job.yaml"), "utf8"));
    assert.equal(faultsOf(validate, job()), []);
    type Job = ReturnType<typeof job>;
    const spoilings: ((job: Job) => void)[] = [
      ({ spec }) => Object.assign(spec, { completions: "100" }),
      ({ spec }) => Object.assign(spec, { completionMode: "Index" }),
      ({ spec }) => Object.assign(spec, { backofLimitPerIndex: 5 }),
      ({ spec }) => Object.assign(spec.template.spec.containers[0], { volumeMount: [] }),
      ({ spec }) => Object.assign(spec.template.spec.containers[0], { command: "sh" }),
      ({ spec }) => delete spec.template,
    ];
    for (const spoil of spoilings) {
      const spoilt = job();
      spoil(spoilt);
      assert.ok(faultsOf(validate, spoilt).length > 0, String(spoil));
    }
  });
}

interface Validate {
  (value: unknown): boolean;
  readonly errors?: readonly { instancePath: string; keyword: string }[] | null;
}

/** What a schema objects to, and names that it does not look at: it would let these pass, a cluster drops them. */
function faultsOf(validate: Validate, value: object): string[] {
  const unread = new Set<string>();
  validate(watched(value, "", unread));
  const wrong = (validate.errors ?? []).map(({ instancePath, keyword }) => {
    return `${instancePath}: ${keyword}`;
  });
  return [...wrong, ...Array.from(unread, (place) => `${place} is not known`)];
}

/** The same value, which takes places out of `unread` as they are read. */
function watched(value: unknown, place: string, unread: Set<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const below = new Map(
    Object.entries(value).map(([name, each]) => {
      unread.add(`${place}/${name}`);
      return [name, watched(each, `${place}/${name}`, unread)];
    }),
  );
  return new Proxy(value, {
    get(target, name) {
      unread.delete(`${place}/${String(name)}`);
      return below.get(String(name)) ?? Reflect.get(target, name);
    },
  });
}

test("tasks of an array make up the list, which is joined in its order; a share that lacks is told", async () => {
  const script = path.join(scale, "slurm/detect.sbatch");
  const task = (id: string) =>
    spawnSync("bash", [script, path.join(folder, "list"), folder], {
      encoding: "utf8",
      env: { ...environment, SLURM_ARRAY_TASK_ID: id, SLURM_ARRAY_TASK_MAX: "2" },
    });
  assert.is(task("").status, 1);
  const [first, second] = ["1", "2"].map((id) => path.join(folder, `part-0000${id}.jsonl`));
  const out = path.join(folder, "faces.jsonl");
  const join = (...parts: string[]) =>
    spawnSync(
      process.execPath,
      [path.join(scale, "join.mjs"), path.join(folder, "list"), out, ...parts],
      {
        encoding: "utf8",
      },
    );
  const one = task("1");
  assert.is(one.status, 0, one.stderr);
  const half = join(first);
  assert.is(half.status, 1);
  assert.match(half.stderr, /1 of 3 photos lack, such as .*no photo\.png/);
  assert.is(task("2").status, 0, "a photo that fails has its line");
  assert.is(join(second, first, first).status, 0);
  const text = await readFile(out, "utf8");
  assert.equal(filesIn(text), names);
  assert.is(JSON.parse(text.split("\n")[1]).error.code, "IMAGE_UNSUPPORTED");
});

test("a pipe gives a line for each name", () => {
  const script = path.join(scale, "pipe/detect.sh");
  const input = `${names.join("\n")}\n`;
  const { status, stdout } = spawnSync("sh", [script], {
    input,
    encoding: "utf8",
    env: environment,
  });
  assert.is(status, 0);
  assert.equal(filesIn(stdout), names);
});

const harm = "two of four workers are killed and Redis is stopped: every photo has one line";
const lacks = !existsSync(path.join(scale, "bullmq/node_modules"))
  ? "not installed: npm ci --prefix examples/scale/bullmq"
  : spawnSync("redis-server", ["--version"]).status !== 0
    ? "there is no redis-server"
    : undefined;
if (lacks !== undefined) skip(test, harm, lacks);
else {
  test(harm, () => {
    const args = [path.join(scale, "bullmq/chaos.mjs"), "--photos", "24", "--part", "2"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.is(status, 0, stderr);
    const { lines, killed, redisStops, eachOnce } = JSON.parse(stdout);
    assert.equal([lines, killed, redisStops, eachOnce], [24, 2, 1, true]);
  });
}

test.run();
