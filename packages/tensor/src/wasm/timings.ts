import { marksLength } from "@retinaface-webgpu/kernels-wasm";

/** What a step of a program took. */
export interface StepTiming {
  /** Its share of the time that all threads together took; those of all steps add up to the run. */
  readonly milliseconds: number;
  /** How many threads worked in that time, in the mean. */
  readonly threads: number;
}

/**
 * What steps took, by what threads took down (`marksLength`). Steps that join one another go on at the same time: the time of
 * all is shared among them by the work that they were.
 */
export function timingsOf(
  marks: Float64Array,
  steps: readonly { readonly joins?: boolean | undefined }[],
  threads: number,
): StepTiming[] {
  const length = marksLength(steps.length);
  const at = (thread: number, index: number) => marks[thread * length + index];
  const work = steps.map((_, i) => {
    let total = 0;
    for (let t = 0; t < threads; t++) total += at(t, 2 * i + 1) - at(t, 2 * i);
    return total;
  });
  const timings: StepTiming[] = [];
  for (let first = 0; first < steps.length; ) {
    let end = first + 1;
    while (end < steps.length && steps[end].joins) end++;
    const whole = at(0, 2 * end) - at(0, 2 * first);
    const together = work.slice(first, end).reduce((a, b) => a + b, 0);
    for (let i = first; i < end; i++) {
      const share = together > 0 ? work[i] / together : 1 / (end - first);
      timings.push({ milliseconds: whole * share, threads: whole > 0 ? together / whole : 0 });
    }
    first = end;
  }
  return timings;
}
