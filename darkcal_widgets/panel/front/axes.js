// What every chart on a canvas needs: a cleared sheet in the colours of the theme, scales, ticks, axes.

import { formatted } from "./elements.js";

const MARGIN = { left: 66, right: 8, top: 8, bottom: 32 };

// Size the canvas to its box on this screen, clear it, and return what a chart needs to draw.
export function sheet(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = "11px sans-serif";
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--darkcal-${name}`).trim();
  const { left, right, top, bottom } = MARGIN;
  const box = { left, top, right: width - right, bottom: height - bottom };
  return { ctx, width, height, colour, box };
}

// From values to places on the sheet; `back` goes from places to values.
export function scale(from, to, low, high) {
  const slope = (high - low) / (to - from || 1);
  const place = (value) => low + (value - from) * slope;
  return Object.assign(place, { back: (at) => from + (at - low) / slope, from, to });
}

export function ticks(from, to, count) {
  const raw = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let value = Math.ceil(from / step) * step; value <= to + step * 1e-6; value += step) {
    found.push(Number(value.toPrecision(12)));
  }
  return found;
}

export function withLabels(values) {
  return values.map((value) => [value, formatted(value, 6)]);
}

// `x` and `y`: {scale, ticks: pairs of value and label, label}.
export function drawAxes({ ctx, colour, box, width }, x, y) {
  ctx.strokeStyle = colour("grid");
  ctx.fillStyle = colour("text");
  ctx.lineWidth = 1;
  drawGrid(ctx, box, y);
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const [value, label] of x.ticks) ctx.fillText(label, x.scale(value), box.bottom + 4);
  const rightmost = width - ctx.measureText(x.label).width / 2; // of a label wider than its axis
  ctx.fillText(x.label, Math.min((box.left + box.right) / 2, rightmost), box.bottom + 18);
  ctx.save();
  ctx.translate(10, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(y.label, 0, -6);
  ctx.restore();
  ctx.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
}

function drawGrid(ctx, box, y) {
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const [value, label] of y.ticks) {
    const place = Math.round(y.scale(value)) + 0.5;
    if (place < box.top || place > box.bottom + 1) continue;
    ctx.beginPath();
    ctx.moveTo(box.left, place);
    ctx.lineTo(box.right, place);
    ctx.stroke();
    ctx.fillText(label, box.left - 4, place);
  }
}

export function clipped({ ctx, box }, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  draw();
  ctx.restore();
}

// Least and largest of several profiles, with some room; `bend` is the scale they are drawn on.
export function reach(all, bend = (value) => value) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of all) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const [from, to] = [bend(low), bend(high)];
  const room = 0.05 * (to - from) || 1;
  return [from - room, to + room];
}

export function middleOf(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}
