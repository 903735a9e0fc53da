import type { Test } from "uvu";
import { sharedExists } from "#shared";
import { skip } from "./skip.js";

export { listShared, readShared, sharedExists } from "#shared";

/**
 * Registers a test that reads the shared data folder, or a skip that names what is absent.
 *
 * @param needs paths of files or folders within the shared folder, e.g. `weights/mobilenet0.25_Final.pth`
 */
export function sharedTest(
  test: Test,
  name: string,
  needs: readonly string[],
  fn: () => Promise<void> | void,
): void {
  const absent = needs.filter((path) => !sharedExists(path));
  if (absent.length === 0) test(name, fn);
  else skip(test, name, `needs ${absent.map((path) => `../shared/${path}`).join(", ")}`);
}
