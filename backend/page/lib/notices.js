// What the page says by itself: to screen readers, in passing notes, and when something went wrong.

import { h, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";

/** Says `text` to screen readers when they have finished what they are saying. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** A note at the foot of the page that goes after `seconds`, not while it is pointed at or focused.
 * `action` is `{label, run}`; `onEnd` is called when it goes without that having been chosen. */
export function toast(text, { seconds = 6, action = null, onEnd = () => {} } = {}) {
  let left = seconds * 1000;
  let since = 0;
  let timer = 0;
  const end = (chosen) => {
    if (!note.isConnected) return;
    clearTimeout(timer);
    note.remove();
    if (chosen) action.run();
    else onEnd();
  };
  const run = () => {
    since = Date.now();
    timer = setTimeout(end, left);
  };
  const hold = () => {
    clearTimeout(timer);
    left = Math.max(1500, left - (Date.now() - since));
  };
  const note = h(
    "div",
    { class: "toast", role: "status", onpointerenter: hold, onpointerleave: run, onfocusin: hold, onfocusout: run },
    h("p", {}, text),
    action && h("button", { onclick: () => end(true) }, action.label),
    iconButton("close", t("close"), () => end(false)),
  );
  document.getElementById("toasts").append(note);
  run();
  return { end: () => end(false) };
}

/** A problem in the API's own words. */
export function problemBox(problem, onRetry = null) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("h2", {}, problem.title || t("problem.title")),
    problem.errors?.length
      ? h("ul", {}, problem.errors.map(({ field, message }) => h("li", {}, h("code", {}, field), " ", message)))
      : h("p", {}, problem.detail),
    h(
      "p",
      { class: "row" },
      onRetry && h("button", { onclick: onRetry }, icon("retry"), t("retry")),
      h("span", { class: "quiet" }, problem.status ? `${problem.status} · ${problem.code}` : ""),
    ),
  );
}

/** Where to go when there is nothing yet. */
export const uploadLink = () => h("a", { href: "?view=upload" }, t("upload.start"));

/** Says what went wrong in one line, in passing. */
export function toastProblem(problem) {
  toast(problem.detail || problem.title || String(problem), { seconds: 10 });
}
