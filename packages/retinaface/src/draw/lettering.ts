import type { RawImage } from "../types.js";
import { type Colour, fillRect } from "./canvas.js";

/** Height of a letter in pixels at a scale of 1; letters are five wide. */
export const LETTER_HEIGHT = 7;
const LETTER_WIDTH = 5;

/** Seven rows of five pixels from top to bottom, each a digit of base 32 whose highest bit is on the left. */
const ROWS: Readonly<Record<string, string>> = {
  ...{ A: "ehhvhhh", B: "uhhuhhu", C: "ehggghe", D: "sihhhis", E: "vgguggv", F: "vgguggg" },
  ...{ G: "ehgnhhf", H: "hhhvhhh", I: "e44444e", J: "72222ic", K: "hikokih", L: "ggggggv" },
  ...{ M: "hrllhhh", N: "hhpljhh", O: "ehhhhhe", P: "uhhuggg", Q: "ehhhlid", R: "uhhukih" },
  ...{ S: "fgge11u", T: "v444444", U: "hhhhhhe", V: "hhhhha4", W: "hhhllla", X: "hha4ahh" },
  ...{ Y: "hhha444", Z: "v1248gv", a: "00e1fhf", b: "ggmphhu", c: "00egghe", d: "11djhhf" },
  ...{ e: "00ehvge", f: "698s888", g: "0fhhf1e", h: "ggmphhh", i: "40c444e", j: "20622ic" },
  ...{ k: "ggikoki", l: "c44444e", m: "00qllhh", n: "00mphhh", o: "00ehhhe", p: "00uhugg" },
  ...{ q: "00djf11", r: "00mpggg", s: "00ege1u", t: "88s8896", u: "00hhhjd", v: "00hhha4" },
  ...{ w: "00hhlla", x: "00ha4ah", y: "00hhf1e", z: "00v248v", 0: "ehjlphe", 1: "4c4444e" },
  ...{ 2: "eh1248v", 3: "v2421he", 4: "26aiv22", 5: "vgu11he", 6: "68guhhe", 7: "v124888" },
  ...{ 8: "ehhehhe", 9: "ehhf12c", ".": "00000cc", ",": "0000448", "-": "000v000" },
  ...{ _: "000000v", "/": "01248g0", "\\": "0g84210", ":": "0cc0cc0", "(": "2488842" },
  ...{ ")": "8422248", "+": "044v440", "=": "00v0v00", "%": "op248j3", "#": "aavavaa" },
  ...{ "@": "ehnlnge", "&": "cik8lid", "!": "4444404", "?": "eh12404", "…": "000000l" },
  ...{ " ": "0000000", '"': "aaa0000", "'": "4480000", "[": "e88888e", "]": "e22222e" },
  ...{ "×": "00ha4ah", "~": "008l200", "<": "248g842", ">": "8421248", ";": "0cc0448" },
};

/** For a letter that there is not. */
const UNKNOWN = "vhhhhhv";

/** Width in pixels, one column between letters. */
export function letteringWidth(text: string, scale: number): number {
  return Math.max(0, [...text].length * (LETTER_WIDTH + 1) - 1) * scale;
}

/** The end of a text with an ellipsis before it, as wide as there is room: names differ at their ends. */
export function endOf(text: string, width: number, scale: number): string {
  const letters = [...text];
  const room = Math.floor((width / scale + 1) / (LETTER_WIDTH + 1));
  return letters.length <= room ? text : `…${letters.slice(letters.length - room + 1).join("")}`;
}

/** Draws Latin letters, digits and common signs, others as boxes; `left, top` is the first letter's corner. */
export function drawLettering(
  image: RawImage,
  text: string,
  [left, top]: readonly [left: number, top: number],
  scale: number,
  colour: Colour,
): void {
  for (const [n, letter] of [...text].entries()) {
    const x = left + n * (LETTER_WIDTH + 1) * scale;
    for (const [row, digit] of [...(ROWS[letter] ?? UNKNOWN)].entries()) {
      const bits = Number.parseInt(digit, 32);
      for (let column = 0; column < LETTER_WIDTH; column++) {
        if (((bits >> (LETTER_WIDTH - 1 - column)) & 1) === 0) continue;
        const [px, py] = [x + column * scale, top + row * scale];
        fillRect(image, px, py, px + scale, py + scale, colour);
      }
    }
  }
}
