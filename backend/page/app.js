// Starts the page: the language, the tools in its head, the keys that work everywhere, and one view at a time.

import { h, iconButton } from "./lib/dom.js";
import { LANGUAGES, currentLanguage, setLanguage, t, translate } from "./lib/i18n.js";
import { announce } from "./lib/notices.js";
import { goBack, navigate, startRouter } from "./lib/router.js";
import { recall, remember } from "./lib/storage.js";
import { itemView } from "./item/view.js";
import { overviewView } from "./overview/view.js";
import { searchView } from "./search/view.js";
import { uploadView } from "./upload/view.js";

const VIEWS = { search: searchView, upload: uploadView, overview: overviewView, item: itemView };
const main = document.getElementById("main");
let view = null;
let name = "";
let place = "";
let shown = null;

async function render({ params, restored }) {
  const wanted = VIEWS[params.get("view")] ? params.get("view") : "search";
  const before = place;
  place = wanted === "item" ? `item ${params.get("id")}` : wanted;
  if (wanted !== name) {
    view?.close();
    name = wanted;
    view = VIEWS[wanted]();
    main.replaceChildren(view.element);
    document.title = `${t(`nav.${wanted}`)} · Twinspace`;
  }
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (before && place !== before) enter(restored);
  const mine = (shown = { params, restored });
  await view.update(params, restored);
  if (restored && shown === mine) scrollTo(0, restored.scroll);
}

/** Another place: readers start at its top and hear its name. */
function enter(restored) {
  if (!restored) scrollTo(0, 0);
  main.focus({ preventScroll: true });
  announce(t(`nav.${name}`));
}

function redraw() {
  view?.close();
  view = null;
  name = "";
  dress();
  render({ ...shown, restored: null });
}

/** The texts of the frame, in the language of the moment. */
function dress() {
  translate();
  const dark = isDark();
  const tools = [
    iconButton("keyboard", t("tools.keys"), showKeys),
    h("button", { class: "icon-button language", onclick: switchLanguage }, LANGUAGES[otherLanguage()]),
    iconButton(dark ? "sun" : "moon", t(dark ? "tools.light" : "tools.dark"), switchTheme, { data: { tool: "theme" } }),
  ];
  document.getElementById("tools").replaceChildren(...tools);
}

const otherLanguage = () => Object.keys(LANGUAGES).find((one) => one !== currentLanguage());

function switchLanguage() {
  setLanguage(otherLanguage());
  remember("language", currentLanguage());
  redraw();
  document.querySelector(".language").focus();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
  dress();
  document.querySelector("[data-tool='theme']").focus();
}

const KEYS = {
  "/": "keys.box",
  "← → ↑ ↓": "keys.arrows",
  Enter: "keys.open",
  Esc: "keys.back",
  m: "hit.more",
  l: "hit.less",
  c: "hit.captions",
  p: "hit.pictures",
  "?": "tools.keys",
};

function showKeys() {
  const box = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "keys-title", onclose: () => box.remove() },
    h("h2", { id: "keys-title" }, t("tools.keys")),
    h("dl", { class: "keys" }, Object.entries(KEYS).map(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(does))])),
    h("p", { class: "quiet" }, t("hit.measure")),
    h("div", { class: "row end" }, h("button", { class: "primary", onclick: () => box.close() }, t("close"))),
  );
  document.body.append(box);
  box.showModal();
}

const TYPING = "input:not([type=checkbox], [type=range]), textarea, select";

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches?.(TYPING);
  if (event.key === "Escape" && !(typing && event.target.value)) {
    if (typing) event.target.blur();
    goBack();
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    if (name !== "search") navigate("?");
    view.focusBox();
  } else if (event.key === "?" && !typing) {
    event.preventDefault();
    showKeys();
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.addEventListener("keydown", onKey);
// A file that is dropped where nobody takes it would replace the page.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
setLanguage(recall("language") ?? navigator.language.slice(0, 2));
dress();
startRouter(render, () => ({ scroll: scrollY, ...view?.snapshot?.() }));
