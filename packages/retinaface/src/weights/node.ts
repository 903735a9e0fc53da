/** What of the weights needs Node's file system and network; `index.ts` has the rest. */
export { cacheFolder } from "./cache.node.js";
export * from "./locate.node.js";
export * from "./pull.node.js";
