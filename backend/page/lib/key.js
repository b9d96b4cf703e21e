// The API key: asked for when the server first wants one, kept for this tab only.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./storage.js";

let current = recall("key", { session: true });
let asking = null;

export const key = () => current;

export function forgetKey() {
  current = null;
  remember("key", null, { session: true });
}

/** Asks for a key in place of `refused`, unless `quiet`; true when there is another to try. Many may wait for one answer. */
export async function askForKey(refused, detail, quiet = false) {
  if (current !== refused || quiet) return current !== refused;
  asking ??= dialog(refused !== null, detail).finally(() => {
    asking = null;
  });
  return asking;
}

function dialog(wrong, detail) {
  return new Promise((resolve) => {
    const input = h("input", { type: "password", id: "api-key", autocomplete: "off", required: true, spellcheck: "false", pattern: "[ -~]+", title: t("key.plain") });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "key-title" }, t("key.title")),
      wrong && h("p", {}, t("key.wrong")),
      h("p", { class: "quiet" }, detail),
      h("label", { for: "api-key" }, t("key.label")),
      input,
      h("p", { class: "quiet" }, t("key.kept")),
      h(
        "div",
        { class: "row end" },
        h("button", { onclick: () => box.close() }, t("cancel")),
        h("button", { type: "submit", class: "primary" }, t("key.use")),
      ),
    );
    const box = h("dialog", { class: "dialog", "aria-labelledby": "key-title" }, form);
    let entered = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      current = input.value.trim();
      remember("key", current, { session: true });
      entered = true;
      box.close();
    });
    box.addEventListener("close", () => {
      box.remove();
      resolve(entered);
    });
    document.body.append(box);
    box.showModal();
  });
}
