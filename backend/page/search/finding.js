// Asks the API: by the parts of a query, or, without any, for what came last.

import { listItems, search } from "../lib/api.js";
import { know } from "../lib/items.js";
import { recallPicture } from "../lib/pictures.js";
import { toRequest } from "./query.js";

/** `unknown`: nothing can be asked, since this browser has none of the query's dropped pictures. */
export async function find(query, limit, cursor, signal) {
  const files = new Map();
  for (const { kind, value } of query.parts) if (kind === "picture") files.set(value, await recallPicture(value));
  const parts = query.parts.filter(({ value }) => files.get(value) !== null);
  if (!parts.length) return { unknown: true, images: [], captions: [], cursor: null, took: 0 };
  const { request, pictures } = toRequest({ ...query, parts }, limit, cursor);
  const answer = await search(request, pictures.map((id) => files.get(id)), { signal });
  know([...answer.images, ...answer.captions]);
  return { ...answer, cursor: answer.next_cursor, took: answer.took_ms.total };
}

/** Without a query there is what came last: pictures, and with a tag captions too. `cursor` has one of each. */
export async function browse({ tags: [tag], only }, limit, cursor, signal) {
  const wanted = only || (tag ? "images, captions" : "images");
  const list = (kind) => {
    const over = cursor ? !cursor[kind] : !wanted.includes(kind);
    return over ? { items: [], next_cursor: null } : listItems({ kind, status: "indexed", tag, limit, cursor: cursor?.[kind] }, { signal });
  };
  const [image, caption] = await Promise.all([list("image"), list("caption")]);
  know([...image.items, ...caption.items]);
  const next = { image: image.next_cursor, caption: caption.next_cursor };
  return { images: image.items, captions: caption.items, cursor: next.image || next.caption ? next : null, took: 0 };
}
