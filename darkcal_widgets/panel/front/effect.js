// 3. The effect: the frame looked at before and after, what it has gained and lost in numbers, and the levels of the picked darks.

import { inHundredths, make, section, setText } from "./elements.js";
import { inLabels } from "./labels.js";
import { drawHistogram, drawLevels, drawStripes } from "./spreads.js";
import { viewer } from "./viewer.js";

export function effectPart(panel) {
  const pictures = viewer(panel);
  const charts = {
    stripes: captionedChart("stripes"),
    histogram: captionedChart("histogram"),
    levels: captionedChart("levels"),
  };
  const numbers = make("table", { class: "darkcal-numbers" });
  const trouble = make("p", { class: "darkcal-note", role: "status" });
  const figures = Object.values(charts).map(({ figure }) => figure);
  const grid = make("div", { class: "darkcal-effect" }, numbers, ...figures);
  const element = section("3. The effect", trouble, pictures.element, grid);
  const heading = element.querySelector("h3");
  const shows = ["selected", "raw", "result", "effect", "levels", "window", "stretch", "limits", "mark_hot"];
  let drawn = [];
  const update = (anew) => {
    const outlined = outlines(panel.get("selected"));
    const effect = panel.get("effect");
    const now = [...shows.slice(1).map(panel.get), panel.get("notes").handed, JSON.stringify(outlined)];
    if (!anew && now.every((value, n) => value === drawn[n])) return;
    drawn = now;
    const isThere = Boolean(effect.after && panel.get("result").size);
    element.classList.toggle("darkcal-empty", !isThere);
    setText(heading, isThere ? `3. The effect on ${effect.name}` : "3. The effect");
    const why = effect.trouble ?? "Correct the settings marked above to see what they do.";
    setText(trouble, isThere ? "" : inLabels(why));
    if (!isThere) return;
    pictures.update(outlined);
    numbers.replaceChildren(...numberRows(effect, panel.get("levels")));
    drawCharts(charts, effect, panel.get("levels"));
  };
  return { element, update, shows: [...shows, "notes"] };
}

function captionedChart(name) {
  const canvas = make("canvas", { role: "img", class: `darkcal-${name}` });
  const caption = make("figcaption", {});
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

function numberRows({ unit, axis, before, after, light }, levels) {
  const line = axis === 1 ? "row" : "column";
  const picked = range(levels.rows ?? []);
  const rows = [
    ["Level of this frame", ...[before, after].map(({ level, error }) => withError(level, error))],
    ["Noise of a pixel", inHundredths(before.scatter), inHundredths(after.scatter)],
    [`Noise from ${line} to ${line}`, inHundredths(before.rows), inHundredths(after.rows)],
  ];
  if (picked) rows.push([`Range of the levels of ${picked.count} darks`, picked.before, picked.after]);
  const sides = ["before", "after"].map((name) => make("th", { scope: "col" }, `${name} [${unit}]`));
  const head = make("tr", {}, make("td"), ...sides);
  return [head, ...rows.map(numberRow), ...lightRows(light)];
}

function numberRow([name, ...values]) {
  return make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", {}, value)));
}

function lightRows(light) {
  if (!light) return [];
  const { frames, mean, median, error, median_error: ofMedian } = light;
  return [
    [`Light in the overscan (${frames})`, withError(mean, error)],
    ["Light that is subtracted (median)", withError(median, ofMedian)],
  ].map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", { colspan: "2" }, value)),
  );
}

function range(rows) {
  if (rows.length < 2) return null;
  const of = (side) => {
    const values = rows.map((line) => line[side]);
    return inHundredths(Math.max(...values) - Math.min(...values));
  };
  return { count: rows.length, before: of("before"), after: of("after") };
}

function withError(value, error) {
  return `${inHundredths(value)} ± ${inHundredths(error)}`;
}

function drawCharts(charts, effect, levels) {
  const line = effect.axis === 1 ? "rows" : "columns";
  charts.stripes.say(`Levels of neighbouring ${line}: before (dashed), after (solid)`);
  drawStripes(charts.stripes.canvas, effect, line);
  charts.histogram.say("Pixels: before (dashed), after (solid)");
  drawHistogram(charts.histogram.canvas, effect);
  showLevels(charts.levels, levels, effect);
}

function showLevels({ canvas, figure, say }, { rows = [], picked, shown }, { unit, name }) {
  figure.hidden = rows.length < 2;
  if (figure.hidden) return;
  const { before, after } = range(rows);
  const all = shown < picked ? `${shown} of ${picked} picked darks` : `${rows.length} picked darks`;
  const some = rows.length < shown ? `${rows.length} (reading on) of ${shown}` : all;
  say(`Levels of ${some}: range ${before} ${unit} before, ${after} after`);
  drawLevels(canvas, rows, unit, name);
}
