// ε of each second, its parts on top of each other: the largest in that second, so that no peak is lost.

const kept = 600; // seconds
let span = 60; // how many of them are shown: as few as show all that there are
const past = { end: 0, seconds: [] };
const lists = { Uncertainty: "size", Delay: "delay", Claim: "claim", Drift: "drift", Leap: "leap", Pause: "pause", Disagreement: "disagreement", Answered: "answered" };

function addSeconds(s) {
  for (let i = 0; i < s.Uncertainty.length; i++) {
    const second = {};
    for (const [list, name] of Object.entries(lists)) second[name] = s[list][i];
    past.seconds.push(second);
  }
  past.seconds.splice(0, past.seconds.length - kept);
  past.end = s.End;
  stretch([60, 120, 300, kept].find((n) => n >= past.seconds.length));
}

function stretch(seconds) {
  const look = byId("look");
  const ago = span - Number(look.value);
  span = seconds;
  look.max = span;
  look.value = span - ago;
  say("past-title", "ε over the last " + (span === 60 ? "minute" : span / 60 + " minutes"));
}

function svgNode(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function hatch(id, color, angle, background) {
  const p = svgNode("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(" + angle + ")" });
  if (background) p.append(svgNode("rect", { width: 5, height: 5, fill: background }));
  p.append(svgNode("rect", { width: background ? 3 : 2, height: 5, fill: color }));
  return p;
}

// Top is how high the picture reaches: to the largest, unless that is far above nearly all.
function topOf(sizes) {
  if (sizes.length === 0) return 0;
  const sorted = sizes.slice().sort((a, b) => a - b);
  const largest = sorted[sorted.length - 1], usual = sorted[Math.floor(0.9 * (sorted.length - 1))];
  return nice(largest <= 4 * usual ? largest * 1.05 : usual * 1.5);
}

const plot = { left: 66, right: 10, top: 10, bottom: 24 };
let limit = 0; // up to which the daemon is ready

function drawChart() {
  const svg = byId("chart");
  const width = svg.clientWidth, height = svg.clientHeight;
  if (width === 0) return;
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const answered = past.seconds.filter((s) => s.size > 0);
  const top = topOf(answered.map((s) => s.size));
  const w = width - plot.left - plot.right, h = height - plot.top - plot.bottom;
  const x = (i) => plot.left + w * (span - past.seconds.length + i) / span;
  const y = (ns) => plot.top + h * (1 - (top > 0 ? Math.min(ns, top) / top : 0));
  const drawn = [svgNode("defs", {})];
  drawn[0].append(hatch("hatch-silence", "var(--hatch)", 45), hatch("hatch-leap", "var(--leap)", 45, "var(--panel)"),
    hatch("hatch-pause", "var(--pause)", 90, "var(--panel)"),
    hatch("hatch-disagreement", "var(--disagreement)", -45, "var(--panel)"));
  for (const part of top > 0 ? [0, 0.5, 1] : [0]) {
    const at = Math.round(y(part * top)) + 0.5;
    drawn.push(svgNode("line", { class: "grid", x1: plot.left, x2: width - plot.right, y1: at, y2: at }),
      svgNode("text", { x: plot.left - 8, y: at + 4, "text-anchor": "end" }, part === 0 ? "0" : duration(part * top)));
  }
  const ticks = w < 500 || span < 300 ? 2 : 5;
  for (let tick = 0; tick <= ticks; tick++) {
    const ago = Math.round(span * (ticks - tick) / ticks);
    drawn.push(svgNode("text", { x: plot.left + w * tick / ticks, y: height - 6, "text-anchor": tick === 0 ? "start" : tick === ticks ? "end" : "middle" },
      ago === 0 ? "now" : ago % 60 === 0 ? "−" + ago / 60 + " min" : "−" + ago + " s"));
  }
  drawn.push(...areas(x, y), ...silences(x, h), ...overflows(x, top));
  if (limit > 0 && limit <= top) {
    const at = Math.round(y(limit)) + 0.5;
    drawn.push(svgNode("line", { class: "limit", x1: plot.left, x2: width - plot.right, y1: at, y2: at }),
      svgNode("text", { class: "limit-text", x: plot.left + 6, y: at < plot.top + 16 ? at + 14 : at - 4 }, "ready up to " + duration(limit)));
  }
  const i = looked();
  if (i >= 0) drawn.push(svgNode("line", { class: "cursor", x1: x(i + 0.5), x2: x(i + 0.5), y1: plot.top, y2: plot.top + h }));
  svg.replaceChildren(...drawn);
  tellPast(answered);
}

