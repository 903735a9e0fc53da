/** A failure that the person at the terminal can act on: printed without a stack. */
export class SetupError extends Error {
  /** @param {number} exitCode 1: a step failed; 2: the machine lacks something, the message says what to run. */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = "SetupError";
    this.code = "SETUP_FAILED";
    this.exitCode = exitCode;
  }
}

/** Progress goes to standard error: standard output belongs to the command that setup precedes. */
export function progress(message) {
  process.stderr.write(`setup: ${message}\n`);
}

/** Ends the tool of a name, which was asked for what cannot be, with a message and exit code 2. */
export function failAs(tool) {
  return (message) => {
    console.error(`${tool}: ${message}`);
    process.exit(2);
  };
}
