/** A file on the public web that `retinaface pull NAME` fetches. */
export interface PublicFile {
  readonly name: string;
  readonly url: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** SPDX identifier. */
  readonly licence: string;
}

/** The name of the light weights that the package has beside its default ones. */
export const LIGHT_WEIGHTS = "light";

/** The name that is looked for where no weights are given. */
export const DEFAULT_WEIGHTS = "mobilenet0.25";

/** The known public weights, pinned to a commit and a hash. */
export const PUBLIC_FILES: readonly PublicFile[] = [
  {
    name: DEFAULT_WEIGHTS,
    url: "https://raw.githubusercontent.com/kgzhwang/Pytorch_Retinaface/6e724185520256cfa136feb4910203b1f55c5274/weights/mobilenet0.25_Final.pth",
    bytes: 1_789_735,
    sha256: "2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
    licence: "MIT",
  },
];
