// The page in the reader's language: texts, numbers, sizes and times.

import { TEXTS } from "./texts.js";

export const LANGUAGES = { en: "English", zh: "中文" };
let language = "en";
let locale = "en";

export const currentLanguage = () => language;

export function setLanguage(name) {
  language = name in LANGUAGES ? name : "en";
  // English is not one way to write a date: the browser knows which of them its reader prefers.
  locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
}

/** The text of that key with `{name}` filled in. */
export function t(key, values = {}) {
  if (!TEXTS[key]) throw new Error(`There is no text "${key}".`);
  const text = TEXTS[key][Object.keys(LANGUAGES).indexOf(language)];
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : String(value);
  });
}

const format = (value, options) => new Intl.NumberFormat(locale, options).format(value);
export const number = (value, digits = 3) => format(value, { maximumFractionDigits: digits });
export const percent = (value, digits = 0) => format(value, { style: "percent", maximumFractionDigits: digits });
export const cosine = (value) => format(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

export function bytes(value) {
  const step = Math.min(3, Math.floor(Math.log10(value || 1) / 3));
  const size = value / 1000 ** step;
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte"][step];
  return format(size, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: size < 10 ? 1 : 0 });
}

export function time(value) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
}

/** The start of a long text, for where there is room for a line. */
export const brief = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** Fills in what index.html says in English. */
export function translate() {
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
