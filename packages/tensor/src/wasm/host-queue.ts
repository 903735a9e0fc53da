type Task = () => void | Promise<void>;

/**
 * What is done to a memory, one after the other: at once while nothing runs on it, else when that has ended. As a GPU's
 * queue, so that what was submitted later never overtakes.
 */
export class HostQueue {
  readonly #onFailure: (error: Error) => void;
  #tasks: Task[] = [];
  #busy = false;
  #failure: Error | undefined;
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** @param onFailure hears the first error of what runs; nothing is done after it */
  constructor(onFailure: (error: Error) => void) {
    this.#onFailure = onFailure;
  }

  /** Whether something runs. */
  get isBusy(): boolean {
    return this.#busy;
  }

  add(task: Task): void {
    if (this.#failure) return;
    this.#tasks.push(task);
    if (!this.#busy) this.#next();
  }

  /** Resolves when all that was added so far has been done. */
  drained(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiting.push(waiter);
      this.add(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        resolve();
      });
    });
  }

  #next(): void {
    for (;;) {
      const task = this.#tasks.shift();
      if (!task) return;
      const running = task();
      if (!(running instanceof Promise)) continue;
      this.#busy = true;
      running.then(
        () => {
          this.#busy = false;
          this.#next();
        },
        (error: Error) => this.#fail(error),
      );
      return;
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#busy = false;
    this.#tasks = [];
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#onFailure(error);
  }
}
