/**
 * Faces in the camera's picture. Every new frame is offered to a stream, which takes it or drops it: at most two are
 * under way, so that the boxes keep up with the picture however slow the device is. Where the browser can, a frame goes
 * to the GPU as the camera gave it.
 */
import { RetinaFace } from "retinaface-webgpu";

const element = (id) => document.getElementById(id);
const video = element("video");
const overlay = element("overlay");
const toggle = element("toggle");
const maxSide = element("max-side");

let detector;
/** Ends what the camera was started with. */
let running;

/** Least time between two things said of the picture: a screen reader reads them all. */
const SAY_EVERY_MS = 1000;
let said = -SAY_EVERY_MS;

const say = (text) => {
  if (element("status").textContent !== text) element("status").textContent = text;
};

const nextFrame = () =>
  new Promise((done) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(done);
    else requestAnimationFrame(done);
  });

function draw(faces) {
  overlay.width = video.videoWidth;
  overlay.height = video.videoHeight;
  const context = overlay.getContext("2d");
  const size = Math.max(2, overlay.width / 300);
  context.lineWidth = size;
  context.strokeStyle = "#2ee6a6";
  context.fillStyle = "#ffffff";
  for (const { box, landmarks } of faces) {
    const [x1, y1, x2, y2] = box;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    for (const [x, y] of Object.values(landmarks)) {
      context.fillRect(x - size, y - size, size * 2, size * 2);
    }
  }
  const found = `${faces.length} ${faces.length === 1 ? "face" : "faces"}`;
  overlay.setAttribute("aria-label", `The camera's picture: ${found}`);
  if (performance.now() - said < SAY_EVERY_MS) return;
  said = performance.now();
  say(`${found} in the camera's picture.`);
}

/** Looks at one frame. A lost device is not the end: the detector takes another one for the next frame. */
async function look(stream, signal) {
  const started = performance.now();
  try {
    const faces = await stream.push(video);
    if (faces === undefined) return false;
    element("latency").textContent = `${Math.round(performance.now() - started)} ms`;
    if (!signal.aborted) draw(faces);
  } catch (error) {
    if (signal.aborted) return false;
    if (error.code !== "DEVICE_LOST") throw error;
    say("The graphics device was lost. Starting it again…");
  }
  return true;
}

async function watch(signal) {
  const side = maxSide.value === "" ? undefined : Number(maxSide.value);
  const stream = detector.stream({ maxSide: side, signal });
  const counts = { shown: 0, looked: 0, dropped: 0 };
  while (!signal.aborted) {
    await nextFrame();
    if (signal.aborted) return;
    counts.shown++;
    // Not awaited: the next frame is offered while this one is looked at.
    look(stream, signal).then((looked) => {
      counts.looked += Number(looked);
    }, stop);
    counts.dropped = stream.dropped;
    for (const [name, count] of Object.entries(counts)) element(name).textContent = count;
  }
}

async function start() {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: size });
  await video.play();
  toggle.textContent = "Stop the camera";
  running = new AbortController();
  await watch(running.signal);
}

/** @param error what ended it, if anything did */
function stop(error) {
  running?.abort();
  running = undefined;
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  toggle.textContent = "Start the camera";
  say(error ? error.message : "The camera is off.");
}

toggle.addEventListener("click", () => (running ? stop() : start().catch(stop)));
maxSide.addEventListener("change", () => {
  if (!running) return;
  running.abort();
  running = new AbortController();
  void watch(running.signal);
});

try {
  detector = await RetinaFace.load({
    weights: new URL("../weights/default.safetensors", location.href),
    backend: new URLSearchParams(location.search).get("backend") ?? "auto",
  });
  toggle.disabled = false;
  const { backend, threads, device } = detector;
  say(backend === "webgpu" ? `Ready, on ${device.adapter.name}.` : `Ready, on ${threads} threads.`);
} catch (error) {
  say(error.message);
}
