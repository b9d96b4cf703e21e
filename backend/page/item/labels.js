// Zero-shot labels: which of these words fits this picture best.

import { classify } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { namesIn } from "../lib/forms.js";
import { percent, t } from "../lib/i18n.js";
import { problemBox } from "../lib/notices.js";
import { recall, remember } from "../lib/storage.js";

export function labelForm(item) {
  const input = h("textarea", { id: "labels", rows: 2, placeholder: t("labels.placeholder"), "aria-describedby": "labels-help" });
  input.value = recall("labels", { session: true }) ?? "";
  const answer = h("div", { "aria-live": "polite" });
  const form = h(
    "form",
    {},
    h("label", { for: "labels" }, t("labels.label")),
    input,
    h("p", { class: "row spread" }, h("span", { class: "quiet", id: "labels-help" }, t("labels.help")), h("button", { type: "submit" }, t("labels.ask"))),
    answer,
  );
  const ask = async () => {
    const labels = namesIn(input.value);
    remember("labels", input.value, { session: true });
    if (!labels.length) return void input.focus();
    try {
      const found = await classify({ item: item.id, labels, top: Math.min(labels.length, 20) });
      answer.replaceChildren(bars(found.labels));
    } catch (problem) {
      answer.replaceChildren(problemBox(problem, ask));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  return form;
}

function bars(labels) {
  return h(
    "ol",
    { class: "bars" },
    labels.map(({ label, probability }) =>
      h("li", {}, h("span", {}, label), h("span", { class: "bar" }, h("span", { style: { width: `${100 * probability}%` } })), h("span", {}, percent(probability, 1))),
    ),
  );
}
