import { OptionError } from "../errors.js";

/** What a service takes on; everything beyond is refused before it costs anything. */
export interface ServiceLimits {
  /** Most bytes of a request's body, all its photos together. */
  readonly maxBytes: number;
  /** Most photos of a request. */
  readonly maxPhotos: number;
  /** Most pixels of a photo, known from its header before anything is decoded. */
  readonly maxPixels: number;
  /** Most requests at a time that are received, wait or are worked on; others are answered 429. */
  readonly queue: number;
  /** Seconds that a request may take, from its head to its answer. */
  readonly seconds: number;
  /** Seconds within which its body has to be there. */
  readonly bodySeconds: number;
  /** Most connections, idle ones among them; more are closed at once. */
  readonly connections: number;
}

/** The limits of a service that is given none. */
export const DEFAULT_LIMITS: ServiceLimits = {
  maxBytes: 20 * 2 ** 20,
  maxPhotos: 16,
  maxPixels: 50_000_000,
  queue: 32,
  seconds: 30,
  bodySeconds: 10,
  connections: 2048,
};

/** The defaults with others in their places. @throws OptionError */
export function serviceLimits(given: Partial<ServiceLimits> = {}): ServiceLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      const names = Object.keys(DEFAULT_LIMITS).join(", ");
      throw new OptionError(`there is no limit "${name}": those are ${names}`);
    }
    const counts = name !== "seconds" && name !== "bodySeconds";
    if (!(value > 0 && Number.isFinite(value)) || (counts && !Number.isSafeInteger(value))) {
      const what = counts ? "a whole number of at least 1" : "a number above 0";
      throw new OptionError(`the limit ${name} must be ${what}, got ${value}`);
    }
  }
  return limits;
}
