/**
 * What a terminal obeys instead of showing: control characters (C0, DEL, C1), and those that turn the direction of writing,
 * break lines or are not seen at all.
 */
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are meant
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  const hex = code.toString(16);
  return NAMED[character] ?? (code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
}

/**
 * Text on its way to a terminal: every name, label or message that came from outside goes through here, so that it is shown
 * and not obeyed. One line stays one line.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, escaped);
}

/** {@link printable} for a message whose line breaks are meant. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** A value as one line of JSON that is equal to it and harmless on a terminal. */
export function printableJson(value: unknown): string {
  const unit = (code: number) => `\\u${code.toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(OBEYED, (text) =>
    Array.from({ length: text.length }, (_, i) => unit(text.charCodeAt(i))).join(""),
  );
}
