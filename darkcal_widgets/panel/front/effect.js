// 3. The effect: the frame looked at before and after, its histogram, and the levels of the picked darks.

import { floats, formatted, make, section, setText } from "./elements.js";
import { drawPicture, stretched } from "./picture.js";
import { drawHistogram, drawLevels } from "./spreads.js";

export function effectPart(panel) {
  const charts = {
    before: captionedChart("before", "darkcal-key darkcal-key-before"),
    after: captionedChart("after", "darkcal-key darkcal-key-after"),
    histogram: captionedChart("histogram"),
    levels: captionedChart("levels"),
  };
  const trouble = make("p", { class: "darkcal-note", role: "status" });
  const figures = Object.values(charts).map(({ figure }) => figure);
  const element = section("3. The effect", trouble, make("div", { class: "darkcal-effect" }, ...figures));
  const heading = element.querySelector("h3");
  let drawn = [];
  const update = (anew) => {
    const outlined = outlines(panel.get("selected"));
    const effect = panel.get("effect");
    const now = [effect, panel.get("levels"), panel.get("raw"), JSON.stringify(outlined)];
    if (!anew && now.every((value, n) => value === drawn[n])) return;
    drawn = now;
    const isThere = Boolean(effect.after);
    element.classList.toggle("darkcal-empty", !isThere);
    setText(heading, isThere ? `3. The effect on ${effect.name}` : "3. The effect");
    const why = effect.trouble ?? "Correct the settings marked above to see what they do.";
    setText(trouble, isThere ? "" : why);
    if (!isThere) return;
    drawPictures(charts, effect, panel.get("raw"), outlined);
    drawHistogram(charts.histogram.canvas, effect);
    charts.histogram.say("Pixels: before (dashed), after (solid)");
    showLevels(charts.levels, panel.get("levels"), effect);
  };
  return { element, update, shows: ["selected", "raw", "effect", "levels"] };
}

function captionedChart(name, look = "") {
  const canvas = make("canvas", { role: "img", class: `darkcal-${name}` });
  const caption = make("figcaption", { class: look });
  const figure = make("figure", { class: `darkcal-figure-${name}` }, caption, canvas);
  const say = (text) => {
    setText(caption, text);
    canvas.setAttribute("aria-label", text);
  };
  return { canvas, figure, say };
}

// The overscan, or that of each amplifier.
function outlines({ overscan_columns: overscan, amplifiers }) {
  const all = amplifiers ? amplifiers.map((one) => one.overscan) : [overscan];
  return all.filter(Boolean).map(({ rows, columns }) => [rows, columns]);
}

function drawPictures(charts, { shape, half, unit, before, after }, raw, outlined) {
  const whole = [
    [0, shape[0]],
    [0, shape[1]],
  ];
  const rawImage = { size: raw.size, pixels: stretched(floats(raw.values), before.median, half) };
  const { buffer, byteOffset, byteLength } = after.pixels;
  const image = { size: after.size, pixels: new Uint8Array(buffer, byteOffset, byteLength) };
  const stretch = (side) => ({ middle: side.median, half });
  drawPicture(charts.before.canvas, rawImage, { shape, keep: whole, outlined }, stretch(before));
  drawPicture(
    charts.after.canvas,
    image,
    { shape: after.shape, keep: after.keep, outlined: [] },
    stretch(after),
  );
  for (const [name, { median, scatter }] of Object.entries({ before, after })) {
    const level = formatted(Math.round(median * 100) / 100, 6);
    charts[name].say(`${name}: median ${level} ${unit}, scatter ${formatted(scatter, 3)}`);
  }
}

function showLevels({ canvas, figure, say }, { rows = [], picked, shown }, { unit, name }) {
  figure.hidden = rows.length === 0;
  if (rows.length === 0) return;
  const range = (side) => {
    const values = rows.map((line) => line[side]);
    return formatted(Math.max(...values) - Math.min(...values), 3);
  };
  const all = shown < picked ? `${shown} of ${picked} picked darks` : `${rows.length} picked darks`;
  const some = rows.length < shown ? `${rows.length} (reading on) of ${shown}` : all;
  say(`Levels of ${some}: range ${range("before")} ${unit} before, ${range("after")} after`);
  drawLevels(canvas, rows, unit, name);
}
