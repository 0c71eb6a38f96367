// Elements of a page. Text is always set as text, never as markup: it may come from a header or a file name.

import { inLabels } from "./labels.js";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function makeButton(label, title, click, attributes = {}) {
  return make("button", { type: "button", title, click, ...attributes }, label);
}

export function section(title, ...children) {
  return make("section", { "aria-label": title }, make("h3", {}, title), ...children);
}

export function row(...children) {
  return make("div", { class: "darkcal-row" }, ...children);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Offer choices, each [value, label], in a select or a datalist.
export function fill(list, choices) {
  const wanted = JSON.stringify(choices);
  if (list.dataset.choices === wanted) return;
  list.dataset.choices = wanted;
  list.replaceChildren(...choices.map(([value, label]) => make("option", { value }, label)));
}

// Choose a value of a select; one that is not offered is shown all the same.
export function choose(select, choices, chosen) {
  const isOffered = choices.some(([value]) => value === chosen);
  fill(select, isOffered ? choices : [...choices, [chosen, chosen]]);
  select.value = chosen;
}

// A control somebody types in is left alone until they enter it or leave it.
export function isBusy(element) {
  return element.dataset.typed !== undefined && element.getRootNode().activeElement === element;
}

export function listenForTyping(root, done) {
  const over = ({ target }) => {
    if (target.dataset.typed === undefined) return;
    delete target.dataset.typed;
    done();
  };
  root.addEventListener("input", ({ target }) => {
    if (target.matches("input:not([type=checkbox])")) target.dataset.typed = "";
  });
  root.addEventListener("change", over);
  root.addEventListener("focusout", over);
  root.addEventListener("keydown", (event) => {
    if (["Enter", "Escape"].includes(event.key)) over(event);
  });
}

let lastId = 0;
export function newId() {
  lastId += 1;
  return `darkcal-${lastId}`;
}

// A labelled control with room for what is wrong with it; `mark` says it, to eyes and to screen readers.
export function labelled(label, control, tip, extra = "") {
  const trouble = make("span", { class: "darkcal-trouble", id: newId(), role: "status" });
  control.id ||= newId();
  control.title = tip;
  const caption = make("label", { for: control.id, title: tip }, label);
  const element = make("div", { class: `darkcal-field ${extra}` }, caption, control, trouble);
  const mark = (text = "") => {
    setText(trouble, inLabels(text));
    element.classList.toggle("darkcal-wrong", text !== "");
    control.setAttribute("aria-invalid", text !== "");
    if (text) control.setAttribute("aria-describedby", trouble.id);
    else control.removeAttribute("aria-describedby");
  };
  return { element, control, mark, trouble };
}

export function checkbox(label, tip, changed) {
  const control = make("input", { type: "checkbox", change: () => changed(control.checked) });
  const field = labelled(label, control, tip, "darkcal-check");
  field.element.insertBefore(control, field.element.firstChild);
  return field;
}

export async function copyText(area) {
  try {
    await navigator.clipboard.writeText(area.value);
  } catch {
    area.select(); // a page without a secure address has no clipboard but this one
    document.execCommand("copy");
  }
}

export function formatted(value, digits = 5) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(digits)));
}

export function inHundredths(value) {
  return value === null || value === undefined ? "?" : value.toFixed(2);
}

export function floats(bytes) {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
