/** Seconds as people say them: `40 s`, `3 min`, `1 h 20 min`. */
function spoken(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Estimates how long work takes that is still to be done. Until something is done, and when the rest is less than a
 * second, it says nothing rather than "0 s left".
 *
 * @param total of the unit that is counted
 * @param now milliseconds, for tests
 * @returns a text such as `, 3 min left` for so many done
 */
export function timeLeft(total: number, now = () => performance.now()): (done: number) => string {
  let start: { readonly at: number; readonly done: number } | undefined;
  return (done) => {
    start ??= { at: now(), done };
    const worked = done - start.done;
    if (worked <= 0 || done >= total) return "";
    const seconds = ((now() - start.at) / 1000 / worked) * (total - done);
    return seconds < 1 ? "" : `, ${spoken(seconds)} left`;
  };
}
