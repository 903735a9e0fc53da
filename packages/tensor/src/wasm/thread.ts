/** What the engine's threads do, and what is said to them. */

/** Bytes to put into memory before a run. */
export interface Write {
  readonly at: number;
  readonly data: Uint8Array;
}

/** Bytes to take out of it afterwards. */
export interface Read {
  readonly at: number;
  readonly bytes: number;
}

/** The first message to a thread. */
export interface Start {
  readonly kind: "start";
  readonly module: WebAssembly.Module;
  /** The memory that all threads share; a thread that is given none makes its own. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly pages: number;
  readonly maximum: number;
}

/** A program to take part in. `writes` and `reads` are for a thread with a memory of its own. */
export interface Run {
  readonly kind: "run";
  readonly program: number;
  readonly team: number;
  readonly thread: number;
  readonly threads: number;
  /** Pages that the memory must have. */
  readonly pages: number;
  readonly writes: readonly Write[];
  readonly reads: readonly Read[];
}

/** A thread's answer: once when it has started, then after each run. */
export interface Answer {
  readonly results: readonly ArrayBuffer[];
  /** What went wrong; `memory` where there is not as much as was asked for. */
  readonly error?: string;
  readonly outOfMemory?: boolean;
}

/** How a thread hears and answers. */
export interface Port {
  post(message: Answer, transfer?: readonly ArrayBuffer[]): void;
  listen(onMessage: (message: Start | Run) => void): void;
}

/**
 * The program of a thread. It is handed over as text, so it uses nothing from outside itself. That it blocks while others
 * work is why it is a thread: a page's own may not.
 */
export function threadProgram(port: Port): void {
  let memory: WebAssembly.Memory;
  let exports: { run(program: number, team: number, thread: number, threads: number): void };

  const run = (message: Run): Answer => {
    const lack = message.pages - memory.buffer.byteLength / 65536;
    try {
      if (lack > 0) memory.grow(lack);
    } catch (error) {
      return { results: [], error: String(error), outOfMemory: true };
    }
    const bytes = new Uint8Array(memory.buffer);
    for (const { at, data } of message.writes) bytes.set(data, at);
    exports.run(message.program, message.team, message.thread, message.threads);
    const results = message.reads.map(
      (read) => new Uint8Array(bytes.subarray(read.at, read.at + read.bytes)).buffer,
    );
    return { results };
  };

  port.listen((message) => {
    try {
      if (message.kind === "start") {
        memory =
          message.memory ??
          new WebAssembly.Memory({
            initial: message.pages,
            maximum: message.maximum,
            shared: true,
          });
        const instance = new WebAssembly.Instance(message.module, {
          env: { memory, now: () => performance.now() },
        });
        exports = instance.exports as never;
        port.post({ results: [] });
      } else {
        const answer = run(message);
        port.post(answer, answer.results);
      }
    } catch (error) {
      port.post({ results: [], error: String(error) });
    }
  });
}
