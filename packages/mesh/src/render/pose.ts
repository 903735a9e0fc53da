/** How a head is turned before a camera, in degrees: the angles of `facePose`, which has them of five landmarks alone. */
export interface Pose {
  /** Where the face looks, to the right of the image. */
  readonly yaw: number;
  /** Down. */
  readonly pitch: number;
  /** Clockwise in the image: the slope of the line of the eyes. */
  readonly roll: number;
}

/** Of `cameraFor`. */
export interface CameraPlace {
  readonly pose?: Partial<Pose> | undefined;
  /** From the origin of the mesh's space, in its unit; default 60. */
  readonly distance?: number | undefined;
  /** In half heights of the image; default 5. */
  readonly focal?: number | undefined;
  /** How far the head is seen to the right of the image's middle and above it, in the mesh's unit; default 0, 0. */
  readonly shift?: readonly [right: number, up: number] | undefined;
}

const DEGREES = 180 / Math.PI;

/** The seven numbers of the camera that sees a head at the origin turned as `pose` says. */
export function cameraFor(place: CameraPlace = {}): number[] {
  const { pose = {}, distance = 60, focal = 5, shift = [0, 0] } = place;
  const [yaw, pitch, roll] = [pose.yaw, pose.pitch, pose.roll].map((angle = 0) => angle / DEGREES);
  const [sy, sp, sr] = [yaw, pitch, roll].map(Math.sin);
  const [cy, cp, cr] = [yaw, pitch, roll].map(Math.cos);
  // The head is turned by Ry(yaw) Rx(pitch) Rz(-tilt), such that its x axis has the slope of roll in the image.
  const tilt = Math.atan2(sr * cy, cp * cr + sr * sp * sy);
  const [st, ct] = [Math.sin(tilt), Math.cos(tilt)];
  const columns = [
    [ct * cy - st * sp * sy, -st * cp, -ct * sy - st * sp * cy],
    [st * cy + ct * sp * sy, ct * cp, -st * sy + ct * sp * cy],
    [sy * cp, -sp, cy * cp],
  ];
  // The camera is turned by the inverse, W: its rows are the columns. W = Ry(b) Rx(a) Rz(c).
  const back = columns.map((column) => column[2]);
  const a = Math.asin(Math.max(-1, Math.min(1, -back[1])));
  const b = Math.atan2(back[0], back[2]);
  const c = Math.atan2(columns[1][0], columns[1][1]);
  const at = columns.map(([x, y, z]) => z * distance - x * shift[0] - y * shift[1]);
  return [...at, a, b, c, focal];
}

/** How a head is turned before a camera of seven numbers: the inverse of `cameraFor`. */
export function poseOfCamera(camera: ArrayLike<number>): Pose {
  const [[sa, ca], [sb, cb], [sc, cc]] = [3, 4, 5].map((k) => [
    Math.sin(camera[k]),
    Math.cos(camera[k]),
  ]);
  const forward = [cb * sa * sc - sb * cc, cb * sa * cc + sb * sc, cb * ca];
  return {
    yaw: Math.atan2(forward[0], forward[2]) * DEGREES,
    pitch: Math.asin(Math.max(-1, Math.min(1, -forward[1]))) * DEGREES,
    roll: Math.atan2(cb * sc - sb * sa * cc, cb * cc + sb * sa * sc) * DEGREES,
  };
}
