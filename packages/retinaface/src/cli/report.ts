import { type Command, CommanderError } from "commander";
import { printable, printableLines } from "../printable.js";

/*
 * Exit codes: 0 all done, 1 something failed, 2 wrong usage; 130 and 143 after Ctrl-C and SIGTERM.
 * JSON goes to standard output, everything else to standard error.
 */
export const FAILED = 1;
export const USAGE = 2;

/** What is said of an error that no code foresaw. */
const UNFORESEEN = "INTERNAL";

/** Lets nothing that commander repeats of the arguments be obeyed by a terminal. */
export function withPrintableOutput(program: Command): Command {
  return program.configureOutput({
    writeOut: (text) => process.stdout.write(printableLines(text)),
    writeErr: (text) => process.stderr.write(printableLines(text)),
  });
}

/**
 * Tells on standard error why a command ended: one line, with the error's code. One without a code is a fault of the
 * program and comes with its stack.
 *
 * @param usageCodes codes of errors of arguments rather than of the work
 * @returns the exit code
 */
export function reportError(
  program: string,
  error: unknown,
  usageCodes: ReadonlySet<string>,
): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const { code, message, stack } = Object(error) as Partial<Error & { code: unknown }>;
  if (typeof code === "string") {
    process.stderr.write(`${program}: ${printable(String(message))} [${printable(code)}]\n`);
    return usageCodes.has(code) ? USAGE : FAILED;
  }
  const told = printableLines(stack ?? String(error));
  process.stderr.write(
    `${program}: please report this fault of the program: ${told} [${UNFORESEEN}]\n`,
  );
  return FAILED;
}
