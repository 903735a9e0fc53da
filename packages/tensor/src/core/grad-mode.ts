let enabled = true;

/** Whether operations are being recorded for `backward()`. */
export function gradEnabled(): boolean {
  return enabled;
}

/** Runs a synchronous `fn` without recording. */
export function noGrad<R>(fn: () => R): R {
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}
