/** A buffer that a plan needs for a while: from step `first` to step `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Which shared buffer each lifetime got, and how large the shared buffers are. */
export interface Assignment {
  readonly slots: number[];
  readonly slotBytes: number[];
}

/**
 * Shares buffers between lifetimes that do not overlap: largest first, each into the smallest slot that is
 * free throughout, else into a new one ("greedy by size", Pisarchyk and Lee 2020).
 *
 * Slots are whole buffers rather than ranges of one arena, because WebGPU does not let one buffer be read
 * and written by the same dispatch.
 */
export function assignBuffers(lifetimes: readonly Lifetime[]): Assignment {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes);
  const slots = new Array<number>(lifetimes.length);
  const occupants: Lifetime[][] = [];
  const slotBytes: number[] = [];
  for (const i of order) {
    const mine = lifetimes[i];
    let best = -1;
    for (const [slot, others] of occupants.entries()) {
      const free = others.every((other) => other.last < mine.first || mine.last < other.first);
      if (free && (best === -1 || slotBytes[slot] < slotBytes[best])) best = slot;
    }
    if (best === -1) {
      best = occupants.push([]) - 1;
      slotBytes.push(mine.bytes);
    }
    occupants[best].push(mine);
    slots[i] = best;
  }
  return { slots, slotBytes };
}
