// A line to type into, the same wherever captions, tags and labels are written.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { toastProblem } from "./notices.js";

/** Runs what may fail, and says what went wrong in passing. */
export async function tried(run) {
  try {
    await run();
  } catch (problem) {
    toastProblem(problem);
  }
}

/** `run(text)` is given what was entered; the line is empty again when that has worked. */
export function lineForm(placeholder, run, label = placeholder) {
  const input = h("input", { type: "text", maxlength: 10000, autocomplete: "off", placeholder, "aria-label": label });
  const onsubmit = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text) tried(async () => (await run(text), (input.value = "")));
  };
  return h("form", { class: "in-place", onsubmit }, input, h("button", { type: "submit" }, t("add")));
}

/** Names as people write them: in lines, or with commas (of either script) between. */
export function namesIn(text) {
  return [...new Set(text.split(/[\n,，、]/).map((name) => name.trim()))].filter(Boolean);
}
