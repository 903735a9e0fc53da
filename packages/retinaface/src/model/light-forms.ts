import type { SlimOptions } from "./backbones/slim.js";

/** What light backbones are, by name. */
export const LIGHT_FORMS: Readonly<Record<string, SlimOptions>> = {
  "ultralight-rfb": { rfb: true, scaled: true },
  "ultralight-slim": { scaled: true },
  rfb: { rfb: true },
  slim: {},
};
