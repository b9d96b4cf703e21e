// The captions of one picture: read, added, and taken away with a few seconds to undo.

import { addCaptions, listItems } from "../lib/api.js";
import { deleteSoon, isGoing } from "../lib/deleting.js";
import { h, iconButton } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { toastProblem } from "../lib/notices.js";
import { itemAddress } from "../lib/router.js";

const MOST = 100;

export const captionsOf = (id, options) => listItems({ kind: "caption", image_id: id, limit: MOST }, options);

/** `captions` are the picture's own, newest first, as the API lists them. */
export function captionEditor(image, captions) {
  const list = h("ul", { class: "own-captions" });
  const input = h("input", { type: "text", id: "new-caption", maxlength: 10000, placeholder: t("captions.add"), autocomplete: "off" });
  const form = h("form", { class: "in-place" }, h("label", { class: "unseen", for: "new-caption" }, t("captions.add")), input, h("button", { type: "submit" }, t("add")));

  const row = (caption) =>
    h(
      "li",
      { data: { id: caption.id }, hidden: isGoing(caption) },
      h("a", { href: itemAddress(caption.id), class: "words" }, caption.text),
      caption.status === "failed" && h("span", { class: "pill failed" }, t("upload.state.failed")),
      iconButton("delete", t("captions.delete", { text: caption.text }), () => deleteSoon(caption, caption.text)),
    );

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    try {
      const { items } = await addCaptions([{ text, image_id: image.id, tags: image.tags }]);
      list.querySelector(`[data-id="${items[0].id}"]`)?.remove();
      list.append(row(items[0]));
      input.value = "";
    } catch (problem) {
      toastProblem(problem);
    }
  });
  list.append(...captions.toReversed().map(row));
  return h("div", {}, list, form);
}