// Areas are one path for each part, from the lowest up.
function areas(x, y) {
  const base = past.seconds.map(() => 0);
  return partNames.map((name) => {
    let path = "";
    past.seconds.forEach((s, i) => {
      if (!(s[name] > 0)) return;
      const low = y(base[i]), high = y(base[i] += s[name]);
      if (low - high > 0) path += "M" + x(i).toFixed(1) + " " + low.toFixed(1) + "V" + high.toFixed(1) + "H" + (x(i + 1) + 0.3).toFixed(1) + "V" + low.toFixed(1) + "Z";
    });
    return svgNode("path", { class: name, d: path });
  });
}

// Silences are the seconds in which there was a moment without an answer.
function silences(x, height) {
  const drawn = [];
  past.seconds.forEach((s, i) => {
    if (s.answered) return;
    const last = drawn[drawn.length - 1];
    if (last && last.end === i) last.end = i + 1;
    else drawn.push({ from: i, end: i + 1 });
  });
  return drawn.map((d) => svgNode("rect", { class: "silence", x: x(d.from), y: plot.top, width: x(d.end) - x(d.from), height }));
}

// Overflows are what is higher than the picture: an arrow at each, and the number at the highest.
function overflows(x, top) {
  const drawn = [];
  let highest = -1, last = -kept;
  past.seconds.forEach((s, i) => {
    if (s.size <= top) return;
    if (highest < 0 || s.size > past.seconds[highest].size) highest = i;
    if (x(i) - last < 12) return;
    last = x(i);
    drawn.push(svgNode("path", { class: "over", d: "M" + x(i + 0.5) + " " + (plot.top - 8) + "l4 7h-8z" }));
  });
  if (highest >= 0) {
    const right = x(highest) < byId("chart").clientWidth / 2;
    drawn.push(svgNode("text", { x: x(highest) + (right ? 10 : -8), y: plot.top + 6, "text-anchor": right ? "start" : "end" }, "up to " + duration(past.seconds[highest].size)));
  }
  return drawn;
}

// Looked is the second that somebody looks at, -1 for none.
function looked() {
  const ago = span - Number(byId("look").value);
  return ago === 0 ? -1 : past.seconds.length - 1 - ago;
}

function tellPast(answered) {
  let largest = -1;
  past.seconds.forEach((s, i) => { if (s.size > 0 && (largest < 0 || s.size >= past.seconds[largest].size)) largest = i; });
  const silent = past.seconds.filter((s) => !s.answered).length;
  let text = past.seconds.length === 0 ? "No second has passed yet." : answered.length === 0 ? "There was no answer." : "Largest: " + duration(past.seconds[largest].size) + ", " + (past.seconds.length - 1 - largest) + " s ago.";
  if (silent > 0 && answered.length > 0) text += " " + silent + " s with a moment without an answer.";
  say("past-text", text);
  const i = looked();
  if (i < 0) say("read", text);
  else say("read", secondText(past.seconds[i], past.seconds.length - 1 - i));
}

function secondText(s, ago) {
  const when = ago + " s ago: ";
  if (!s) return when + "nothing is known";
  if (!(s.size > 0)) return when + "no answer";
  const parts = partNames.filter((name) => s[name] > 0).map((name) => duration(s[name]) + " " + name);
  return when + "ε " + duration(s.size) + " = " + parts.join(" + ") + (s.answered ? "" : "; for a moment no answer");
}

function startChart() {
  const look = byId("look");
  const moved = () => {
    const i = looked();
    look.setAttribute("aria-valuetext", i < 0 ? "now" : secondText(past.seconds[i], span - Number(look.value)));
    drawChart();
  };
  look.addEventListener("input", moved);
  look.addEventListener("pointermove", (e) => {
    const box = look.getBoundingClientRect();
    const at = (e.clientX - box.left - plot.left) / (box.width - plot.left - plot.right);
    look.value = Math.round(Math.min(Math.max(at, 0), 1) * span);
    moved();
  });
  const leave = () => { look.value = look.max; moved(); };
  look.addEventListener("pointerleave", leave);
  look.addEventListener("keydown", (e) => { if (e.key === "Escape") leave(); });
  new ResizeObserver(drawChart).observe(byId("chart"));
  for (const name of [...partNames, "nothing"]) {
    const item = node("li", "", name === "nothing" ? "no answer" : name);
    item.prepend(node("span", "swatch " + name));
    byId("legend").append(item);
  }
}
