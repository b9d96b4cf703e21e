// Uploads outlive the view that shows them: files wait here, go out a few at a time, and are watched until
// they can be found.

import { Problem, changeItem, listItems, retryItem, uploadPicture } from "../lib/api.js";
import { askForKey, key } from "../lib/key.js";

const AT_ONCE = 3;
const WATCHED = 80; // ids that fit into an address
const WATCH_MS = 700;
const FIRST_PAUSE = 1; // seconds, doubled each time while the server is away or busy
const LONGEST_PAUSE = 30;
const PASSING = [0, 429, 502, 503, 504]; // nobody there, or nobody who has time

/** `{key, file, state, progress, item, duplicate, problem}`; states: waiting, sending, pending, indexed, failed. */
export const entries = [];
const listeners = new Set();
let next = 0;
let sending = 0;
let pause = { seconds: 0, timer: 0, problem: null };
let watching = false;

/** Calls `listener(entry)` when one entry changes, `listener(null)` when there are more, fewer, or a pause. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(entry = null) {
  for (const listener of listeners) listener(entry);
}

export function add(files, tags) {
  for (const file of files) entries.push({ key: entries.length, file, tags, state: "waiting", progress: 0, item: null, duplicate: false, problem: null });
  tell();
  pump();
}

/** Why nothing is sent at the moment, or null. */
export const paused = () => pause.problem;

export function counts() {
  const counted = { waiting: 0, sending: 0, pending: 0, indexed: 0, failed: 0, duplicate: 0 };
  for (const { state, duplicate } of entries) {
    counted[state] += 1;
    if (duplicate) counted.duplicate += 1;
  }
  return counted;
}

export async function retry(entry) {
  if (entry.item === null) {
    Object.assign(entry, { state: "waiting", problem: null, progress: 0 });
    next = Math.min(next, entry.key);
    tell(entry);
    return resume();
  }
  const item = await retryItem(entry.item.id);
  change(entry, { item, state: item.status, problem: null });
  return watch();
}

export function retryAll() {
  return Promise.all(entries.filter(({ state }) => state === "failed").map(retry));
}

export function resume() {
  clearTimeout(pause.timer);
  pause = { ...pause, timer: 0, problem: null };
  tell();
  pump();
}

export async function setTags(entry, tags) {
  change(entry, { item: await changeItem(entry.item.id, { tags }) });
}

function change(entry, values) {
  Object.assign(entry, values);
  tell(entry);
}

function pump() {
  while (sending < AT_ONCE && !pause.problem) {
    while (next < entries.length && entries[next].state !== "waiting") next += 1;
    if (next === entries.length) return;
    send(entries[next]);
  }
}

async function send(entry) {
  sending += 1;
  const used = key();
  change(entry, { state: "sending", progress: 0 });
  try {
    const { items } = await uploadPicture(entry.file, entry.tags, (progress) => change(entry, { progress }));
    const [item] = items;
    change(entry, { item, state: item.status, duplicate: item.duplicate, problem: item.error, progress: 1 });
    pause.seconds = 0;
    watch();
  } catch (problem) {
    await refused(entry, problem, used);
  } finally {
    sending -= 1;
    pump();
  }
}

/** What says nothing about the file itself makes everything wait and then go on; the rest is a failure. */
async function refused(entry, problem, used) {
  if (!(problem instanceof Problem)) throw problem;
  const again = () => {
    change(entry, { state: "waiting", progress: 0 });
    next = Math.min(next, entry.key);
  };
  if (problem.status === 401) {
    again();
    if (!(await askForKey(used, problem.detail))) wait(problem, Infinity);
  } else if (PASSING.includes(problem.status)) {
    again();
    wait(problem, Math.max(problem.retryAfter, Math.min(LONGEST_PAUSE, pause.seconds * 2 || FIRST_PAUSE)));
  } else {
    change(entry, { state: "failed", problem });
  }
}

/** Sends nothing for so many seconds; for ever means until the reader says so. */
function wait(problem, seconds) {
  if (pause.problem) return;
  pause = seconds === Infinity ? { ...pause, problem } : { seconds, problem, timer: setTimeout(resume, seconds * 1000) };
  tell();
}

/** Asks about what was accepted, oldest first (that is the order it is worked on), until all is known. */
async function watch() {
  if (watching) return;
  watching = true;
  try {
    for (;;) {
      const open = entries.filter(({ state }) => state === "pending").slice(0, WATCHED);
      if (!open.length) return;
      const settled = await look(open);
      if (!settled) await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
  } finally {
    watching = false;
  }
}

/** True when so much has changed that it is worth looking again at once. */
async function look(open) {
  try {
    const { items } = await listItems({ ids: open.map(({ item }) => item.id).join(","), limit: WATCHED });
    const found = new Map(items.map((item) => [item.id, item]));
    for (const entry of open) {
      const item = found.get(entry.item.id);
      if (!item) change(entry, { state: "failed", problem: { title: "", detail: "", code: "deleted" } });
      else if (item.status !== "pending") change(entry, { item, state: item.status, problem: item.error });
    }
    return open.length === WATCHED && open.every(({ state }) => state !== "pending");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return false; // The server is away or wants a key: what was accepted is kept, and asked for later.
  }
}

addEventListener("beforeunload", (event) => {
  if (entries.some(({ state }) => state === "waiting" || state === "sending")) event.preventDefault();
});
