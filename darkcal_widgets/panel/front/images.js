// Of files with several images: which one is looked at, and which are calibrated.

import { pairs } from "./controls.js";
import { checkbox, choose, labelled, make, makeButton, row, setText } from "./elements.js";
import { inLabels, LABELS } from "./labels.js";

export function imageControls(panel) {
  const look = make("select", {
    "data-name": "extension",
    change: () => panel.set({ extension: look.value }),
  });
  const looked = labelled("Image looked at", look, "Which image of each file is drawn below");
  const boxes = make("div", { class: "darkcal-boxes" });
  const trouble = make("p", { class: "darkcal-trouble", role: "status" });
  const all = makeButton("All images", "Calibrate every image of each file", () =>
    panel.set({ extensions: null }),
  );
  const calibrated = make(
    "fieldset",
    { "data-name": "extensions" },
    make("legend", {}, LABELS.extensions),
    boxes,
    all,
    trouble,
  );
  const element = row(looked.element, calibrated);
  let built = "";
  const update = () => {
    const { images = [], image, calibrated: chosen } = panel.get("selected");
    const problem = panel.get("problems").extensions ?? "";
    element.hidden = images.length === 0 && !problem;
    choose(look, pairs(images), image ?? "");
    setText(trouble, inLabels(problem));
    all.hidden = problem === "";
    if (built !== images.join("\n")) boxes.replaceChildren(...images.map((name) => imageBox(panel, name)));
    built = images.join("\n");
    for (const box of boxes.querySelectorAll("input")) box.checked = chosen.includes(box.dataset.image);
  };
  return { element, update };
}

// To calibrate all images is to name none.
function imageBox(panel, name) {
  const toggle = (isOn) => {
    const { images, calibrated } = panel.get("selected");
    const names = images.filter((other) => (other === name ? isOn : calibrated.includes(other)));
    panel.set({ extensions: names.length === images.length ? null : names });
  };
  const box = checkbox(name, `Calibrate the image ${name} of each file`, toggle);
  box.control.dataset.image = name;
  return box.element;
}
