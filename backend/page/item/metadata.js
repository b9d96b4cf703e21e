// Metadata as rows of name and value. A value is text; a number, true, false, null or JSON is read as such,
// and text that looks like one of these stands in quotes.

import { Problem, changeItem } from "../lib/api.js";
import { h, icon, iconButton } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { problemBox, toast } from "../lib/notices.js";

function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function writeValue(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  return readValue(value) === value ? value : JSON.stringify(value);
}

/** Whether it is, or holds, a number that JavaScript has already rounded. */
function isRounded(value) {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return value !== null && typeof value === "object" && Object.values(value).some(isRounded);
}

export function metadataForm(item) {
  const rows = h("div", { class: "metadata-rows" });
  const trouble = h("div");
  const addRow = (name = "", value = "") => {
    const row = h(
      "div",
      { class: "metadata-row" },
      h("input", { type: "text", class: "meta-name", value: name, "aria-label": t("metadata.name"), placeholder: t("metadata.name") }),
      h("input", { type: "text", class: "meta-value", value, "aria-label": t("metadata.value", { name: name || "…" }), placeholder: t("metadata.value.placeholder") }),
      iconButton("close", t("remove", { name }), () => row.remove()),
    );
    rows.append(row);
    return row;
  };
  for (const [name, value] of Object.entries(item.metadata)) addRow(name, writeValue(value));
  const form = h(
    "form",
    { class: "metadata" },
    rows,
    h(
      "p",
      { class: "row spread" },
      h("button", { class: "ghost", onclick: () => addRow().querySelector("input").focus() }, icon("more"), t("metadata.add")),
      h("button", { type: "submit" }, t("metadata.save")),
    ),
    h("p", { class: "quiet" }, t("metadata.help")),
    trouble,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const pairs = [...rows.children].map((row) => [row.querySelector(".meta-name").value.trim(), readValue(row.querySelector(".meta-value").value)]);
    try {
      if (pairs.some(([, value]) => isRounded(value))) throw new Problem({ status: null, detail: t("metadata.exact") });
      const { metadata } = await changeItem(item.id, { metadata: Object.fromEntries(pairs.filter(([name]) => name)) });
      item.metadata = metadata;
      trouble.replaceChildren();
      toast(t("metadata.saved"));
    } catch (problem) {
      trouble.replaceChildren(problemBox(problem));
    }
  });
  return form;
}
