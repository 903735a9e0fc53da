/** The part of an image that a face is redacted in: whole pixels, clipped; `right` and `bottom` exclusive. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** The box that has grown, not clipped: sizes follow it. */
  readonly width: number;
  readonly height: number;
  /** Whether a pixel is redacted. */
  readonly has: (x: number, y: number) => boolean;
}
