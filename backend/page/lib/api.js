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

export const unreachable = () => new Problem({ title: t("problem.unreachable"), detail: t("problem.unreachable.detail") });

/** Whether a request was given up on purpose, because a newer one took its place. */
export const isAbort = (error) => error.name === "AbortError";

function headers() {
  return key() === null ? {} : { Authorization: `Bearer ${key()}` };
}

/** Sends `json` or `form` and answers the JSON. Raises `Problem`; asks for a key when one is wanted. */
export async function call(method, path, { json, form, signal, keepalive = false } = {}) {
  for (;;) {
    const used = key();
    const response = await send(method, path, { json, form, signal, keepalive });
    if (response.ok) return response.status === 204 ? null : response.json();
    const problem = await problemOf(response);
    if (problem.status !== 401 || !(await askForKey(used, problem.detail))) throw problem;
  }
}

async function send(method, path, { json, form, signal, keepalive }) {
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  const body = json === undefined ? form : JSON.stringify(json);
  try {
    return await fetch(new URL(path, ROOT), { method, body, signal, keepalive, headers: { ...headers(), ...type } });
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  return problemFrom(response.status, response.statusText, await response.text(), retryAfter);
}

/** What a refusal says; from a proxy in between it may be no problem document at all. */
function problemFrom(status, title, body, retryAfter) {
  try {
    return new Problem({ title, ...JSON.parse(body), status }, retryAfter);
  } catch {
    return new Problem({ status, title: `${status} ${title}`, code: "http_error", detail: body.slice(0, 300) }, retryAfter);
  }
}

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
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
 * `onProgress` hears a share in 0..1. Raises `Problem`; a 401 is left to the caller, who may have more waiting. */
export function uploadPicture(file, tags, onProgress) {
  const form = new FormData();
  form.append("file", file, file.name);
  for (const tag of tags) form.append("tags", tag);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", new URL("images", ROOT));
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(unreachable());
    request.onload = () => {
      if (request.status < 400) return resolve(JSON.parse(request.responseText));
      const retryAfter = Number(request.getResponseHeader("Retry-After")) || 0;
      return reject(problemFrom(request.status, request.statusText, request.responseText, retryAfter));
    };
    request.send(form);
  });
}
