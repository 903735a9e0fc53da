const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder, not a file",
  ELOOP: "a link in it goes round in a circle",
  ENAMETOOLONG: "its name is too long",
  ENXIO: "it is not a file",
};

/** Why the file system refuses to read a file, in our words where there are some. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}
