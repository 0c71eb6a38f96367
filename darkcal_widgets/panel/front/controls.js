// Controls of single traits: each shows what its trait holds and what is wrong with it, and sets it.

import { checkbox, choose, fill, isBusy, labelled, make, newId } from "./elements.js";

// Text is set when it is left or entered, or with `event: "input"` with each key. `choices`: the name of a list of folders.
export function textControl(panel, name, label, tip, { choices, width, event = "change" } = {}) {
  const control = make("input", {
    type: "text",
    spellcheck: "false",
    autocomplete: "off",
    "data-name": name,
    "data-live": event === "input",
    style: width && `width:${width}`,
  });
  const commit = () => panel.set({ [name]: control.value.trim() });
  control.addEventListener(event, commit);
  control.addEventListener("keydown", ({ key }) => {
    // While its list of choices is open, a browser takes Enter for itself and says nothing of a change.
    if (key === "Enter" && control.value.trim() !== (panel.get(name) ?? "")) commit();
  });
  const field = labelled(label, control, tip);
  const list = choices && make("datalist", { id: newId() });
  if (list) {
    control.setAttribute("list", list.id);
    field.element.append(list);
  }
  const update = () => {
    if (!isBusy(control)) control.value = panel.get(name) ?? "";
    field.mark(panel.get("problems")[name]);
    if (list) fill(list, pairs(panel.get("listing").folders?.[choices] ?? []));
  };
  return { ...field, update };
}

export function pairs(values) {
  return values.map((value) => [value, value]);
}

// `choices`: pairs of value and label; a select knows texts only, so the value is found that a text stands for.
export function selectControl(panel, name, label, tip, choices) {
  const texts = choices.map(([value, text]) => [String(value), text]);
  const standsFor = (text) => choices.find(([value]) => String(value) === text)?.[0] ?? text;
  const control = make("select", {
    "data-name": name,
    change: () => panel.set({ [name]: standsFor(control.value) }),
  });
  const field = labelled(label, control, tip);
  const update = () => {
    choose(control, texts, String(panel.get(name)));
    field.mark(panel.get("problems")[name]);
  };
  return { ...field, update };
}

export function flagControl(panel, name, label, tip) {
  const field = checkbox(label, tip, (value) => panel.set({ [name]: value }));
  field.control.dataset.name = name;
  const update = () => {
    field.control.checked = panel.get(name);
    field.mark(panel.get("problems")[name]);
  };
  return { ...field, update };
}
