// The captions of one picture: read, added, and taken away with a few seconds to undo.

import { addCaption, listItems } from "../lib/api.js";
import { bringBack, deleteSoon, isGoing } from "../lib/deleting.js";
import { h, iconButton } from "../lib/dom.js";
import { lineForm } from "../lib/forms.js";
import { brief, t } from "../lib/i18n.js";
import { itemAddress } from "../lib/router.js";

const MOST = 100;

export const captionsOf = (id, options) => listItems({ kind: "caption", image_id: id, limit: MOST }, options);

/** `captions` are the picture's own, newest first, as the API lists them. */
export function captionEditor(image, captions) {
  const list = h("ul", { class: "own-captions" });

  const row = (caption) =>
    h(
      "li",
      { data: { id: caption.id }, hidden: isGoing(caption) },
      h("a", { href: itemAddress(caption.id), class: "words" }, caption.text),
      caption.status === "failed" && h("span", { class: "pill failed" }, t("upload.state.failed")),
      iconButton("delete", t("captions.delete", { text: brief(caption.text) }), () => deleteSoon(caption, caption.text)),
    );

  async function add(text) {
    const caption = await addCaption(image, text);
    bringBack(caption);
    list.querySelector(`[data-id="${caption.id}"]`)?.remove();
    list.append(row(caption));
  }

  list.append(...captions.toReversed().map(row));
  return h("div", {}, list, lineForm(t("captions.add"), add));
}
