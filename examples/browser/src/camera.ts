import { DetectorError } from "./errors.js";

const CAMERA_FAILED = "CAMERA_FAILED";

/** A live picture of the camera. */
export class Camera {
  readonly video: HTMLVideoElement;
  #stream: MediaStream | undefined;

  constructor(video: HTMLVideoElement) {
    this.video = video;
  }

  get running(): boolean {
    return this.#stream !== undefined;
  }

  /** @throws DetectorError that says what the person can do. */
  async start(): Promise<void> {
    if (navigator.mediaDevices === undefined) {
      const message = "This browser gives pages no camera here: open the page over https.";
      throw new DetectorError({ code: CAMERA_FAILED, message });
    }
    const video = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      const failure = { code: CAMERA_FAILED, message: cameraProblem(error) };
      throw new DetectorError(failure, { cause: error });
    }
    this.video.srcObject = this.#stream;
    await this.video.play();
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.video.srcObject = null;
  }

  /** The present picture, to be closed by whoever gets it: where the browser can, as the camera gave it, without a copy. */
  async takeFrame(): Promise<VideoFrame | ImageBitmap> {
    if (typeof VideoFrame !== "function") return createImageBitmap(this.video);
    return new VideoFrame(this.video);
  }

  /** Waits for a frame that was not seen yet. */
  nextFrame(): Promise<void> {
    return new Promise((done) => {
      if ("requestVideoFrameCallback" in this.video) {
        this.video.requestVideoFrameCallback(() => done());
      } else requestAnimationFrame(() => done());
    });
  }
}

function cameraProblem(error: unknown): string {
  const name = (error as { name?: unknown }).name;
  if (name === "NotAllowedError") {
    return "The camera was refused: allow it for this page in the browser's address bar.";
  }
  if (name === "NotFoundError") return "There is no camera on this device.";
  if (name === "NotReadableError")
    return "Another program is using the camera: close it and try again.";
  return `The camera did not start: ${String(error)}`;
}
