// Pictures that were dropped as queries. An address cannot hold one, so this browser keeps the last few:
// going back and reloading find them again, other people's browsers do not.

const MOST = 30;
const here = new Map();

/** Keeps a picture and answers the name that stands for it in the address. */
export async function keepPicture(file) {
  const id = [...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(36).padStart(2, "0")).join("");
  const kept = { id, blob: file, name: file.name || "", at: Date.now() };
  here.set(id, kept);
  await inStore("readwrite", (store) => {
    store.put(kept);
    const oldest = store.index("at").getAllKeys();
    oldest.onsuccess = () => oldest.result.slice(0, -MOST).forEach((key) => store.delete(key));
  });
  return id;
}

/** `{id, blob, name, url}`, or null when this browser has not seen it (or no longer keeps it). */
export async function recallPicture(id) {
  if (!here.has(id)) {
    const found = await inStore("readonly", (store) => store.get(id));
    if (found) here.set(id, found);
  }
  const picture = here.get(id);
  if (picture) picture.url ??= URL.createObjectURL(picture.blob);
  return picture ?? null;
}

/** The request's result; null where the browser keeps nothing for us (private windows): `here` has to do. */
async function inStore(mode, run) {
  try {
    const database = await opened();
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("pictures", mode);
      const request = run(transaction.objectStore("pictures"));
      transaction.oncomplete = () => resolve(request?.result ?? null);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch (error) {
    console.warn("Query pictures last only as long as this page:", error);
    return null;
  }
}

let opening = null;

function opened() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("twinspace", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" }).createIndex("at", "at");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}
