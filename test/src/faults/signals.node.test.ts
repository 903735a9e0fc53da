import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sendRange, startFileServer } from "../support/file-server.node.js";
import { Random } from "../support/random.js";
import { skip } from "../support/skip.js";
import { commandsOf, PULLED } from "./commands.node.js";
import { Place } from "./harm.node.js";

/*
 * Signals at random moments of each command, whose calls that change files are slowed down so that many come between them:
 * the command ends soon, nothing is lost, nothing is in part. `RETINAFACE_FAULTS=all` sends twenty to each.
 */

const test = suite("signals");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGKILL"] as const;
const CODES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };
const TIMES = process.env.RETINAFACE_FAULTS === "all" ? 20 : 2;
const SLOW = 25;
/** Milliseconds in which a command must have ended. */
const SOON = 20_000;

const server = await startFileServer(PULLED, sendRange);
test.after(() => server.close());

if (process.platform === "win32") skip(test, "signals", "needs signals");
else {
  let sent = 0;
  let hits = 0;
  for (const [n, command] of commandsOf(server.url).entries()) {
    test(command.name, async () => {
      const random = new Random(n + 1);
      const undisturbed = new Place(command);
      const began = performance.now();
      assert.is((await undisturbed.run({ slow: SLOW })).code, 0);
      const whole = performance.now() - began;
      const wanted = undisturbed.tree();
      undisturbed.dispose();
      for (let time = 0; time < TIMES; time++) {
        const place = new Place(command);
        const name = SIGNALS[(n + time) % SIGNALS.length];
        const after = random.integer(0, Math.round(whole));
        const ended = place.run({ slow: SLOW, signal: { name, after } });
        const late = sleep(after + SOON, undefined, { ref: false });
        const result = await Promise.race([ended, late]);
        const what = `${command.name}: ${name} after ${after} of ${Math.round(whole)} ms`;
        assert.ok(result, `${what}: it goes on`);
        const { code, signal, stderr } = result;
        assert.ok(code === 0 || code === CODES[name] || signal === name, `${what}: ${stderr}`);
        assert.equal(place.losses(wanted, true), [], what);
        if (code !== 0) hits++;
        sent++;
        place.dispose();
      }
    });
  }
  test("the count", () => {
    console.log(`# ${sent} signals sent, ${hits} before the command's end`);
    assert.ok(hits > 0);
  });
}

test.run();
