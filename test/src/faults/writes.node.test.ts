import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sendRange, startFileServer } from "../support/file-server.node.js";
import { skip } from "../support/skip.js";
import { type Command, commandsOf, PULLED } from "./commands.node.js";
import { type Harm, Place, toldCode } from "./harm.node.js";

/*
 * Each call that changes files, of each command, fails or is the last before a kill: what was there stays, what is there is
 * whole, the error has a code, and the next run does what was asked. `RETINAFACE_FAULTS=all` strikes each call in all three
 * ways; else each, or every sixth to ninth of the slower commands, is struck in one of them in turn.
 */

const test = suite("writes");
const KINDS = ["fail", "kill", "late"] as const;
const all = process.env.RETINAFACE_FAULTS === "all";
/** Processes at a time. */
const AT_ONCE = 2;

const server = await startFileServer(PULLED, sendRange);
test.after(() => server.close());

/** One strike at a fresh folder, and the run after it. */
async function strike(command: Command, harm: Harm, wanted: ReturnType<Place["tree"]>) {
  const place = new Place(command);
  try {
    const ended = await place.run(harm);
    const what = `${command.name}, call ${harm.at} (${place.calls().at(-1)}) ${harm.kind}: ${ended.stderr}`;
    if (harm.kind === "fail") {
      const cleaning = /^(unlink|rmdir)/.test(place.calls()[(harm.at as number) - 1]);
      assert.equal(place.losses(wanted, cleaning), [], what);
      if (ended.code === 0) assert.equal(place.missing(wanted), [], what);
      else assert.type(toldCode(ended), "string", what);
    } else {
      assert.is(ended.signal, "SIGKILL", what);
      assert.equal(place.losses(wanted, true), [], what);
      const again = await place.run({}, command.overwrite ? [command.overwrite] : []);
      assert.is(again.code, 0, `after ${what}: ${again.stderr}`);
      assert.equal(place.missing(wanted), [], `after ${what}`);
      assert.equal(place.losses(wanted, true), [], `after ${what}`);
    }
    return place.before.size;
  } finally {
    place.dispose();
  }
}

if (process.platform === "win32") skip(test, "faults", "needs SIGKILL");
else {
  for (const command of commandsOf(server.url)) {
    test(command.name, async () => {
      const place = new Place(command);
      const undisturbed = await place.run();
      assert.is(undisturbed.code, 0, undisturbed.stderr);
      const calls = place.calls();
      const wanted = place.tree();
      assert.equal(place.losses(wanted, false), []);
      place.dispose();
      assert.ok(calls.length > 0, "the shim sees the calls");
      const harms = calls.flatMap((_, i) => {
        if (!all && i % command.every !== 0) return [];
        const kinds = all ? KINDS : [KINDS[(i / command.every) % KINDS.length]];
        return kinds.map((kind): Harm => ({ at: i + 1, kind }));
      });
      let files = 0;
      const queue = harms.values();
      const worker = async () => {
        for (const harm of queue) {
          const looked = await strike(command, harm, wanted);
          files += looked;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      console.log(
        `# ${command.name}: ${calls.length} calls, ${harms.length} faults, ${files} files looked at`,
      );
    });
  }
}

test.run();
