/** A thread that runs a program of its own and is spoken to by messages. */
export interface Thread {
  post(message: unknown): void;
  /** @param onError hears that the thread could not start, threw, or has ended */
  listen(onMessage: (message: unknown) => void, onError: (error: Error) => void): void;
  /** Whether the process should wait for it. */
  busy(isBusy: boolean): void;
  stop(): void;
}
