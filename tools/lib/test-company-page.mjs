// Runs several bundled test files one after another in a page: `/company/?bundle=NAME&bundle=NAME…`.
import { runInTurn } from "./test-in-turn.mjs";

const bundles = new URLSearchParams(location.search).getAll("bundle");
await runInTurn(bundles.map((name) => `/bundle/${encodeURI(name)}`));
