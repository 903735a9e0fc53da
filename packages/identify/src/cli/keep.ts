import { Command } from "commander";
import { OptionError } from "retinaface-webgpu";
import { JsonLines } from "retinaface-webgpu/node";
import { GalleryFile } from "../gallery/file.node.js";
import { galleryOption } from "./options.js";

interface KeepValues {
  readonly gallery: string;
}

async function runList({ gallery: file }: KeepValues): Promise<void> {
  const { gallery } = await GalleryFile.open(file);
  const lines = new JsonLines(process.stdout);
  const { size: identities, pictures, dimensions, model, combine, threshold } = gallery;
  await lines.write({ gallery: file, identities, pictures, dimensions, combine, threshold, model });
  for (const identity of gallery.list()) await lines.write(identity);
}

async function runRemove(ids: string[], { gallery: file }: KeepValues): Promise<void> {
  const opened = await GalleryFile.open(file);
  const { gallery } = opened;
  const absent = ids.filter((id) => !gallery.has(id));
  if (absent.length > 0) {
    throw new OptionError(
      `${file} does not have ${absent.map((id) => JSON.stringify(id)).join(", ")}: nothing was removed; list names all`,
    );
  }
  const removed = [...new Set(ids)].map((id) => ({ id, pictures: gallery.remove(id) }));
  await opened.save();
  const lines = new JsonLines(process.stdout);
  for (const one of removed) await lines.write({ removed: one.id, pictures: one.pictures });
}

/** `identify list`. */
export function listCommand(): Command {
  return new Command("list")
    .description("say who is in a gallery: a JSON line of it, then one of each identity")
    .addOption(galleryOption())
    .action(runList);
}

/** `identify remove`. */
export function removeCommand(): Command {
  return new Command("remove")
    .description("forget identities: their vectors are gone from the gallery's file")
    .argument("<ids...>", "as list tells them")
    .addOption(galleryOption())
    .action(runRemove);
}
