// An item's tags: each leads to what else carries it; they are added and taken away one by one.

import { changeItem } from "../lib/api.js";
import { h, iconButton, redraw } from "../lib/dom.js";
import { lineForm, namesIn, tried } from "../lib/forms.js";
import { t } from "../lib/i18n.js";

export function tagEditor(item) {
  const list = h("ul", { class: "chips" });

  async function change(tags) {
    item.tags = (await changeItem(item.id, { tags: [...new Set(tags)] })).tags;
    draw();
  }

  function draw() {
    const without = (tag) => item.tags.filter((one) => one !== tag);
    redraw(list, item.tags, () =>
      item.tags.map((tag) =>
        h(
          "li",
          { class: "chip" },
          h("a", { class: "chip-text", href: `?${new URLSearchParams({ tag })}` }, tag),
          iconButton("close", t("remove", { name: tag }), () => tried(() => change(without(tag)))),
        ),
      ),
    );
    list.hidden = !item.tags.length;
  }

  draw();
  return h("div", {}, list, lineForm(t("tags.add"), (text) => change([...item.tags, ...namesIn(text)])));
}
