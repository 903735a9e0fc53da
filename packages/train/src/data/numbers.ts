const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The number that `text` spells in decimal, or NaN. */
export function parseNumber(text: string): number {
  return DECIMAL.test(text) ? Number(text) : Number.NaN;
}

/** The numbers of a row separated by blanks, or undefined if one of them is none. */
export function parseNumbers(row: string): number[] | undefined {
  const values = row.trim().split(/\s+/).map(parseNumber);
  return values.some(Number.isNaN) ? undefined : values;
}
