// The one place that talks to the API: JSON in, JSON out, and problems (RFC 9457) as `Problem`.

import { askForKey, key } from "./key.js";
import { t } from "./i18n.js";

const ROOT = new URL("v1/", document.baseURI);

export class Problem extends Error {
  constructor({ status = 0, code = "unreachable", title = "", detail = "", errors = [] }, retryAfter = 0) {
    super(detail);
    Object.assign(this, { status, code, title, detail, errors, retryAfter });
  }
}

const unreachable = () => new Problem({ title: t("problem.unreachable"), detail: t("problem.unreachable.detail") });

/** A file that went away or was changed since it was chosen: no server has anything to do with that. */
const unreadable = () => new Problem({ status: null, code: "unreadable", detail: t("problem.unreadable") });

/** Whether a request was given up on purpose, because a newer one took its place. */
export const isAbort = (error) => error.name === "AbortError";

function headers() {
  return key() === null ? {} : { Authorization: `Bearer ${key()}` };
}

/** Sends `json` or `form` and answers the JSON. Raises `Problem`; asks for a key when one is wanted, unless `quiet`. */
export async function call(method, path, { quiet = false, ...request } = {}) {
  for (;;) {
    const used = key();
    try {
      return await send(method, path, request);
    } catch (problem) {
      if (problem.status !== 401 || !(await askForKey(used, problem.detail, quiet))) throw problem;
    }
  }
}

async function send(method, path, { json, form, signal, keepalive = false }) {
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  const body = json === undefined ? form : JSON.stringify(json);
  let response;
  let text;
  try {
    response = await fetch(new URL(path, ROOT), { method, body, signal, keepalive, headers: { ...headers(), ...type } });
    text = await response.text();
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
  return understood(response.status, response.statusText, response.headers.get("Retry-After"), text);
}

/** The document of an answer; that of a refusal is raised. What a proxy in between says may be no document at all. */
function understood(status, title, retryAfter, body) {
  const seconds = Number(retryAfter) || 0;
  let said;
  try {
    said = status === 204 ? null : JSON.parse(body);
  } catch {
    if (status < 400) throw unreachable();
    throw new Problem({ status, title: `${status} ${title}`, code: "http_error", detail: body.slice(0, 300) }, seconds);
  }
  if (status >= 400) throw new Problem({ title, ...said, status }, seconds);
  return said;
}

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => (value ?? "") !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

export const stats = (options) => call("GET", "stats", options);
export const getItem = (id, options) => call("GET", `items/${encodeURIComponent(id)}`, options);
export const listItems = (values, options) => call("GET", `items${query(values)}`, options);
export const changeItem = (id, changes) => call("PATCH", `items/${encodeURIComponent(id)}`, { json: changes });
export const deleteItem = (id, options) => call("DELETE", `items/${encodeURIComponent(id)}`, options);
export const retryItem = (id) => call("POST", `items/${encodeURIComponent(id)}/retry`);
export const facets = (values) => call("GET", `facets${query(values)}`);
export const classify = (request, options) => call("POST", "classify", { json: request, ...options });

/** Adds a caption to a picture, with the picture's tags. */
export async function addCaption({ id, tags }, text) {
  return (await call("POST", "captions", { json: { captions: [{ text, image_id: id, tags }] } })).items[0];
}

/** Searches; `files` are the pictures that parts refer to by their index. */
export function search(request, files = [], options = {}) {
  if (!files.length) return call("POST", "search", { json: request, ...options });
  const form = new FormData();
  form.append("request", JSON.stringify(request));
  for (const file of files) form.append("file", file.blob, file.name || "picture");
  return call("POST", "search", { form, ...options });
}

/** Uploads one picture. `fetch` cannot tell how far an upload is, so this is the older way.
 * `onProgress` hears a share in 0..1; one of a `bulk` lets others go first. Raises `Problem`; a 401 is left to
 * the caller, who may have more waiting. */
export async function uploadPicture(file, tags, { bulk = false, onProgress = () => {} } = {}) {
  const form = new FormData();
  form.append("file", file, file.name);
  for (const tag of tags) form.append("tags", tag);
  const request = new XMLHttpRequest();
  request.open("POST", new URL("images", ROOT));
  const urgency = bulk ? { Priority: "u=5" } : {};
  for (const [name, value] of Object.entries({ ...headers(), ...urgency })) request.setRequestHeader(name, value);
  request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
  const ended = new Promise((resolve) => (request.onloadend = resolve));
  request.send(form);
  await ended;
  if (request.status) return understood(request.status, request.statusText, request.getResponseHeader("Retry-After"), request.responseText);
  throw await file.slice(0, 1).arrayBuffer().then(unreachable, unreadable);
}
