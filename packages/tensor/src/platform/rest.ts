/**
 * Rests while Dawn works. Dawn's module for Node asks for the state of its open promises in every turn of the event
 * loop and takes the next turn at once, so that waiting keeps a core busy: the very core that a CPU adapter would compute
 * on. A turn in which nothing else happened therefore ends with a nap.
 *
 * 2026-11-26, llvmpipe (Mesa 25.0.7), two cores: six 2048×2048 matrix products took 15.5 s and 29 s of processor time
 * without, 10.3 s and 18.5 s with naps of 1 ms.
 */

/** A nap as a share of the wait so far: what an answer may come late by. */
const SHARE = 0.05;
/** Naps are this long at most, so that timers and sockets are served. */
const LONGEST_MS = 1;
/** The system's own delay in waking up makes shorter ones useless. */
const SHORTEST_MS = 0.05;
/** A turn that takes longer has run code of somebody's, who should not be held up. */
const IDLE_TURN_MS = 0.5;

const never = new Int32Array(new SharedArrayBuffer(4));
const canNap = allowsNaps();

let waiting = 0;
let turning = false;
let since = 0;
let awake = 0;

function allowsNaps(): boolean {
  try {
    Atomics.wait(never, 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

function turn(): void {
  turning = waiting > 0;
  if (!turning) return;
  const now = performance.now();
  const nap = Math.min((now - since) * SHARE, LONGEST_MS);
  if (now - awake < IDLE_TURN_MS && nap >= SHORTEST_MS) Atomics.wait(never, 0, 0, nap);
  awake = performance.now();
  setImmediate(turn);
}

/** The promise, which is one of Dawn's; until it is settled, idle turns of the event loop end with a nap. */
export async function restDuring<T>(promise: Promise<T>): Promise<T> {
  if (!canNap) return promise;
  waiting++;
  since = performance.now();
  if (!turning) {
    turning = true;
    awake = since;
    setImmediate(turn);
  }
  try {
    return await promise;
  } finally {
    waiting--;
    since = performance.now();
  }
}
