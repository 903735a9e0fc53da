import type { ServerResponse } from "node:http";
import { ServiceError } from "./errors.js";
import type { ServiceLimits } from "./limits.js";

/** A request that was let in. */
export interface Visit {
  /** Aborted when its time is over or its sender has gone. */
  readonly signal: AbortSignal;
  /** Its body is there: the time for that no longer counts. */
  received(): void;
}

/** Bounds of what a refused sender is told to wait, in seconds. */
const WAIT = { least: 1, most: 60 };
/** Share of the latest request in the mean that the wait is told by. */
const LATEST = 0.1;

/** Lets so many requests in as the queue takes, and each for so long. */
export class Admission {
  readonly #limits: ServiceLimits;
  #admitted = 0;
  #closing = false;
  #idle: (() => void)[] = [];
  /** Of a request, waiting included. */
  #meanSeconds = 0;

  constructor(limits: ServiceLimits) {
    this.#limits = limits;
  }

  get admitted(): number {
    return this.#admitted;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Seconds after which a sender who was refused may find room. */
  get retryAfter(): number {
    return Math.min(WAIT.most, Math.max(WAIT.least, Math.ceil(this.#meanSeconds)));
  }

  /**
   * Takes a request in until its answer is sent or its sender has gone.
   *
   * @throws ServiceError 503 while the service stops, 429 where the queue is full
   */
  enter(response: ServerResponse): Visit {
    const { queue, seconds, bodySeconds } = this.#limits;
    if (this.#closing) throw new ServiceError(503, "STOPPING", "the service is being stopped");
    if (this.#admitted >= queue) {
      const message = `${queue} requests are under way already: try again later`;
      throw new ServiceError(429, "BUSY", message);
    }
    this.#admitted++;
    const started = performance.now();
    const leave = new AbortController();
    const within = (limit: number, status: number, message: string) =>
      setTimeout(() => {
        leave.abort(new ServiceError(status, "TIME_IS_UP", message));
        // Who does not take the answer that is being sent would keep the place for ever.
        if (response.headersSent) response.destroy();
      }, limit * 1000);
    const whole = within(
      seconds,
      503,
      `there was no answer within ${seconds} s: send smaller photos, or try again later`,
    );
    const body = within(bodySeconds, 408, `the body was not there within ${bodySeconds} s`);
    response.once("close", () => {
      clearTimeout(whole);
      clearTimeout(body);
      this.#left((performance.now() - started) / 1000);
      leave.abort(new ServiceError(499, "CLIENT_LEFT", "the sender has gone"));
    });
    return { signal: leave.signal, received: () => clearTimeout(body) };
  }

  /** Lets nobody in any more. Resolves when all have left. */
  close(): Promise<void> {
    this.#closing = true;
    if (this.#admitted === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #left(seconds: number): void {
    this.#admitted--;
    this.#meanSeconds += LATEST * (seconds - this.#meanSeconds);
    if (this.#admitted > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
