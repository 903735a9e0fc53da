import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importTool, repository } from "../support/repository.node.js";

/* What is installed is what was chosen, under licences that permit it. */

interface Locked {
  readonly name: string;
  readonly version: string;
  readonly licence: string | undefined;
  readonly dev: boolean;
  readonly resolved: string | undefined;
  readonly integrity: string | undefined;
}

const { lockedPackages, dependenciesPage } = await importTool<{
  lockedPackages(): Locked[];
  dependenciesPage(): string;
}>("tools/licences.mjs");

const test = suite("dependencies");
const read = (name: string) => readFileSync(path.join(repository, name), "utf8");

/** Use, change and passing on, also within what is sold; to be kept is a notice. */
const PERMISSIVE = [
  "MIT",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
];
/** Asks more of those who pass the package itself on, which development does not. */
const FOR_DEVELOPMENT = ["MPL-2.0", "LGPL-3.0-or-later"];

test("every licence is known and permits what is done", () => {
  for (const { name, licence = "none stated", dev } of lockedPackages()) {
    const allowed = dev ? [...PERMISSIVE, ...FOR_DEVELOPMENT] : PERMISSIVE;
    const choices = licence.replace(/[()]/g, "").split(" OR ");
    assert.ok(
      choices.some((choice) => choice.split(" AND ").every((one) => allowed.includes(one))),
      `${name}: ${licence}`,
    );
  }
});

test("the list of licences is that of package-lock.json: node tools/licences.mjs writes it", () => {
  assert.is(read("docs/dependencies.md"), dependenciesPage());
});

test("versions are exact, contents come from the registry and have a hash", () => {
  for (const { name, resolved, integrity } of lockedPackages()) {
    assert.match(
      resolved ?? "https://registry.npmjs.org/",
      /^https:\/\/registry\.npmjs\.org\//,
      name,
    );
    assert.match(integrity ?? "", /^sha512-/, name);
  }
  const manifests = ["package.json", "test/package.json"].concat(
    readdirSync(path.join(repository, "packages")).map((name) => `packages/${name}/package.json`),
  );
  for (const manifest of manifests) {
    const { dependencies, devDependencies } = JSON.parse(read(manifest));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      assert.match(String(version), /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${manifest}: ${name}`);
    }
  }
});

test.run();
