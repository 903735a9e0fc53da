import { Command, InvalidArgumentError, Option } from "commander";
import type { BackendChoice } from "../detect/backend.js";
import { OptionError } from "../errors.js";
import { printable } from "../printable.js";
import { DEFAULT_LIMITS, type ServiceLimits } from "../serve/limits.js";
import { JsonLines, type Streams } from "./lines.js";
import { backendOptions, count, fraction, maxSideOption, weightsOption } from "./options.js";
import { FAILED } from "./report.js";

/** Options of `retinaface serve`, as commander names them. */
interface ServeOptionValues {
  readonly host: string;
  readonly port: number;
  readonly weights?: string;
  readonly maxSide?: number;
  readonly visThreshold?: number;
  readonly backend: BackendChoice;
  readonly threads?: number;
  readonly allowUrl: readonly string[];
  readonly maxMib: number;
  readonly maxPhotos: number;
  readonly maxMegapixels: number;
  readonly queue: number;
  readonly timeLimit: number;
  readonly bodyTime: number;
  readonly connections: number;
  readonly grace: number;
}

/** The token's place: arguments can be read by everyone on the machine. */
const TOKEN = "RETINAFACE_TOKEN";

function port(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 0 && value < 65536) return value;
  throw new InvalidArgumentError("It must be a whole number from 0, any that is free, to 65535.");
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** `retinaface serve`, without its action. */
export function serveCommand(): Command {
  const { maxBytes, maxPhotos, maxPixels, queue, seconds, bodySeconds, connections } =
    DEFAULT_LIMITS;
  const number = (flags: string, text: string, parse: (text: string) => number, value: number) =>
    new Option(flags, text).argParser(parse).default(value);
  const several = (text: string, before: readonly string[]) => [...before, text];
  const [where, threads] = backendOptions();
  return new Command("serve")
    .description(`answer HTTP requests: POST /detect; with ${TOKEN} set, to who bears it`)
    .option("--host <address>", "address to listen at; 0.0.0.0: all of them", "127.0.0.1")
    .addOption(number("--port <n>", "0: any that is free", port, 8080))
    .addOption(weightsOption())
    .addOption(maxSideOption("scale the long side down to n pixels, unless a request says another"))
    .addOption(new Option("--vis-threshold <x>", "least score of a face").argParser(fraction))
    .addOption(where)
    .addOption(threads)
    .addOption(
      new Option("--allow-url <url>", "fetch photos below this URL where a request names them")
        .argParser(several)
        .default([], "none"),
    )
    .addOption(number("--max-mib <n>", "most MiB of a request", positive, maxBytes / 2 ** 20))
    .addOption(number("--max-photos <n>", "most photos of a request", count, maxPhotos))
    .addOption(
      number("--max-megapixels <n>", "most megapixels of a photo", positive, maxPixels / 1e6),
    )
    .addOption(number("--queue <n>", "most requests under way; others are told 429", count, queue))
    .addOption(number("--time-limit <s>", "seconds of a request", positive, seconds))
    .addOption(number("--body-time <s>", "seconds for its body to arrive", positive, bodySeconds))
    .addOption(number("--connections <n>", "most connections", count, connections))
    .addOption(
      number("--grace <s>", "seconds for what is under way when it is stopped", positive, 30),
    );
}

function limitsOf(values: ServeOptionValues): ServiceLimits {
  const { maxMib, maxMegapixels, maxPhotos, queue, timeLimit, bodyTime, connections } = values;
  return {
    maxBytes: Math.round(maxMib * 2 ** 20),
    maxPhotos,
    maxPixels: Math.round(maxMegapixels * 1e6),
    queue,
    seconds: timeLimit,
    bodySeconds: bodyTime,
    connections,
  };
}

const isLocal = (host: string) => host === "localhost" || host === "::1" || host.startsWith("127.");

/**
 * Answers requests until the signal comes, then those that are under way; a line of JSON tells the address.
 *
 * @throws as `createService` and `RetinaFace.load`; RetinaFaceError `LISTEN_FAILED`
 */
export async function serve(
  values: ServeOptionValues,
  streams: Streams,
  signal: AbortSignal,
): Promise<void> {
  const { host, weights, backend, threads, maxSide, visThreshold, allowUrl, grace } = values;
  const { createService } = await import("../serve/service.node.js");
  const { RetinaFace } = await import("../detect/detector.js");
  const note = (text: string) => streams.stderr.write(`retinaface: ${printable(text)}\n`);
  const token = process.env[TOKEN] || undefined;
  if (token === undefined && !isLocal(host)) {
    note(`whoever reaches ${host} is answered: set ${TOKEN} to ask for a token`);
  }
  const detector = await RetinaFace.load({ weights, backend, threads, visThreshold });
  try {
    const service = await createService({
      detector,
      defaults: { maxSide },
      limits: limitsOf(values),
      token,
      allowUrls: allowUrl,
      onNote: note,
    });
    try {
      const listening = await service.listen({ host, port: values.port }).catch((cause) => {
        throw new OptionError(`cannot listen at ${host}, port ${values.port}: ${cause.message}`);
      });
      await new JsonLines(streams.stdout).write({ listening, backend: detector.backend });
      if (!signal.aborted) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }
    } finally {
      const answered = await service.close(grace);
      process.exitCode = answered ? 0 : FAILED;
      if (!answered) note(`requests under way after ${grace} s were given up`);
    }
  } finally {
    detector.dispose();
  }
}
