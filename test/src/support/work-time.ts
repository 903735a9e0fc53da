/**
 * A clock in milliseconds for bounds on time: in Node the process's processor time, which other work on the machine
 * does not add to; in browsers the time of day.
 */
export function workTime(): number {
  if (typeof process === "undefined") return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
