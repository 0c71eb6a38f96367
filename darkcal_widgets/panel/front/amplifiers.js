// Several amplifiers: for each its overscan and its image, by text; their images are joined.

import { isBusy, make, makeButton, row, setText } from "./elements.js";
import { inLabels, LABELS } from "./labels.js";

export function amplifierControls(panel) {
  const several = makeButton(
    "Several amplifiers",
    "The image was read by several amplifiers, each with an overscan of its own",
    () => panel.act("several amplifiers"),
    { "data-name": "several-amplifiers" },
  );
  const one = makeButton(
    "One amplifier",
    "One overscan for the whole image",
    () => panel.act("one amplifier"),
    { "data-name": "one-amplifier" },
  );
  const add = makeButton("Add an amplifier", "One more, to be filled in", () =>
    panel.set({ amplifiers: [...panel.get("amplifiers"), [null, ""]] }),
  );
  const list = make("div", { class: "darkcal-amplifiers" });
  const trouble = make("p", { class: "darkcal-trouble", role: "status", "data-name": "amplifiers-trouble" });
  const legend = make("legend", {}, LABELS.amplifiers);
  const element = make("fieldset", { class: "darkcal-wide" }, legend, list, trouble, row(add, one));
  const update = () => {
    const amplifiers = panel.get("amplifiers");
    const problem = panel.get("problems").amplifiers ?? "";
    setText(trouble, inLabels(problem));
    element.classList.toggle("darkcal-wrong", problem !== "");
    several.hidden = amplifiers !== null;
    element.hidden = amplifiers === null;
    const lines = amplifiers ?? [];
    if (list.children.length !== lines.length)
      list.replaceChildren(...lines.map((_, n) => amplifierLine(panel, list, n)));
    lines.forEach((pair, n) => {
      showLine(list.children[n], pair, panel.get("selected").amplifiers?.[n]);
    });
  };
  return { element, several, update };
}

function amplifierLine(panel, list, n) {
  const send = () => panel.set({ amplifiers: [...list.children].map(pairOf) });
  const leave = () => panel.set({ amplifiers: panel.get("amplifiers").filter((_, other) => other !== n) });
  const field = (label, which, placeholder) => {
    const control = make("input", {
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      placeholder,
      "data-part": which,
      "data-live": true,
      "data-name": `amplifier-${n}-${which}`,
      title: `${label} of amplifier ${n + 1}: columns such as 2048:2080, or a FITS section`,
      input: send,
    });
    return make("label", {}, `${label} `, control);
  };
  return make(
    "div",
    { class: `darkcal-row darkcal-amplifier-${n % 4}` },
    make("span", { class: "darkcal-key" }, String(n + 1)),
    field("Overscan", "overscan", "none"),
    field("Image", "image", ""),
    makeButton("Remove", `Remove amplifier ${n + 1}`, leave),
    make("span", { class: "darkcal-note" }),
  );
}

function partOf(line, which) {
  return line.querySelector(`[data-part="${which}"]`);
}

function pairOf(line) {
  return [partOf(line, "overscan").value.trim() || null, partOf(line, "image").value.trim()];
}

function showLine(line, [overscan, image], found) {
  for (const [which, text] of Object.entries({ overscan, image })) {
    const control = partOf(line, which);
    if (!isBusy(control)) control.value = text ?? "";
  }
  line.querySelector("button").hidden = line.parentElement.children.length === 1;
  const both = [found?.overscan, found?.image].filter(Boolean).map(({ fits }) => fits);
  setText(line.querySelector(".darkcal-note"), both.length ? `FITS ${both.join(" from ")}` : "");
}
