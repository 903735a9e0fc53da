import type { Known } from "@retinaface-webgpu/tensor/inference";

/**
 * Works on items side by side and gives the results in the items' order.
 *
 * @param items may be endless or slow: results do not wait for the items behind them
 * @param work of an item; see {@link Turn} for what must be done in order
 * @param ahead items whose work was begun and whose result was not taken yet, at most; a function is asked again and again
 * @throws what `items` or `work` throw; the signal's reason at once: work that was begun is then nobody's
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, index: number, turn: Turn) => Promise<R>,
  ahead: number | (() => number),
  signal?: Known<"AbortSignal">,
): AsyncGenerator<R, void, undefined> {
  const source = iteratorOf(items);
  const most = typeof ahead === "number" ? () => ahead : ahead;
  const bell = new Bell();
  const begun: Work<R>[] = [];
  let turns: Promise<unknown> = Promise.resolve();
  let count = 0;
  const input: { arrival?: Arrival<T> | undefined; awaited: boolean } = { awaited: false };
  let ended = false;
  const begin = (item: T) => {
    const turn = new Turn(turns);
    turns = turn.over;
    begun.push(new Work(work(item, count++, turn), turn, bell));
  };
  signal?.addEventListener("abort", bell.ring);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { arrival } = input;
      if (arrival) {
        if ("error" in arrival) throw arrival.error;
        if (arrival.next.done) ended = true;
        else begin(arrival.next.value);
        input.arrival = undefined;
        input.awaited = false;
      }
      if (!input.awaited && !ended && begun.length < most()) {
        input.awaited = true;
        askFor(source, (one) => {
          input.arrival = one;
          bell.ring();
        });
      }
      if (begun[0]?.settled) yield await (begun.shift() as Work<R>).result;
      else if (ended && begun.length === 0) return;
      else await bell.rung();
    }
  } finally {
    signal?.removeEventListener("abort", bell.ring);
    if (!ended) askFor({ next: () => source.return?.() ?? { done: true, value: undefined } });
  }
}

/** The order of works: `here` resolves when all before have called `done` or ended. */
export class Turn {
  readonly here: Promise<unknown>;
  readonly over: Promise<unknown>;
  /** Lets the next one have its turn. */
  done!: () => void;

  constructor(before: Promise<unknown>) {
    const own = new Promise<void>((resolve) => {
      this.done = resolve;
    });
    this.here = before;
    this.over = before.then(() => own);
  }
}

class Work<R> {
  settled = false;

  constructor(
    readonly result: Promise<R>,
    turn: Turn,
    bell: Bell,
  ) {
    const settle = () => {
      this.settled = true;
      turn.done();
      bell.ring();
    };
    result.then(settle, settle);
  }
}

/** Wakes whoever waits. A promise that lives as long as the loop would gather all its waits. */
class Bell {
  #rung = false;
  #wake = () => {};

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake();
  };

  async rung(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
  }
}

type Arrival<T> = { readonly next: IteratorResult<T> } | { readonly error: unknown };
type Source<T> = Pick<AsyncIterator<T> | Iterator<T>, "next" | "return">;

function iteratorOf<T>(items: Iterable<T> | AsyncIterable<T>): Source<T> {
  if (Symbol.asyncIterator in items) return items[Symbol.asyncIterator]();
  return items[Symbol.iterator]();
}

/** The next item or the error instead, whenever it comes. */
async function askFor<T>(
  source: { next(): IteratorResult<T> | Promise<IteratorResult<T>> },
  take: (arrival: Arrival<T>) => void = () => {},
): Promise<void> {
  let arrival: Arrival<T>;
  try {
    arrival = { next: await source.next() };
  } catch (error) {
    arrival = { error };
  }
  take(arrival);
}
