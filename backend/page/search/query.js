// A query as the address bar holds it, as the page shows it, and as the API takes it.
//
//   ?q=a+cat&w=2&like=ID&w=-1&picture=KEY&tag=pets&not=blurry&after=2026-01-01&mode=hybrid&min=0.25&cut=1
//
// Parts keep their order; `w` is the weight of the part before it (1 when left out, negative: less like this).

const PART_NAMES = { q: "text", like: "item", picture: "picture" };
const NAMES_OF = Object.fromEntries(Object.entries(PART_NAMES).map(([name, kind]) => [kind, name]));
const MOST_PARTS = 16;
export const MOST_WEIGHT = 1000;

const EMPTY = {
  parts: [], // {kind: "text" | "item" | "picture", value, weight}
  only: "", // "images" or "captions"
  tags: [],
  without: [],
  after: "",
  before: "",
  mode: "dense",
  min: 0,
  cut: false,
  order: "relevance",
  varied: false,
  captioned: false,
};

export function readQuery(params) {
  const query = structuredClone(EMPTY);
  for (const [name, value] of params) {
    if (name in PART_NAMES && value.trim() && query.parts.length < MOST_PARTS) {
      query.parts.push({ kind: PART_NAMES[name], value: value.trim(), weight: 1 });
    }
    if (name === "w" && query.parts.length) query.parts.at(-1).weight = within(value, -MOST_WEIGHT, MOST_WEIGHT, 1);
  }
  query.tags = params.getAll("tag");
  query.without = params.getAll("not");
  query.only = oneOf(params.get("only"), ["", "images", "captions"]);
  query.mode = oneOf(params.get("mode"), ["dense", "lexical", "hybrid"]);
  query.order = oneOf(params.get("order"), ["relevance", "created_at"]);
  for (const name of ["after", "before"]) query[name] = /^\d{4}-\d\d-\d\d$/.test(params.get(name)) ? params.get(name) : "";
  query.min = within(params.get("min"), 0, 1, 0);
  for (const name of ["cut", "varied", "captioned"]) query[name] = params.get(name) === "1";
  return held(query);
}

export function writeQuery(query) {
  const params = new URLSearchParams();
  for (const { kind, value, weight } of query.parts) {
    params.append(NAMES_OF[kind], value);
    if (weight !== 1) params.append("w", String(weight));
  }
  for (const tag of query.tags) params.append("tag", tag);
  for (const tag of query.without) params.append("not", tag);
  for (const name of ["only", "mode", "order", "after", "before"]) {
    if (query[name] !== EMPTY[name]) params.set(name, query[name]);
  }
  if (query.min) params.set("min", String(query.min));
  for (const name of ["cut", "varied", "captioned"]) if (query[name]) params.set(name, "1");
  return `?${params}`;
}

/** The same query with `changes`; `parts` of two equal things become one, the later weight counting. */
export function changed(query, changes) {
  const next = { ...structuredClone(query), ...changes };
  const distinct = new Map(next.parts.map((part) => [`${part.kind} ${part.value}`, part]));
  return held({ ...next, parts: [...distinct.values()].slice(-MOST_PARTS) });
}

/** Without parts there is no search, only a listing, which knows a tag and its kinds: other filters would not hold. */
function held(query) {
  if (query.parts.length) return query;
  return { ...query, tags: query.tags.slice(0, 1), without: [], after: "", before: "", only: query.tags.length ? query.only : "" };
}

/** A new query for one part alone, for instance "captions that fit this picture". */
export function queryFor(part, only = "") {
  return { ...structuredClone(EMPTY), parts: [{ weight: 1, ...part }], only };
}

/** What the query becomes by what was chosen beside a hit: "more", "less", "captions" or "pictures". */
export function withAction(query, action, id) {
  const part = { kind: "item", value: id, weight: action === "less" ? -1 : 1 };
  if (action === "captions" || action === "pictures") return queryFor(part, action === "captions" ? action : "images");
  return changed(query, { parts: [...query.parts.filter(({ value }) => value !== id), part] });
}

/** The body of `POST /v1/search`, and the dropped pictures to send along, in the order of their parts. */
export function toRequest(query, limit, cursor = null) {
  const pictures = [];
  const parts = query.parts.map(({ kind, value, weight }) => {
    if (kind !== "picture") return { [kind]: value, weight };
    pictures.push(value);
    return { file: pictures.length - 1, weight };
  });
  const request = { query: parts, limit, return: query.only ? [query.only] : ["images", "captions"], filter: toFilter(query) };
  if (cursor) request.cursor = cursor;
  if (query.mode !== "dense") request.mode = query.mode;
  if (query.order !== "relevance") request.order_by = query.order;
  if (query.varied && query.order === "relevance") request.diversify = 0.5; // the API takes one of the two
  if (query.cut && query.min) request.min_relevance = query.min;
  return { request, pictures };
}

function toFilter({ tags, without, after, before, captioned }) {
  const filter = {};
  if (tags.length) filter.tags_all = tags;
  if (without.length) filter.tags_none = without;
  if (after) filter.created_after = midnight(after, 0);
  if (before) filter.created_before = midnight(before, 1);
  if (captioned) filter.has_caption = true;
  return filter;
}

/** When that day starts where the reader is (`later` days after), as the API writes times. */
function midnight(day, later) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

function oneOf(value, allowed) {
  return allowed.includes(value) ? value : allowed[0];
}

function within(value, least, most, otherwise) {
  const number = value === null || value === "" ? NaN : Number(value);
  return Number.isFinite(number) ? Math.min(most, Math.max(least, number)) : otherwise;
}
