#!/usr/bin/env node
// Writes docs/dependencies.md: what the packages install, with licences. Run it when package-lock.json changes; a test
// compares.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./lib/paths.mjs";

const target = path.join(root, "docs/dependencies.md");

/**
 * Installed packages as package-lock.json has them, those that only development needs marked; optional peers, which whoever
 * wants them installs, are among these.
 */
export function lockedPackages() {
  const { packages } = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([place, entry]) => place.includes("node_modules/") && !entry.link)
    .map(([place, { version, license, resolved, integrity, ...marks }]) => {
      const name = place.replace(/^.*node_modules\//, "");
      const dev = Boolean(marks.dev || marks.devOptional || marks.optional);
      return { name, version, licence: license, dev, resolved, integrity };
    });
}

/** The text of docs/dependencies.md. */
export function dependenciesPage() {
  const shipped = lockedPackages().filter(({ dev }) => !dev);
  const head = ["package", "version", "licence"];
  const cells = shipped.map(({ name, version, licence }) => [`\`${name}\``, version, licence]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...cells.map((row) => row[i].length)),
  );
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [
    "# Dependencies and their licences",
    "",
    "Made by `node tools/licences.mjs` from package-lock.json. What the published packages install, with what that installs:",
    "",
    line(head),
    line(widths.map((width) => "-".repeat(width))),
    ...cells.map(line),
    "",
    "Development takes further packages, under licences as permissive, MPL-2.0 or (libvips, which `sharp` brings) LGPL-3.0; they",
    "are not part of what is published. `sharp`, and for `retinaface serve` `fastify`, `@fastify/busboy` and `prom-client`, are optional",
    "peers: whoever wants them installs them.",
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, dependenciesPage());
  console.error(`written to ${path.relative(root, target)}`);
}
