import type { Random } from "@retinaface-webgpu/tensor";

const FRAGMENTS = [
  "-1",
  "1e309",
  "NaN",
  "\0",
  "{",
  "]",
  '"',
  "<object>",
  "</annotation>",
  "&lt;",
  "&x;",
  "\n",
  "#",
  "99999999999999999999",
  "null",
  "\uffff",
];

/** Damages a text in one to four places: flips, cuts, repeats, and foreign fragments. */
export function mutateText(text: string, random: Random): string {
  let result = text;
  for (let n = 1 + random.integer(4); n > 0; n--) {
    const at = random.integer(result.length + 1);
    const end = Math.min(result.length, at + random.integer(30));
    const fragment = FRAGMENTS[random.integer(FRAGMENTS.length)];
    const replacements = [
      "",
      fragment,
      result.slice(at, end).repeat(2),
      String.fromCharCode(random.integer(128)),
    ];
    result = result.slice(0, at) + replacements[random.integer(4)] + result.slice(end);
    if (random.uniform() < 0.05) result = result.slice(0, random.integer(result.length + 1));
  }
  return result;
}

/** Damages bytes in one to four places: flipped bits, extreme bytes, cuts. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes.slice();
  for (let n = 1 + random.integer(4); n > 0 && result.length > 0; n--) {
    const at = random.integer(result.length);
    const kind = random.integer(20);
    if (kind < 10) result[at] ^= 1 << random.integer(8);
    else if (kind < 15) result[at] = [0, 0xff, 0x7f, 0x80][random.integer(4)];
    else if (kind < 19) result[at] = random.integer(256);
    else result = result.slice(0, at);
  }
  return result;
}
