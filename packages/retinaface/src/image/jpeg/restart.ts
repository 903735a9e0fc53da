import { MARKER, nextMarker } from "./header.js";

/** What is behind an interval: the next one's data, or none and the marker that is left unread. */
export interface IntervalEnd {
  position: number;
  resumed: boolean;
  /** Bytes that were passed over. */
  skipped: number;
  /** Whether another marker came first than the one looked for. */
  other: boolean;
}

export const isRestart = (marker: number) => marker >= MARKER.RST0 && marker <= MARKER.RST7;

/**
 * Looks for the restart marker with a number (0..7), and where another is found decides as libjpeg does
 * (its jpeg_resync_to_restart): one of the next two means that the one looked for is lost, so that
 * its interval has no data; one of the two before is passed over; any other is taken for it.
 *
 * @param bytes must have a marker behind every position.
 */
export function passRestart(bytes: Uint8Array, from: number, number: number): IntervalEnd {
  let at = nextMarker(bytes, from);
  const skipped = at - from - fillBytes(bytes, at, from);
  let other = false;
  for (;;) {
    const marker = bytes[at + 1];
    const ahead = (marker - MARKER.RST0 - number) & 7;
    const earlier = isRestart(marker) && ahead >= 6;
    if (marker >= MARKER.SOF0 && !earlier) {
      const resumed = isRestart(marker) && ahead !== 1 && ahead !== 2;
      return { position: resumed ? at + 2 : at, resumed, skipped, other: other || ahead !== 0 };
    }
    other = true;
    at = nextMarker(bytes, at + 2);
  }
}

/** How many bytes 0xff come right before a marker. */
function fillBytes(bytes: Uint8Array, marker: number, from: number): number {
  let count = 0;
  while (marker - count > from && bytes[marker - count - 1] === 0xff) count++;
  return count;
}
