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

/** Without a query there is what came last, all of it or of one tag. */
export async function browse({ tags }, limit, cursor, signal) {
  const answer = await listItems({ kind: "image", status: "indexed", tag: tags[0], limit, cursor }, { signal });
  know(answer.items);
  return { images: answer.items, captions: [], cursor: answer.next_cursor, took: 0 };
}
