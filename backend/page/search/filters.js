// What narrows a search down: tags with their counts, dates, kinds of matching, and the cut by relevance.

import { facets } from "../lib/api.js";
import { debounced, h, icon, redraw } from "../lib/dom.js";
import { number, percent, t } from "../lib/i18n.js";
import { changed } from "./query.js";

const MOST_TAGS = 200;

/** `onChange(query, {replace})` hears of every change, `onGrey(least)` of the slider while it moves. */
export function filterBar({ onChange, onGrey }) {
  let query = null;
  const change = (changes, options) => onChange(changed(query, changes), options);

  const tags = tagMenu(change);
  const [after, before] = ["after", "before"].map((name) => h("input", { type: "date", onchange: ({ target }) => change({ [name]: target.value }) }));
  const dates = menu("calendar", t("added"), [
    h("label", {}, t("filters.after"), after),
    h("label", {}, t("filters.before"), before),
  ]);
  const order = h(
    "select",
    { onchange: () => change({ order: order.value }) },
    h("option", { value: "relevance" }, t("filters.order.relevance")),
    h("option", { value: "created_at" }, t("filters.order.created_at")),
  );
  const varied = check("filters.varied", (on) => change({ varied: on }));
  const captioned = check("filters.captioned", (on) => change({ captioned: on }));
  const options = menu("sliders", t("filters.options"), [h("label", {}, t("filters.order"), order), varied.label, captioned.label]);
  const hybrid = check("filters.hybrid", (on) => change({ mode: on ? "hybrid" : "dense" }), { role: "switch" });
  hybrid.label.title = t("filters.hybrid.title");
  const kinds = ["", "images", "captions"].map((only) =>
    h("button", { data: { only }, onclick: () => change({ only }) }, t(only || "both")),
  );
  const relevance = relevanceSlider(change, onGrey);
  const element = h(
    "div",
    { class: "filters", role: "group", "aria-label": t("filters.label") },
    h("div", { class: "kinds", role: "group", "aria-label": t("show") }, kinds),
    tags.element,
    dates,
    options,
    hybrid.label,
    relevance.element,
  );
  const stopClosing = closeOnLeaving(element);

  return {
    element,
    show(now) {
      query = now;
      tags.show(now);
      after.value = now.after;
      before.value = now.before;
      order.value = now.order;
      varied.input.checked = now.varied;
      varied.input.disabled = now.order !== "relevance";
      captioned.input.checked = now.captioned;
      hybrid.input.checked = now.mode === "hybrid";
      for (const button of kinds) button.setAttribute("aria-pressed", String(button.dataset.only === now.only));
      relevance.show(now);
    },
    /** Whether hits of this answer carry a relevance: a space that was never calibrated has none. */
    calibrated: relevance.enable,
    close: stopClosing,
  };
}

function menu(image, title, content) {
  return h(
    "details",
    { class: "menu", onkeydown: closeOnEscape },
    h("summary", { title }, icon(image), title, icon("down", 14)),
    h("div", { class: "panel" }, content),
  );
}

function closeOnEscape(event) {
  const details = event.currentTarget;
  if (event.key !== "Escape" || !details.open) return;
  event.stopPropagation();
  details.open = false;
  details.querySelector("summary").focus();
}

function closeOnLeaving(element) {
  const close = (event) => {
    for (const details of element.querySelectorAll("details[open]")) {
      if (!details.contains(event.target)) details.open = false;
    }
  };
  document.addEventListener("pointerdown", close);
  return () => document.removeEventListener("pointerdown", close);
}

function check(key, onCheck, attributes = {}) {
  const input = h("input", { type: "checkbox", ...attributes, onchange: () => onCheck(input.checked) });
  return { input, label: h("label", { class: "check" }, input, t(key)) };
}

/** Tags are counted when the menu opens; those that are chosen are there even when they are rare. */
function tagMenu(onChange) {
  const rows = h("ul", { class: "tags" });
  const said = h("p", { class: "quiet" });
  const find = h("input", { type: "search", placeholder: t("filters.tags.find"), "aria-label": t("filters.tags.find"), oninput: draw });
  const element = menu("tag", t("tags"), [find, rows, said]);
  let query = { tags: [], without: [] };
  let counted = [];
  element.addEventListener("toggle", () => element.open && count());

  async function count() {
    try {
      const kind = { images: "image", captions: "caption" }[query.only];
      counted = (await facets({ field: "tags", kind, limit: MOST_TAGS })).values;
      said.textContent = counted.length ? "" : t("filters.tags.none");
    } catch (problem) {
      said.textContent = problem.detail;
    }
    draw();
  }

  function draw() {
    const counts = new Map(counted.map(({ value, count: n }) => [value, n]));
    const names = [...new Set([...counts.keys(), ...query.tags, ...query.without])];
    const wanted = find.value.trim().toLowerCase();
    find.hidden = names.length < 10;
    const fit = names.filter((name) => name.toLowerCase().includes(wanted));
    redraw(rows, [fit, counted, query.tags, query.without], () => fit.map((name) => tagRow(name, counts.get(name))));
  }

  function tagRow(name, count) {
    const without = query.without.includes(name);
    const drop = (list) => list.filter((one) => one !== name);
    const box = h("input", {
      type: "checkbox",
      onchange: () => onChange({ tags: box.checked ? [...query.tags, name] : drop(query.tags), without: drop(query.without) }),
    });
    box.checked = query.tags.includes(name);
    const not = h(
      "button",
      {
        class: "not",
        "aria-pressed": String(without),
        "aria-label": t("filters.tags.without", { tag: name }),
        onclick: () => onChange({ tags: drop(query.tags), without: without ? drop(query.without) : [...query.without, name] }),
      },
      t("filters.tags.not"),
    );
    const counted = count !== undefined && h("span", { class: "count" }, number(count));
    return h("li", {}, h("label", { class: "check" }, box, h("span", { class: "tag-name" }, name), counted), not);
  }

  return {
    element,
    show(now) {
      query = now;
      draw();
    },
  };
}

function relevanceSlider(change, onGrey) {
  const settle = debounced((value) => change({ min: value }, { replace: true }), 250);
  const output = h("output", { for: "relevance" });
  const slider = h("input", {
    type: "range",
    id: "relevance",
    min: 0,
    max: 1,
    step: 0.01,
    oninput() {
      label(Number(slider.value));
      onGrey(Number(slider.value));
      settle(Number(slider.value));
    },
  });
  const cut = check("filters.cut", (on) => change({ cut: on }));
  const why = h("span", { class: "quiet", id: "relevance-why" });
  slider.setAttribute("aria-describedby", "relevance-why");
  const label = (value) => {
    output.textContent = percent(value);
    slider.setAttribute("aria-valuetext", percent(value));
  };
  return {
    element: h("div", { class: "relevance" }, h("label", { for: "relevance" }, t("filters.relevance")), slider, output, cut.label, why),
    show({ min, cut: cutting }) {
      slider.value = min;
      label(min);
      cut.input.checked = cutting;
    },
    enable(possible) {
      slider.disabled = !possible;
      cut.label.hidden = !possible;
      why.textContent = possible ? "" : t("filters.relevance.none");
    },
  };
}
