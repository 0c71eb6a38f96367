// The panel: it draws what the traits hold, and sets what the user wants. No decision is taken here.

import { calibratePart } from "./calibrate.js";
import { effectPart } from "./effect.js";
import { listenForTyping, make } from "./elements.js";
import { headPart, listenForSteps } from "./head.js";
import { learnLabels } from "./labels.js";
import { lifeNotice } from "./life.js";
import { connect } from "./link.js";
import { nightPart } from "./night.js";
import { savePart } from "./save.js";
import { stepsPart } from "./steps.js";

const EXCHANGE = 300; // milliseconds

function render({ model, el }) {
  const root = make("div", {
    class: "darkcal-panel",
    "data-lm-suppress-shortcuts": "true", // JupyterLab's would take the arrow keys and letters away
    "aria-label": "Dark calibration panel",
    role: "group",
  });
  learnLabels(model.get("_labels"));
  const panel = connect(model, root);
  const parts = [headPart, nightPart, stepsPart, effectPart, calibratePart, savePart].map((part) =>
    part(panel),
  );
  const life = lifeNotice(panel, model, root);
  root.append(life.element, ...parts.map((part) => part.element));
  el.append(root);
  const redraw = redrawing(panel, root);
  listenForSteps(panel, root);
  const forget = watch(model, root, parts, redraw);
  panel.set({ _shown: true });
  redraw(parts, true);
  return () => {
    forget();
    life.forget();
  };
}

// Parts are drawn in the next frame of the screen, each once; `anew`: even what has not changed.
function redrawing(panel, root) {
  let waiting = new Map();
  let isAsked = false;
  const draw = () => {
    const parts = waiting;
    waiting = new Map();
    isAsked = false;
    const isReady = panel.get("listing").frames && panel.get("chosen").picked;
    if (!root.isConnected || !isReady || root.clientWidth === 0) return;
    for (const [part, anew] of parts) part.update(anew);
    root.dataset.answered = panel.get("_answered");
    root.dispatchEvent(new CustomEvent("darkcal-drawn"));
  };
  return (parts, anew = false) => {
    if (!isAsked) requestAnimationFrame(draw);
    isAsked = true;
    for (const part of parts) waiting.set(part, anew || waiting.get(part));
  };
}

// Redraw what changes: with the traits it shows, with the size and the theme; return what ends it.
function watch(model, root, parts, redraw) {
  const redrawAll = () => redraw(parts, true);
  const names = new Set(parts.flatMap((part) => part.shows));
  const listeners = [...names].map((name) => [
    `change:${name}`,
    () => redraw(parts.filter((part) => part.shows.includes(name))),
  ]);
  listeners.push(["change:_answered", () => redraw([])]);
  for (const [event, listener] of listeners) model.on(event, listener);
  const sizes = new ResizeObserver(redrawAll);
  sizes.observe(root);
  // While JupyterLab exchanges its style sheets nothing has a size, and nothing is drawn.
  const theme = new MutationObserver(() => setTimeout(redrawAll, EXCHANGE));
  theme.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"],
  });
  root.addEventListener("darkcal-redraw", (event) =>
    redraw(parts.filter((part) => part.element === event.target)),
  );
  listenForTyping(root, () => redraw(parts));
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    sizes.disconnect();
    theme.disconnect();
  };
}

export default { render };
