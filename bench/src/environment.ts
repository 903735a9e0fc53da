import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { AdapterDescription } from "@retinaface-webgpu/tensor";

/** The repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a result depends on besides the code. */
export interface Environment {
  readonly date: string;
  readonly adapter: AdapterDescription;
  readonly node: string;
  readonly webgpu: string;
  /** Abbreviated hash; `+` where files differ from it. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  /** Processes that wanted a core, averaged over the last minute, as the run began. */
  readonly loadAverage: number;
}

/** Describes this machine and this state of the code. */
export function describeEnvironment(adapter: AdapterDescription): Environment {
  return { adapter, ...describeMachine() };
}

/** As {@link describeEnvironment}, without an adapter. */
export function describeMachine(): Omit<Environment, "adapter"> {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    node: process.versions.node,
    webgpu: packageVersion(path.join(root, "node_modules/webgpu")),
    commit: commitName(),
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    loadAverage: Number(loadavg()[0].toFixed(2)),
  };
}

/** The version of an installed package; `unknown` where it cannot be read. */
export function packageVersion(folder: string): string {
  try {
    return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).version;
  } catch {
    return "unknown";
  }
}

function commitName(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    const hash = git("rev-parse", "--short", "HEAD").trim();
    const changed = git("status", "--porcelain", "--untracked-files=no").trim() !== "";
    return changed ? `${hash}+` : hash;
  } catch {
    return "unknown";
  }
}

/** One line a value, for the top of a table. */
export function formatEnvironment(environment: Environment): string {
  const { adapter, node, webgpu, commit, cpu, cores, loadAverage, date } = environment;
  const kind = adapter.software ? "software adapter" : "GPU";
  return [
    `adapter  ${adapter.name} (${kind}), webgpu ${webgpu}, Node ${node}`,
    `machine  ${cores} × ${cpu}, load average ${loadAverage}`,
    `code     ${commit}, ${date}`,
  ].join("\n");
}
