import * as assert from "uvu/assert";

/** Asserts that `run` throws an error with this `code`, whose message matches and is not overlong. */
export function throwsCode(run: () => unknown, code: string, message?: RegExp): void {
  try {
    run();
  } catch (error) {
    checkCode(error, code, message);
    return;
  }
  assert.unreachable(`no ${code} was thrown`);
}

/** {@link throwsCode} of a promise. */
export async function rejectsCode(
  promise: Promise<unknown>,
  code: string,
  message?: RegExp,
): Promise<void> {
  try {
    await promise;
  } catch (error) {
    checkCode(error, code, message);
    return;
  }
  assert.unreachable(`no ${code} was thrown`);
}

function checkCode(error: unknown, code: string, message?: RegExp): void {
  const { code: actual, message: text } = error as Error & { code?: string };
  assert.is(actual, code, `${(error as Error).stack}`);
  if (message) assert.match(text, message);
  assert.ok(text.length < 2000, "the message is short");
}
