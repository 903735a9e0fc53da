/**
 * Lets calls in a few at a time, first come first served. Admitted calls prepare side by side, but submit one after the
 * other in the order of their arrival; what they wait for afterwards overlaps again.
 */
export class CallQueue {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  /** @param slots Calls that are under way at a time. */
  constructor(slots: number) {
    this.#free = slots;
  }

  /**
   * @param prepare Runs beside other calls.
   * @param submit Runs alone; its result is called beside other calls for the outcome.
   */
  async run<P, R>(
    prepare: () => Promise<P>,
    submit: (prepared: P) => Promise<() => Promise<R>>,
  ): Promise<R> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    const turn = this.#turn;
    const submitted = prepare().then((prepared) => turn.then(() => submit(prepared)));
    // Without a value: it would hold the outcomes of all earlier calls.
    this.#turn = Promise.allSettled([turn, submitted]).then(() => undefined);
    try {
      return await (await submitted)();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
