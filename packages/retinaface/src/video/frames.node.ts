import type { RawImage } from "../types.js";
import {
  drained,
  fileArgument,
  inputOf,
  type Running,
  startFfmpeg,
  type VideoInfo,
} from "./ffmpeg.node.js";

const CHANNELS = 4;
const QUIET = ["-v", "error", "-nostdin"];

/**
 * The frames of a video as pixels, upright, at a constant rate: one that ffmpeg leaves out is repeated, so that frame n
 * lies at n / rate seconds. ffmpeg decodes ahead while a frame is looked at; each has memory of its own. Of a damaged video
 * there are the frames that could be decoded.
 *
 * @returns what ffmpeg had to say of it, nothing where it is whole
 * @throws RetinaFaceError `VIDEO_UNREADABLE`, `FFMPEG_MISSING`; the signal's reason
 */
export async function* readFrames(
  file: string,
  { width, height, rate }: VideoInfo,
  signal?: AbortSignal,
): AsyncGenerator<RawImage, string, undefined> {
  const input = [...inputOf(file), "-map", "0:v:0"];
  const output = ["-fps_mode", "cfr", "-r", rate, "-vf", `scale=${width}:${height}`];
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1"];
  const running = startFfmpeg(
    "ffmpeg",
    [...QUIET, ...input, ...output, ...raw],
    "VIDEO_UNREADABLE",
    signal,
  );
  try {
    const bytes = width * height * CHANNELS;
    let frame = new Uint8Array(bytes);
    let filled = 0;
    for await (const chunk of running.child.stdout as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + bytes - filled);
        frame.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < bytes) continue;
        yield { data: frame, width, height };
        frame = new Uint8Array(bytes);
        filled = 0;
      }
    }
    return await running.ended;
  } finally {
    running.child.kill("SIGKILL");
  }
}

/** Takes frames and makes a video of them. */
export interface VideoWriter {
  write(frame: RawImage): Promise<void>;
  /** @throws RetinaFaceError `VIDEO_UNWRITABLE` */
  finish(): Promise<void>;
  /** Ends ffmpeg; what it has written is of no use. */
  abandon(): void;
}

/** How pictures are coded, by container. Constant quality at which a copy looks like its original. */
function codec(file: string, { width, height }: VideoInfo): string[] {
  if (/\.webm$/i.test(file)) return ["-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0"];
  // Halved colours need even sides.
  const pixels = width % 2 === 0 && height % 2 === 0 ? "yuv420p" : "yuv444p";
  if (/\.ogv$/i.test(file)) return ["-c:v", "libtheora", "-q:v", "9", "-pix_fmt", pixels];
  return ["-c:v", "libx264", "-crf", "18", "-preset", "veryfast", "-pix_fmt", pixels];
}

/** What scaling calls the ways from red, green and blue to luma and chroma. */
const MATRICES: Readonly<Record<string, string>> = {
  bt709: "bt709",
  smpte170m: "smpte170m",
  bt470bg: "bt470",
  bt2020nc: "bt2020",
};

/** That pictures are meant as those of the original: their colours, and pixels that are not square. */
function meaning({ pixelAspect, colours }: VideoInfo): string[] {
  const { space = "", primaries, transfer } = colours ?? {};
  const matrix = MATRICES[space];
  const filters = [
    ...(matrix ? [`scale=out_color_matrix=${matrix}:out_range=tv`] : []),
    ...(pixelAspect ? [`setsar=${pixelAspect.replace(":", "/")}`] : []),
  ];
  return [
    ...(filters.length > 0 ? ["-vf", filters.join(",")] : []),
    ...(matrix ? ["-colorspace", space, "-color_range", "tv"] : []),
    ...(primaries ? ["-color_primaries", primaries] : []),
    ...(transfer ? ["-color_trc", transfer] : []),
  ];
}

/**
 * Begins a video of frames with the sound of another video and none of its metadata, cover picture or subtitles.
 *
 * @param to its last part tells the container
 */
export function writeVideo(
  to: string,
  info: VideoInfo,
  soundOf: string,
  signal?: AbortSignal,
): VideoWriter {
  const { width, height, rate } = info;
  const frames = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", `${width}x${height}`, "-r", rate];
  const mapping = ["-map", "0:v", "-map", "1:a?", "-c:a", "copy", "-map_metadata", "-1"];
  const running: Running = startFfmpeg(
    "ffmpeg",
    [
      "-v",
      "error",
      ...frames,
      "-i",
      "pipe:0",
      ...inputOf(soundOf),
      ...mapping,
      ...meaning(info),
      ...codec(to, info),
      "-y",
      fileArgument(to),
    ],
    "VIDEO_UNWRITABLE",
    signal,
  );
  return {
    write: async ({ data }) => {
      const more = running.child.stdin?.write(
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      );
      if (more === false) await drained(running);
    },
    finish: async () => {
      running.child.stdin?.end();
      await running.ended;
    },
    abandon: () => running.child.kill("SIGKILL"),
  };
}
