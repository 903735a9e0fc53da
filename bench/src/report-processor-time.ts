/** Preloaded into a program: at its end its processor time, of all its threads, in seconds, goes to file descriptor 3. */
import { writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.once("exit", () => {
    const { user, system } = process.cpuUsage();
    writeSync(3, String((user + system) / 1e6));
  });
}
