/** What the page needs of galleries; loaded when weights for them are chosen. */
export {
  decodeGallery,
  encodeGallery,
  Gallery,
  topMatches,
} from "@retinaface-webgpu/identify";
