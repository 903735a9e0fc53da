/** Face meshes as glTF. This module is loaded when somebody asks for such a file. */
import { Document, WebIO } from "@gltf-transform/core";
import type { FaceMesh } from "retinaface-webgpu";

/** glTF is in metres: a pixel becomes a millimetre. */
const METRES = 1e-3;

/**
 * One binary glTF with a node a face, where it is in the picture: y up and z towards the viewer, from the picture's upper left
 * corner; with colours at the vertices and texture coordinates.
 */
export async function glbOf(meshes: readonly FaceMesh[]): Promise<Uint8Array> {
  const document = new Document();
  const buffer = document.createBuffer();
  const scene = document.createScene();
  const material = document.createMaterial("skin").setMetallicFactor(0).setDoubleSided(true);
  const rows = (type: "VEC2" | "VEC3", array: Float32Array) =>
    document.createAccessor().setBuffer(buffer).setType(type).setArray(new Float32Array(array));
  for (const [i, { vertices, triangles, colours, uv }] of meshes.entries()) {
    const places = vertices.map((value, k) => (k % 3 === 0 ? value : -value) * METRES);
    const indices = document.createAccessor().setBuffer(buffer);
    const primitive = document
      .createPrimitive()
      .setMaterial(material)
      .setIndices(indices.setType("SCALAR").setArray(Uint16Array.from(triangles)))
      .setAttribute("POSITION", rows("VEC3", places))
      .setAttribute("COLOR_0", rows("VEC3", colours.map(linear)))
      // glTF counts v from the top.
      .setAttribute(
        "TEXCOORD_0",
        rows(
          "VEC2",
          uv.map((t, k) => (k % 2 === 0 ? t : 1 - t)),
        ),
      );
    const name = `face${i + 1}`;
    const mesh = document.createMesh(name).addPrimitive(primitive);
    scene.addChild(document.createNode(name).setMesh(mesh));
  }
  return new WebIO().writeBinary(document);
}

/** Colours of pictures are sRGB, those of vertices linear. */
function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
