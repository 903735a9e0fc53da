/** A parsed JSON object of unknown shape. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isNumbers(value: unknown, length?: number): value is number[] {
  return (
    Array.isArray(value) &&
    (length === undefined || value.length === length) &&
    value.every((item) => typeof item === "number" && Number.isFinite(item))
  );
}

/** The image size an object states, if it states one. */
export function readJsonSize(object: JsonObject): { width: number; height: number } | undefined {
  const { width, height } = object;
  if (!isNumbers([width, height])) return undefined;
  const size = { width: width as number, height: height as number };
  return size.width > 0 && size.height > 0 ? size : undefined;
}
