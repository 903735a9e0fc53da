// Runs several test files one after another in this process: `test-company.mjs FILE...`.
import { pathToFileURL } from "node:url";
import { runInTurn } from "./test-in-turn.mjs";

await runInTurn(process.argv.slice(2).map((file) => pathToFileURL(file).href));
