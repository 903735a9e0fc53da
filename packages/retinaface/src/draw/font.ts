import type { RawImage } from "../types.js";
import { type Colour, fillRect } from "./canvas.js";

/** Rows of each glyph from top to bottom, `#` inked; digits are five wide. */
const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  "0": [" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "],
  "1": ["  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "],
  "2": [" ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####"],
  "3": [" ### ", "#   #", "    #", "  ## ", "    #", "#   #", " ### "],
  "4": ["   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # "],
  "5": ["#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "],
  "6": [" ### ", "#    ", "#    ", "#### ", "#   #", "#   #", " ### "],
  "7": ["#####", "    #", "   # ", "   # ", "  #  ", "  #  ", "  #  "],
  "8": [" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "],
  "9": [" ### ", "#   #", "#   #", " ####", "    #", "    #", " ### "],
  ".": [" ", " ", " ", " ", " ", " ", "#"],
};

export const GLYPH_HEIGHT = 7;

const glyphsOf = (text: string) => [...text].map((letter) => GLYPHS[letter] ?? GLYPHS["0"]);

/** Width of a text in pixels at a scale, one column between letters. */
export function textWidth(text: string, scale: number): number {
  return glyphsOf(text).reduce((sum, rows) => sum + (rows[0].length + 1) * scale, -scale);
}

/** Draws digits and points; `left, top` is the first glyph's corner. */
export function drawText(
  image: RawImage,
  text: string,
  left: number,
  top: number,
  scale: number,
  colour: Colour,
): void {
  let x = left;
  for (const rows of glyphsOf(text)) {
    for (const [n, row] of rows.entries()) {
      for (const [column, ink] of [...row].entries()) {
        if (ink !== "#") continue;
        const at = x + column * scale;
        fillRect(image, at, top + n * scale, at + scale, top + (n + 1) * scale, colour);
      }
    }
    x += (rows[0].length + 1) * scale;
  }
}
