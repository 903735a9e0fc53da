/** What `#platform` stands for: types are those of `node.ts`, and the other files must offer the same names. */
type Platform = Record<keyof typeof import("./node.js"), unknown>;

type Offers<P extends Platform> = P;

/** The files of the other runtimes; one that lacks a name does not compile. */
export type Others = [Offers<typeof import("./browser.js")>, Offers<typeof import("./deno.js")>];
