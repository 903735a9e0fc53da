/**
 * Runs test files one after another in this process or page. Before each it prints `# file N`, then what the file prints, ended
 * by uvu's totals.
 * @param {string[]} addresses of their modules
 */
export async function runInTurn(addresses) {
  globalThis.UVU_DEFER = 1;
  const { exec } = await import("uvu");
  for (const [index, address] of addresses.entries()) {
    console.log(`\n# file ${index}`);
    globalThis.UVU_QUEUE.splice(0, Number.POSITIVE_INFINITY, [null]);
    await import(address);
    await exec();
    // An error that nobody caught ends the run while its file is still the last one named.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
