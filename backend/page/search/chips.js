// The active parts of the query and its filters, each with its weight and a way to take it out.

import { debounced, h, icon, iconButton, redraw } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { itemsById, showPicture } from "../lib/items.js";
import { recallPicture } from "../lib/pictures.js";
import { MOST_WEIGHT, changed } from "./query.js";

/** `onChange(query, {replace})` hears of every change; `onAnother()`: more words are to come;
 * `onUpload()`: dropped pictures are to be stored, so that others can find by them. */
export function chipRow({ onChange, onAnother, onUpload }) {
  const row = h("ul", { class: "chips", "aria-label": t("chips.label") });
  const note = h("p", { class: "chips-note quiet" });
  let query = null;
  const change = (changes, options) => onChange(changed(query, changes), options);
  const reweigh = debounced((value, weight) => {
    change({ parts: query.parts.map((part) => (part.value === value ? { ...part, weight } : part)) }, { replace: true });
  }, 300);

  function partChip({ kind, value }) {
    const words = h("span", { class: "chip-text" }, label(kind === "text" ? value : "…"));
    const weight = h("input", {
      type: "number",
      class: "weight",
      step: "0.5",
      min: -MOST_WEIGHT,
      max: MOST_WEIGHT,
      title: t("chips.weight.title"),
      oninput: () => weight.value !== "" && weight.reportValidity() && reweigh(value, Number(weight.value)),
    });
    const drop = () => change({ parts: query.parts.filter((part) => part.value !== value) });
    const remove = iconButton("close", "", drop);
    const named = (name) => {
      weight.setAttribute("aria-label", t("chips.weight", { name }));
      remove.setAttribute("aria-label", t("remove", { name }));
    };
    named(kind === "text" ? value : t("chips.dropped"));
    if (kind === "item") nameItem(value, words, named);
    if (kind === "picture") nameDropped(value, words, named);
    return h("li", { class: "chip part" }, words, h("span", { class: "times", "aria-hidden": "true" }, "×"), weight, remove);
  }

  /** Weights are shown in chips that stay: somebody may be typing one. */
  function showWeights() {
    [...row.querySelectorAll(".part")].forEach((chip, index) => {
      const { weight } = query.parts[index];
      const input = chip.querySelector(".weight");
      chip.classList.toggle("negative", weight < 0);
      if (input !== document.activeElement) input.value = weight;
    });
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
      return query.parts.length > 1 && note.append(t("search.unknown"));
    }
    const name = picture.name || t("chips.dropped");
    named(name);
    words.replaceChildren(h("img", { alt: "", width: 32, height: 32, src: picture.url }), label(name));
    return note.querySelector("button") || note.append(t("chips.private"), " ", h("button", { class: "link", onclick: onUpload }, t("chips.store")), " ");
  }

  function filterChip(text, without) {
    const remove = iconButton("close", t("remove", { name: text }), () => change(without()));
    return h("li", { class: "chip filter" }, h("span", { class: "chip-text" }, label(text)), remove);
  }

  function filterChips() {
    const omit = (name, value) => () => ({ [name]: query[name].filter((one) => one !== value) });
    return [
      query.tags.map((tag) => filterChip(t("chips.tag", { tag }), omit("tags", tag))),
      query.without.map((tag) => filterChip(t("chips.without", { tag }), omit("without", tag))),
      query.after && filterChip(t("chips.after", { day: query.after }), () => ({ after: "" })),
      query.before && filterChip(t("chips.before", { day: query.before }), () => ({ before: "" })),
    ];
  }

  function draw() {
    const { parts } = query;
    note.replaceChildren(parts.length > 1 ? `× ${t("chips.weight.title")}. ` : "");
    return [
      parts.map(partChip),
      filterChips(),
      parts.length && h("li", {}, h("button", { class: "ghost", onclick: onAnother }, icon("more"), t("chips.another"))),
      parts.length && h("li", {}, h("button", { class: "ghost", onclick: () => onChange(null) }, t("chips.clear"))),
    ];
  }

  return {
    element: h("div", { class: "chip-row" }, row, note),
    show(now) {
      query = now;
      const { parts, tags, without, after, before } = now;
      redraw(row, [parts.map(({ kind, value }) => [kind, value]), tags, without, after, before], draw);
      row.hidden = !row.childElementCount;
      row.classList.toggle("lone", parts.length === 1 && parts[0].weight === 1);
      showWeights();
    },
  };
}

/** Cut short where it is long, but there to be read in full. */
const label = (text) => h("span", { title: text }, text);
