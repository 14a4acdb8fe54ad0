// Numbers and nodes. What comes from elsewhere becomes text, never markup, and without what would command a terminal or turn
// the direction of what stands beside it.

const plain = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

const byId = (id) => document.getElementById(id);

function node(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = plain(text);
  return made;
}

// Write leaves alone what says the same already, or a selection in it would be lost each second.
function write(element, text) {
  text = plain(text);
  if (element.textContent !== text) element.textContent = text;
}

const say = (id, text) => write(byId(id), text);

function label(element, text) {
  element.setAttribute("aria-label", plain(text));
}

// Duration writes nanoseconds with three digits, as the commands do.
function duration(ns) {
  if (ns < 0) return "−" + duration(-ns);
  if (ns < 1e3) return Math.round(ns) + " ns";
  if (ns < 999500) return digits(ns / 1e3) + " µs";
  if (ns < 999500e3) return digits(ns / 1e6) + " ms";
  if (ns < 60e9) return digits(ns / 1e9) + " s";
  return age(ns);
}

// Brief writes nanoseconds in one unit.
function brief(ns) {
  if (ns < 0) return "−" + brief(-ns);
  if (ns < 60e9) return duration(ns);
  for (const [unit, name] of [[86400e9, " d"], [3600e9, " h"], [60e9, " min"]]) if (ns >= unit) return digits(ns / unit) + name;
}

function digits(f) {
  return f < 9.995 ? f.toFixed(2) : f < 99.95 ? f.toFixed(1) : f.toFixed(0);
}

const signed = (ns) => (ns < 0 ? "" : "+") + duration(ns);
const signedBrief = (ns) => (ns < 0 ? "" : "+") + brief(ns);

// Age writes nanoseconds in the largest two units.
function age(ns) {
  const s = Math.floor(ns / 1e9);
  if (s < 1) return Math.floor(ns / 1e6) + " ms";
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + s % 60 + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s / 60) % 60 + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s / 3600) % 24 + " h";
}

const timeOfDay = (date) => date.toLocaleTimeString("en-GB");

// Nice is the next number that is easy to read at the end of a scale.
function nice(x) {
  const unit = Math.pow(10, Math.floor(Math.log10(Math.max(x, 1))));
  for (const factor of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (factor * unit >= x * (1 - 1e-12)) return factor * unit;
}

const partNames = ["delay", "claim", "drift", "leap", "pause", "disagreement"];
const marks = { good: "✓", warning: "!", bad: "✗", neither: "·" };
