/** The gallery as this browser keeps it: one value, whole after a crash. */

const DATABASE = "retinaface-people";
const STORE = "galleries";
/** Key of the only gallery. */
const PRESENT = "present";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** Opens the database for one piece of work, so that nothing holds it when it is to be deleted. */
async function withStore<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE));
  const database = await done(opening);
  try {
    const transaction = database.transaction(STORE, mode);
    const committed = new Promise<void>((resolve, reject) => {
      transaction.addEventListener("complete", () => resolve());
      transaction.addEventListener("abort", () => reject(transaction.error));
    });
    const [result] = await Promise.all([done(work(transaction.objectStore(STORE))), committed]);
    return result;
  } finally {
    database.close();
  }
}

/** @throws DOMException where the browser keeps nothing, as in some private windows */
export function keptGallery(): Promise<Uint8Array | undefined> {
  return withStore("readonly", (store) => store.get(PRESENT));
}

/** @throws DOMException, as where there is no room */
export async function keepGallery(bytes: Uint8Array): Promise<void> {
  await withStore("readwrite", (store) => store.put(bytes, PRESENT));
}

/** Deletes all that is kept of people. */
export async function forgetGallery(): Promise<void> {
  await done(indexedDB.deleteDatabase(DATABASE));
}
