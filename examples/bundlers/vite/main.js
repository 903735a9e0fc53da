import { RetinaFace } from "retinaface-webgpu";

const input = document.querySelector("input");
const output = document.querySelector("output");
const canvas = document.querySelector("canvas");

const loading = RetinaFace.load();

input.addEventListener("change", async () => {
  const detector = await loading;
  const photo = await createImageBitmap(input.files[0]);
  const faces = await detector.detect(photo);
  canvas.width = photo.width;
  canvas.height = photo.height;
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0);
  context.strokeStyle = "lime";
  context.lineWidth = 3;
  for (const { box } of faces) {
    const [x1, y1, x2, y2] = box;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  output.textContent = `faces: ${faces.length}`;
});
