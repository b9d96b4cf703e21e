// An item's tags: each leads to what else carries it; they are added and taken away one by one.

import { changeItem } from "../lib/api.js";
import { h, iconButton } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { toastProblem } from "../lib/notices.js";
import { readTags } from "../upload/row.js";

export function tagEditor(item) {
  const list = h("ul", { class: "chips" });
  const input = h("input", { type: "text", id: "new-tag", placeholder: t("tags.add"), autocomplete: "off" });
  const form = h("form", { class: "in-place" }, h("label", { class: "unseen", for: "new-tag" }, t("tags.add")), input, h("button", { type: "submit" }, t("add")));

  async function change(tags) {
    try {
      item.tags = (await changeItem(item.id, { tags })).tags;
      input.value = "";
    } catch (problem) {
      toastProblem(problem);
    }
    draw();
  }

  function draw() {
    list.replaceChildren(
      ...item.tags.map((tag) =>
        h(
          "li",
          { class: "chip" },
          h("a", { class: "chip-text", href: `?${new URLSearchParams({ tag })}` }, tag),
          iconButton("close", t("chips.remove", { name: tag }), () => change(item.tags.filter((one) => one !== tag))),
        ),
      ),
    );
    list.hidden = !item.tags.length;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const added = readTags(input.value);
    if (added.length) change([...new Set([...item.tags, ...added])]);
  });
  draw();
  return h("div", {}, list, form);
}
