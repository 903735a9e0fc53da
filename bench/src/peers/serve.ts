/** The child's side of the comparison: one library, asked over IPC. */

/** Work that is ready: every run does it once, from host memory to host memory. */
export interface Runner {
  /** The outputs, in the same order from every library, in its own layout. */
  run(): Promise<Float32Array[]>;
  /** The answer that is compared, NHWC, where that takes more than a run. */
  check?(): Promise<Float32Array[]>;
  release(): Promise<void> | void;
}

/** A library. */
export interface Peer {
  readonly version: string;
  /** @throws Error saying why where the library cannot do it. */
  prepare(task: string): Promise<Runner>;
  close(): Promise<void> | void;
}

export type Request =
  | { readonly op: "open"; readonly weights: string }
  | { readonly op: "prepare" | "run" | "release"; readonly task: string }
  | { readonly op: "close" };

export type Reply =
  | {
      readonly ok: true;
      readonly milliseconds: number;
      readonly outputs?: Float32Array[];
      readonly version?: string;
    }
  | { readonly ok: false; readonly reason: string };

/** Answers the parent's requests until it closes. @param open makes the library ready */
export function serve(open: (weights: string) => Promise<Peer>): void {
  let peer: Peer | undefined;
  const runners = new Map<string, Runner>();

  async function answer(request: Request): Promise<Reply> {
    const start = performance.now();
    const done = (more: Partial<Reply> = {}): Reply => {
      return { ok: true, milliseconds: performance.now() - start, ...more } as Reply;
    };
    if (request.op === "open") {
      peer = await open(request.weights);
      return done({ version: peer.version });
    }
    if (request.op === "close") {
      for (const runner of runners.values()) await runner.release();
      await peer?.close();
      return done();
    }
    const { task } = request;
    if (request.op === "prepare") {
      const runner = await peer!.prepare(task);
      runners.set(task, runner);
      const outputs = await (runner.check ?? runner.run)();
      return done({ outputs });
    }
    const runner = runners.get(task)!;
    if (request.op === "release") {
      await runner.release();
      runners.delete(task);
      return done();
    }
    await runner.run();
    return done();
  }

  process.on("message", async (request: Request) => {
    const reply = await answer(request).catch((error): Reply => {
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, reason: reason.split("\n")[0].slice(0, 300) };
    });
    process.send?.(reply, undefined, undefined, () => {
      if (request.op === "close") process.disconnect?.();
    });
  });
}
