/** The box around a rectangle that is turned about a point by so many degrees, clockwise as the image shows it. */
export function boxAroundTurned(
  [x1, y1, x2, y2]: readonly number[],
  degrees: number,
  [px, py]: readonly number[],
): number[] {
  if (degrees % 360 === 0) return [x1, y1, x2, y2];
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const corners = [
    [x1, y1],
    [x2, y1],
    [x2, y2],
    [x1, y2],
  ].map(([x, y]) => [px + (x - px) * cos - (y - py) * sin, py + (x - px) * sin + (y - py) * cos]);
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
