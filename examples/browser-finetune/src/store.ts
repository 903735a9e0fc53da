/** The work as it is kept in this browser: photos with their boxes, and weights that were trained. */
import type { Box } from "./protocol.js";

/** A photo as it is kept. */
export interface KeptPhoto {
  readonly id: number;
  readonly name: string;
  readonly blob: Blob;
  readonly boxes: readonly Box[];
  /** Somebody said that no face is in it. */
  readonly isEmpty: boolean;
}

/** Weights as they are kept. */
export interface KeptWeights {
  readonly name: string;
  readonly blob: Blob;
}

const DATABASE = "retinaface-finetune";
const PHOTOS = "photos";
const WEIGHTS = "weights";
/** Key of the only weights. */
const PRESENT = "present";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** Photos and weights in IndexedDB: whole after a crash, since each change is a transaction. */
export class Store {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  /** @throws DOMException where the browser keeps nothing, as in some private windows */
  static async open(): Promise<Store> {
    const opening = indexedDB.open(DATABASE, 1);
    opening.addEventListener("upgradeneeded", () => {
      opening.result.createObjectStore(PHOTOS, { keyPath: "id" });
      opening.result.createObjectStore(WEIGHTS);
    });
    return new Store(await done(opening));
  }

  async photos(): Promise<KeptPhoto[]> {
    return done(this.#objects(PHOTOS, "readonly").getAll());
  }

  async keepPhoto(photo: KeptPhoto): Promise<void> {
    await done(this.#objects(PHOTOS, "readwrite").put(photo));
  }

  async weights(): Promise<KeptWeights | undefined> {
    return done(this.#objects(WEIGHTS, "readonly").get(PRESENT));
  }

  async keepWeights(weights: KeptWeights): Promise<void> {
    await done(this.#objects(WEIGHTS, "readwrite").put(weights, PRESENT));
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    for (const name of [PHOTOS, WEIGHTS]) await done(this.#objects(name, "readwrite").clear());
  }

  #objects(name: string, mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(name, mode).objectStore(name);
  }
}
