#!/usr/bin/env node
// Writes docs/dependencies.md: what the packages install, with licences. Run it when package-lock.json changes; a test
// compares.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./lib/paths.mjs";

const target = path.join(root, "docs/dependencies.md");

/** Installed packages as package-lock.json has them, those that only development needs marked. */
export function lockedPackages() {
  const { packages } = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([place, entry]) => place.includes("node_modules/") && !entry.link)
    .map(([place, { version, license, dev = false, resolved, integrity }]) => {
      const name = place.replace(/^.*node_modules\//, "");
      return { name, version, licence: license, dev, resolved, integrity };
    });
}

/** The text of docs/dependencies.md. */
export function dependenciesPage() {
  const all = lockedPackages();
  const shipped = all.filter(({ dev }) => !dev);
  const rows = shipped.map(
    ({ name, version, licence }) => `| \`${name}\` | ${version} | ${licence} |`,
  );
  const counts = new Map();
  for (const { dev, licence } of all) {
    if (dev) counts.set(licence, (counts.get(licence) ?? 0) + 1);
  }
  const others = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    "# Dependencies and their licences",
    "",
    "Made by `node tools/licences.mjs` from package-lock.json. What the published packages install, with what that installs:",
    "",
    "| package | version | licence |",
    "| --- | --- | --- |",
    ...rows,
    "",
    `Development takes further packages, which are not part of what is published: ${others
      .map(([licence, count]) => `${count} under ${licence}`)
      .join(", ")}.`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, dependenciesPage());
  console.error(`written to ${path.relative(root, target)}`);
}
