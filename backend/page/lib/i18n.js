// The page in the reader's language: texts, numbers, sizes and times.

import { TEXTS as en } from "../text/en.js";
import { TEXTS as zh } from "../text/zh.js";

export const LANGUAGES = { en: "English", zh: "中文" };
const ALL = { en, zh };
let language = "en";
let locale = "en";

export function currentLanguage() {
  return language;
}

export function setLanguage(name) {
  language = name in ALL ? name : "en";
  // English is not one way to write a date: the browser knows which of them its reader prefers.
  locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
}

/** The text of that key with `{name}` filled in. */
export function t(key, values = {}) {
  const text = ALL[language][key];
  if (text === undefined) throw new Error(`There is no text "${key}".`);
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
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let step = 0;
  let size = value;
  while (size >= 1000 && step < units.length - 1) {
    size /= 1000;
    step += 1;
  }
  return format(size, { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: size < 10 ? 1 : 0 });
}

export function time(value) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
}

/** Fills in what index.html says in English. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
