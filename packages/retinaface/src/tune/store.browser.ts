import type { TunerStore } from "@retinaface-webgpu/tensor/inference";

const DATABASE = "retinaface-webgpu";
const TEXTS = "texts";
const KEY = "kernels";

/** A text in IndexedDB, for pages and workers of one origin. */
export function kernelStore(): TunerStore {
  return {
    read: () => transact("readonly", (texts) => texts.get(KEY)),
    write: async (text) => {
      await transact("readwrite", (texts) => texts.put(text, KEY));
    },
  };
}

async function transact<T>(
  mode: IDBTransactionMode,
  request: (texts: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await openDatabase();
  try {
    const transaction = database.transaction(TEXTS, mode);
    const { result } = await new Promise<IDBRequest<T>>((resolve, reject) => {
      const made = request(transaction.objectStore(TEXTS));
      transaction.oncomplete = () => resolve(made);
      transaction.onabort = () => reject(transaction.error);
    });
    return result;
  } finally {
    database.close();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(TEXTS);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}
