/** The parent's side of a child: asks, waits, and keeps it stopped in between. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Reply, Request } from "./serve.js";

/** A library that could not do what it was asked; the message is the reason to print. */
export class PeerError extends Error {
  readonly code = "PEER";
  override readonly name = "PeerError";
}

type Success = Extract<Reply, { ok: true }>;

/** The slowest first run of a peer takes a small part of this on a software adapter. */
const TIMEOUT_MILLISECONDS = 600_000;
const ERROR_CHARACTERS = 2000;

/**
 * A library in a process of its own. While it is not asked anything it is stopped (where the system knows
 * that signal): a live Dawn device polls, and would slow down whoever is being timed.
 */
export class Child {
  readonly #process: ChildProcess;
  #errors = "";
  #gone: string | undefined;

  /** @param script file beside this one @param environment on top of this process's own */
  constructor(script: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#process = fork(fileURLToPath(new URL(script, import.meta.url)), [...args], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...environment },
    });
    this.#process.stderr!.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-ERROR_CHARACTERS);
    });
    this.#process.once("exit", (code, signal) => {
      this.#gone = `its process ended (${signal ?? `exit code ${code}`})`;
    });
  }

  /** @throws PeerError when the library refuses, hangs or dies. */
  async ask(request: Request): Promise<Success> {
    if (this.#gone) throw new PeerError(this.#gone);
    this.#signal("SIGCONT");
    try {
      const reply = await this.#reply(request);
      if (!reply.ok) throw new PeerError(reply.reason);
      return reply;
    } finally {
      if (request.op !== "close") this.#signal("SIGSTOP");
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.#gone) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.ask({ op: "close" }).catch(() => undefined);
    const impatient = setTimeout(() => this.#process.kill("SIGKILL"), 2000);
    await ended;
    clearTimeout(impatient);
  }

  #reply(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const child = this.#process;
      const settle = (act: () => void) => {
        clearTimeout(timer);
        child.off("message", answered);
        child.off("exit", ended);
        act();
      };
      const answered = (reply: unknown) => settle(() => resolve(reply as Reply));
      const ended = (code: number | null, signal: string | null) => {
        const last = this.#errors.trim().split("\n").at(-1) ?? "";
        const how = signal ?? `exit code ${code}`;
        settle(() => reject(new PeerError(`its process ended (${how}) ${last}`.trim())));
      };
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        settle(() => reject(new PeerError(`no answer in ${TIMEOUT_MILLISECONDS / 1000} s`)));
      }, TIMEOUT_MILLISECONDS);
      child.on("message", answered);
      child.once("exit", ended);
      child.send(request);
    });
  }

  #signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (process.platform !== "win32" && !this.#gone) this.#process.kill(signal);
  }
}
