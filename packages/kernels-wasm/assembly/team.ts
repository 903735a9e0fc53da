/**
 * How threads share a program. All of them run every step: each takes chunks of it until none is
 * left, then waits for the others, asleep, unless the next step joins this one. Chunks are cut the same way whatever the number of
 * threads, so that results are too.
 */
import { Head, Team } from "../src/records";

/** Milliseconds, from whenever on. */
@external("env", "now")
declare function now(): f64;

/** A word of a step. */
@inline
export function word(step: usize, field: i32): i32 {
  return load<i32>(step + (field << 2));
}

/** A word of a step that is a float. */
@inline
export function float(step: usize, field: i32): f32 {
  return load<f32>(step + (field << 2));
}

/** The next chunk of a step, or one past the last. */
@inline
export function takeChunk(step: usize): i32 {
  return atomic.add<i32>(step + (Head.next << 2), 1);
}

/** The step behind another. */
@inline
export function after(step: usize): usize {
  return step + ((<usize>word(step, Head.words)) << 2);
}

/** Where a thread takes down the time; 0 where nobody asks for it. */
export function marksOf(team: usize, thread: i32): usize {
  const marks = word(team, Team.marks);
  return marks ? marks + thread * word(team, Team.marksBytes) : 0;
}

/** Takes down the time; returns where the next goes. */
export function mark(at: usize): usize {
  if (at == 0) return 0;
  store<f64>(at, now());
  return at + 8;
}

/**
 * Waits until all threads have come here; the last to come readies the steps from `first` to `end` for another
 * run.
 */
export function meet(team: usize, threads: i32, first: usize, end: usize): void {
  if (threads == 1) {
    ready(first, end);
    return;
  }
  const generation = atomic.load<i32>(team + (Team.generation << 2));
  if (atomic.add<i32>(team + (Team.arrived << 2), 1) == threads - 1) {
    ready(first, end);
    atomic.store<i32>(team + (Team.arrived << 2), 0);
    atomic.add<i32>(team + (Team.generation << 2), 1);
    atomic.notify(team + (Team.generation << 2), threads - 1);
    return;
  }
  do {
    atomic.wait<i32>(team + (Team.generation << 2), generation, -1);
  } while (atomic.load<i32>(team + (Team.generation << 2)) == generation);
}

function ready(first: usize, end: usize): void {
  for (let step = first; step < end; step = after(step)) {
    atomic.store<i32>(step + (Head.next << 2), 0);
  }
}
