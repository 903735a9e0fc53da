import { FORWARD, type ForwardVariant } from "./conv2d.js";
import { never } from "./variants.js";
import { conv2dWinograd, isWinograd } from "./winograd.js";

const WINOGRAD: ForwardVariant = {
  name: "winograd",
  supports: isWinograd,
  suits: never,
  launch: conv2dWinograd,
};

/**
 * Lets `conv2d` and `conv2dVariants` know also what no rule chooses, but measuring may. Who does not measure goes without
 * its text.
 */
export function offerMeasuredConv2d(): void {
  if (!FORWARD.includes(WINOGRAD)) FORWARD.push(WINOGRAD);
}
