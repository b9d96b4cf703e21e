// The one box: words, a picture that is pasted, dropped or chosen, or both.

import { h, icon, iconButton } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { toast } from "../lib/notices.js";
import { pick } from "../upload/files.js";

/** `onWords(text)` when words are entered, `onPicture(file)` for every picture, `onDown()` for the arrow. */
export function searchBox({ onWords, onPicture, onDown }) {
  const input = h("input", {
    type: "search",
    name: "q",
    id: "search-box",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    maxlength: "10000",
    placeholder: t("box.placeholder"),
    "aria-label": t("box.label"),
    onkeydown(event) {
      if (event.key === "ArrowDown" && onDown()) event.preventDefault();
    },
  });
  const chooser = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange() {
      [...chooser.files].forEach(onPicture);
      chooser.value = "";
    },
  });
  const form = h(
    "form",
    {
      class: "box",
      role: "search",
      onsubmit(event) {
        event.preventDefault();
        onWords(input.value.trim());
      },
    },
    icon("search", 22),
    input,
    chooser,
    iconButton("picture", t("box.picture"), () => chooser.click()),
    h("button", { type: "submit", class: "primary" }, t("nav.search")),
  );
  return {
    element: form,
    show(words, another) {
      input.value = words;
      input.placeholder = another ? t("box.another") : t("box.placeholder");
    },
    focus: () => (input.focus(), input.select()),
  };
}

/** Pictures that are pasted or dropped anywhere on the page; answers how to stop listening. */
export function takePictures(onPicture) {
  const veil = h("div", { class: "veil", hidden: true }, h("p", {}, icon("picture", 40), t("box.drop")));
  const take = (files) => {
    const { pictures, left } = pick([...files]);
    pictures.forEach(onPicture);
    if (left) toast(t("upload.left", { n: left }));
    return files.length > 0;
  };
  const listeners = {
    paste: (event) => take(event.clipboardData?.files ?? []) && event.preventDefault(),
    dragenter(event) {
      if (event.dataTransfer?.types.includes("Files")) veil.hidden = false;
    },
    dragleave(event) {
      if (event.relatedTarget === null) veil.hidden = true;
    },
    drop(event) {
      veil.hidden = true;
      take(event.dataTransfer?.files ?? []);
    },
  };
  for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener);
  document.body.append(veil);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener);
    veil.remove();
  };
}
