/** Where the test server publishes the shared folder, read-only. */
function url(area: string, file: string): string {
  return `${location.origin}/${area}/${file.split("/").map(encodeURIComponent).join("/")}`;
}

/** Whether the shared folder holds this file or folder; synchronous, as tests are registered so. */
export function sharedExists(file: string): boolean {
  const request = new XMLHttpRequest();
  request.open("GET", url("shared-exists", file), false);
  request.send();
  return JSON.parse(request.responseText);
}

/** The bytes of a file of the shared folder. */
export async function readShared(file: string): Promise<Uint8Array> {
  return new Uint8Array(await (await get(file)).arrayBuffer());
}

/** Sorted names in a folder of the shared folder; folders end in `/`. */
export async function listShared(file: string): Promise<string[]> {
  return (await get(`${file.replace(/\/$/, "")}/`)).json();
}

async function get(file: string): Promise<Response> {
  const response = await fetch(url("shared", file));
  if (!response.ok) throw new Error(`GET ${response.url}: ${response.status}`);
  return response;
}
