// Deleting with a few seconds to think better of it: the server hears of it when they are over.

import { deleteItem } from "./api.js";
import { brief, t } from "./i18n.js";
import { toast, toastProblem } from "./notices.js";

const SECONDS = 7;
const hidden = new Set();
const waiting = new Map(); // what is to be deleted, and the note that says so, by id

/** Whether the item, or the picture it belongs to, is deleted or about to be. */
export function isGoing({ id, image_id: image }) {
  return hidden.has(id) || hidden.has(image);
}

export function deleteSoon(item, name) {
  const commit = async (options) => {
    if (!waiting.delete(item.id)) return;
    try {
      await deleteItem(item.id, options);
    } catch (problem) {
      if (problem.status === 404) return; // Somebody else was faster: it is gone, as it should be.
      hide(item.id, false);
      toastProblem(problem);
    }
  };
  const action = { label: t("delete.undo"), run: () => bringBack(item) };
  const note = toast(t("delete.done", { name: brief(name) }), { seconds: SECONDS, action, onEnd: commit });
  waiting.set(item.id, { commit, note });
  hide(item.id, true);
}

/** What is wanted again is there: its deletion, should that still wait, is called off. Ids follow from content,
 * so whatever the server has just accepted may be something that was deleted before. */
export function bringBack({ id, image_id: image }) {
  for (const one of [id, image].filter(Boolean)) {
    const note = waiting.get(one)?.note;
    waiting.delete(one);
    note?.end();
    hide(one, false);
  }
}

/** Takes it out of what is drawn now, or puts it back. */
function hide(id, yes) {
  if (yes) hidden.add(id);
  else hidden.delete(id);
  for (const element of document.querySelectorAll(`[data-id="${CSS.escape(id)}"], [data-image="${CSS.escape(id)}"]`)) {
    element.hidden = yes;
  }
}

// Whoever leaves has made up their mind.
addEventListener("pagehide", () => {
  for (const { commit } of waiting.values()) commit({ keepalive: true });
});
