// Runs several test files one after another in this process: `test-company.mjs FILE...`. Before each it prints
// `# file N`, then what the file prints, ended by uvu's totals.
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

globalThis.UVU_DEFER = 1;
const { exec } = await import("uvu");

for (const [index, file] of process.argv.slice(2).entries()) {
  console.log(`\n# file ${index}`);
  globalThis.UVU_QUEUE.splice(0, Number.POSITIVE_INFINITY, [null]);
  await import(pathToFileURL(file));
  await exec();
  // An error that nobody caught ends the process while its file is still the last one named.
  await sleep(0);
}
