// Uploads outlive the view that shows them: files wait here, go out a few at a time, and are watched until
// they can be found.

import { Problem, changeItem, listItems, retryItem, uploadPicture } from "../lib/api.js";
import { bringBack } from "../lib/deleting.js";
import { askForKey, key } from "../lib/key.js";
import { poll } from "../lib/polling.js";

const AT_ONCE = 3;
const MANY = 8; // more that come together are a bulk: what comes alone goes before them
const WATCHED = 80; // ids that fit into an address
const WATCH_MS = 700;
const FIRST_PAUSE = 1; // seconds, doubled each time while the server is away or busy
const LONGEST_PAUSE = 30;
const PASSING = [0, 429, 502, 503, 504]; // nobody there, or nobody who has time

/** `{key, file, tags, bulk, state, progress, item, duplicate, captions, problem}`; states: waiting, sending, pending, indexed, failed. */
export const entries = [];
const listeners = new Set();
let sending = 0;
let pause = { seconds: 0, timer: 0, problem: null };

/** Calls `listener(entry)` when one entry changes, `listener(null)` when there are more, fewer, or a pause. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(entry = null) {
  for (const listener of listeners) listener(entry);
}

export function add(files, tags) {
  const bulk = files.length > MANY;
  for (const file of files) entries.push({ key: entries.length, file, tags, bulk, state: "waiting", progress: 0, item: null, duplicate: false, captions: [], problem: null });
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
    change(entry, { state: "waiting", problem: null, progress: 0 });
    return resume();
  }
  const item = await retryItem(entry.item.id);
  change(entry, { item, state: item.status, problem: null });
  return watch(false);
}

export function retryAll() {
  return Promise.all(entries.filter(({ state }) => state === "failed").map(retry));
}

export function resume() {
  clearTimeout(pause.timer);
  pause = { ...pause, timer: 0, problem: null };
  tell();
  pump();
  watch(false);
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
    const waiting = entries.filter(({ state }) => state === "waiting");
    if (!waiting.length) return;
    send(waiting.find(({ bulk }) => !bulk) ?? waiting[0]);
  }
}

async function send(entry) {
  sending += 1;
  const used = key();
  change(entry, { state: "sending", progress: 0 });
  try {
    const { items } = await uploadPicture(entry.file, entry.tags, { bulk: entry.bulk, onProgress: (progress) => change(entry, { progress }) });
    const [item] = items;
    bringBack(item);
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
  const again = () => change(entry, { state: "waiting", progress: 0 });
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

const watcher = poll(look);

function watch(quiet = true) {
  if (!watcher.running) watcher.now(quiet);
}

/** Asks about what was accepted, in the order it is worked on, until all is known. */
async function look(quiet) {
  const pending = entries.filter(({ state }) => state === "pending");
  const open = pending.sort((a, b) => a.bulk - b.bulk).slice(0, WATCHED);
  if (!open.length) return 0;
  const ids = open.map(({ item }) => item.id).join(",");
  const { items } = await listItems({ ids, limit: WATCHED }, { quiet }).catch((problem) => {
    if (problem.status === 401) wait(problem, Infinity);
    throw problem;
  });
  const found = new Map(items.map((item) => [item.id, item]));
  for (const entry of open) {
    const item = found.get(entry.item.id);
    if (!item) change(entry, { state: "failed", problem: { title: "", detail: "", code: "deleted" } });
    else if (item.status !== "pending") change(entry, { item, state: item.status, problem: item.error });
  }
  return open.some(({ state }) => state === "pending") ? WATCH_MS : 1; // All have settled: who is next?
}

addEventListener("beforeunload", (event) => {
  if (entries.some(({ state }) => state === "waiting" || state === "sending")) event.preventDefault();
});
