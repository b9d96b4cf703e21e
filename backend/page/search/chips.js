// The active parts of the query and its filters, each with its weight and a way to take it out.

import { debounced, h, icon, iconButton } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { itemsById, showPicture } from "../lib/items.js";
import { recallPicture } from "../lib/pictures.js";
import { MOST_WEIGHT, changed } from "./query.js";

/** `onChange(query, {replace})` hears of every change; `onAnother()`: more words are to come;
 * `onUpload(id)`: the dropped picture is to be stored, so that others can find by it. */
export function chipRow({ onChange, onAnother, onUpload }) {
  const row = h("ul", { class: "chips", "aria-label": t("chips.label") });
  const note = h("p", { class: "chips-note quiet" });
  const reweigh = debounced((query) => onChange(query, { replace: true }), 300);
  let urls = [];

  function partChip(query, part, index) {
    const words = h("span", { class: "chip-text" }, label(part.kind === "text" ? part.value : "…"));
    const chip = h("li", { class: "chip" }, words);
    const named = (name) => {
      weight.setAttribute("aria-label", t("chips.weight", { name }));
      remove.setAttribute("aria-label", t("remove", { name }));
    };
    const weight = h("input", {
      type: "number",
      class: "weight",
      step: "0.5",
      min: -MOST_WEIGHT,
      max: MOST_WEIGHT,
      value: part.weight,
      title: t("chips.weight.title"),
      oninput() {
        if (!weight.reportValidity() || weight.value === "") return;
        part.weight = Number(weight.value);
        chip.classList.toggle("negative", part.weight < 0);
        reweigh(query);
      },
    });
    const remove = iconButton("close", "", () => onChange({ ...query, parts: query.parts.toSpliced(index, 1) }), { title: t("chips.remove.title") });
    chip.classList.toggle("negative", part.weight < 0);
    chip.append(h("span", { class: "times", "aria-hidden": "true" }, "×"), weight, remove);
    named(part.kind === "text" ? part.value : t("chips.picture"));
    if (part.kind === "item") nameItem(part.value, words, named);
    if (part.kind === "picture") nameDropped(part.value, words, named);
    return chip;
  }

  async function nameItem(id, words, named) {
    const item = await itemsById([id]).then((items) => items.get(id), () => null);
    // Why it cannot be had is what the search itself says.
    if (!item) return words.replaceChildren(icon("picture"), label(t("chips.gone")));
    named(item.text ?? item.filename);
    if (item.kind === "caption") return words.replaceChildren(icon("words"), label(item.text));
    if (item.status === "pending") return words.replaceChildren(icon("picture"), label(item.filename));
    const image = h("img", { alt: "", width: 32, height: 32 });
    showPicture(image, item, "thumbnail", () => image.replaceWith(icon("picture")));
    return words.replaceChildren(image, label(item.filename));
  }

  async function nameDropped(id, words, named) {
    const picture = await recallPicture(id);
    if (!picture) {
      words.replaceChildren(icon("picture"), label(t("chips.missing")));
      note.textContent = t("chips.missing.why");
      return;
    }
    const url = URL.createObjectURL(picture.blob);
    urls.push(url);
    const name = picture.name || t("chips.dropped");
    named(name);
    words.replaceChildren(h("img", { alt: "", width: 32, height: 32, src: url }), label(name));
    note.replaceChildren(t("chips.private"), " ", h("button", { class: "link", onclick: () => onUpload(id) }, t("chips.store")));
  }

  function filterChip(text, without) {
    const remove = iconButton("close", t("remove", { name: text }), () => onChange(without));
    return h("li", { class: "chip filter" }, h("span", { class: "chip-text" }, label(text)), remove);
  }

  function filterChips(query) {
    const omit = (name, value) => changed(query, { [name]: query[name].filter((one) => one !== value) });
    return [
      ...query.tags.map((tag) => filterChip(t("chips.tag", { tag }), omit("tags", tag))),
      ...query.without.map((tag) => filterChip(t("chips.without", { tag }), omit("without", tag))),
      query.after && filterChip(t("chips.after", { day: query.after }), changed(query, { after: "" })),
      query.before && filterChip(t("chips.before", { day: query.before }), changed(query, { before: "" })),
    ].filter(Boolean);
  }

  return {
    element: h("div", { class: "chip-row" }, row, note),
    show(query) {
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = [];
      note.replaceChildren();
      const chips = [...query.parts.map((part, index) => partChip(query, part, index)), ...filterChips(query)];
      row.replaceChildren(...chips);
      row.hidden = !chips.length;
      if (!query.parts.length) return;
      row.append(h("li", {}, h("button", { class: "ghost", onclick: onAnother }, icon("more"), t("chips.another"))));
      row.append(h("li", {}, h("button", { class: "ghost", onclick: () => onChange(null) }, t("chips.clear"))));
    },
    close: () => urls.forEach((url) => URL.revokeObjectURL(url)),
  };
}

/** Cut short where it is long, but there to be read in full. */
const label = (text) => h("span", { title: text }, text);
