import { TensorError } from "./errors.js";

/** What a scope can own: tensors. */
export interface Disposable {
  dispose(): void;
}

const scopes: Set<Disposable>[] = [];

/** Called for every new tensor: the innermost scope owns it. */
export function registerInScope(tensor: Disposable): void {
  scopes.at(-1)?.add(tensor);
}

/** Takes tensors out of every open scope: they live until `dispose()`. */
export function keep<T extends Disposable>(tensor: T): T {
  for (const scope of scopes) scope.delete(tensor);
  return tensor;
}

/**
 * Runs `fn` and disposes of every tensor made in it, except those it returns (also inside arrays and
 * plain objects) and those passed to `keep`. What is returned belongs to the enclosing scope.
 *
 * `fn` must be synchronous: recording work never waits; read results after the scope.
 */
export function tidy<R>(fn: () => R): R {
  const scope = new Set<Disposable>();
  scopes.push(scope);
  let result: R;
  try {
    result = fn();
    if (result instanceof Promise) {
      throw new TensorError(
        "ASYNC_TIDY",
        "tidy() takes a synchronous function: await after it, or keep() what is used later.",
      );
    }
    releaseResult(result, scope);
  } finally {
    scopes.splice(scopes.indexOf(scope), 1);
    for (const tensor of scope) tensor.dispose();
  }
  return result;
}

function releaseResult(value: unknown, scope: Set<Disposable>, seen = new Set<object>()): void {
  if (value === null || typeof value !== "object" || seen.has(value)) return;
  seen.add(value);
  if (scope.delete(value as Disposable)) {
    scopes.at(-2)?.add(value as Disposable);
  } else if (Array.isArray(value) || value instanceof Map) {
    for (const item of value.values()) releaseResult(item, scope, seen);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) releaseResult(item, scope, seen);
  }
}
