// Items that the page has met, so that a chip can show a picture without asking for it again; and links
// that are made new when their signature has run out.

import { getItem, listItems } from "./api.js";

const known = new Map();

export function know(items) {
  for (const item of items) known.set(item.id, item);
}

/** The items with these ids by id; what is not there (any more) is left out. */
export async function itemsById(ids) {
  const missing = ids.filter((id) => !known.has(id) || known.get(id).status === "pending");
  if (missing.length) know((await listItems({ ids: missing.join(",") })).items);
  return new Map(ids.filter((id) => known.has(id)).map((id) => [id, known.get(id)]));
}

/** Shows `item`'s picture in `image`: the `name`d link, and a fresh one should that have run out. */
export function showPicture(image, item, name, onFailure = () => {}) {
  let renewed = false;
  image.addEventListener("error", async () => {
    if (renewed) return onFailure();
    renewed = true;
    try {
      const fresh = await getItem(item.kind === "image" ? item.id : item.image_id);
      if (fresh.links[name] === item.links[name]) return onFailure();
      image.src = fresh.links[name];
    } catch (error) {
      console.warn("A picture cannot be shown:", error.message);
      onFailure();
    }
  });
  image.src = item.links[name];
}
