// The stream, and what is said of it. What has not been confirmed for 2.5 s is not shown as present.

const patience = 2500, reconnectAfter = 1000, giveUpAfter = 10000; // milliseconds
let stream = null;
let opened = now();
let heard = null; // when the last status came; null before the first
let shown = null; // that status

// A machine that sleeps stops one of the two clocks, and whoever sets the other moves that one: the larger difference is believed.
function now() { return { run: performance.now(), wall: Date.now() }; }
function since(t) { return Math.max(performance.now() - t.run, Date.now() - t.wall); }

function connect() {
  if (stream) stream.close();
  opened = now();
  stream = new EventSource("live");
  stream.addEventListener("past", (e) => {
    const message = JSON.parse(e.data);
    past.seconds = [];
    addSeconds(message.Seconds);
    byId("events").replaceChildren();
    addEvents(message.Events);
  });
  stream.addEventListener("status", (e) => {
    shown = JSON.parse(e.data);
    heard = now();
    addSeconds(shown.Seconds);
    show();
  });
  stream.addEventListener("event", (e) => addEvents([JSON.parse(e.data)]));
  stream.addEventListener("error", () => {
    stream.close();
    stream = null;
    setTimeout(connect, reconnectAfter);
  });
}

// Check says so when nobody answers, and asks again when an open stream has been silent for long.
function check() {
  const silent = since(heard || opened) > patience;
  if (silent || heard && document.body.classList.contains("stale")) presence();
  if (stream && since(opened) > giveUpAfter && (!heard || since(heard) > giveUpAfter)) connect();
}

// Presence shows whether what is shown is present.
function presence() {
  const stale = !heard || since(heard) > patience;
  document.body.classList.toggle("stale", stale);
  const late = stale && since(heard || opened) > patience;
  const notice = byId("notice");
  notice.hidden = !late;
  if (late) {
    const at = timeOfDay(new Date((heard || opened).wall));
    say("notice", heard ? "The daemon does not answer since " + at + ". What is shown was true then; it is not the present." : "The daemon does not answer. This page asks it again and again.");
    say("link", "No answer for " + age(since(heard || opened) * 1e6));
    say("epsilon-label", heard ? "ε at " + at : "ε");
    document.title = "No answer · " + (shown ? shown.Daemon.Host : "Epsilon");
  } else {
    say("link", stale ? "Connecting" : "Live");
  }
  speak(late);
}

// Speak tells a screen reader what has changed, in words that stay the same while nothing does.
function speak(late) {
  if (late) { say("spoken", "The daemon does not answer."); return; }
  if (!shown) return;
  const wrong = shown.Clock.Sources.filter((_, i) => shown.Words.Sources[i].Grade === "bad").map((s) => s.Name + " is " + s.Verdict + ".");
  say("spoken", [shown.Words.State + ".", shown.Words.Answer, ...wrong].join(" "));
}

function show() {
  const { Daemon: daemon, Clock: clock, Words: words } = shown;
  const answered = words.Agreed !== null;
  const size = answered ? duration(clock.Uncertainty) : "–";
  say("program", daemon.Program);
  say("host", daemon.Host);
  say("state", marks[words.Grade] + " " + words.State);
  byId("state").className = "state " + words.Grade;
  say("epsilon-label", "ε");
  say("epsilon", answered ? "± " + size : "no answer");
  say("answer", words.Answer);
  byId("ends").hidden = !answered;
  if (answered) clock.Interval.split("/").forEach((text, i) => say(i === 0 ? "earliest" : "latest", moment(text)));
  document.title = (answered ? "± " + size : "No answer") + " · " + daemon.Host;
  drawWhy(clock, words);
  limit = daemon.ReadyWithin;
  drawChart();
  say("voters", words.Voters);
  drawSources(clock, words);
  drawFacts(daemon, clock, words);
  presence();
}

// Moment writes "2026-11-30T08:37:48.123456789Z" so that digits can be compared.
function moment(text) {
  const [date, rest] = text.replace("Z", "").split("T");
  const [seconds, fraction = ""] = rest.split(".");
  return date + " " + seconds + "." + fraction.padEnd(9, "0").replace(/(...)(?=.)/g, "$1 ") + " UTC";
}

function drawWhy(clock, words) {
  const total = clock.Uncertainty;
  say("why-title", words.Agreed ? "Why ε is " + duration(total) : "Why there is no ε");
  const bar = byId("why-bar");
  bar.hidden = words.Why.length === 0;
  bar.setAttribute("aria-label", words.Why.map((p) => p.Name + " " + duration(p.Size)).join(", "));
  bar.replaceChildren(...words.Why.map((p) => {
    const piece = node("span", p.Name);
    piece.style.flexGrow = p.Size / total;
    return piece;
  }));
  byId("why").replaceChildren(...words.Why.map((p) => {
    const item = node("li");
    item.append(node("span", "swatch " + p.Name), node("b", "", p.Name), node("span", "number", duration(p.Size)),
      node("span", "number", Math.round(100 * p.Size / total) + " %"), node("span", "text", p.Text));
    return item;
  }));
  say("from", words.Agreed ? words.Ends : "Without an answer there is nothing to explain.");
}

function drawFacts(daemon, clock, words) {
  const facts = [
    ["Ready", daemon.ReadyWithin > 0 ? (daemon.Ready ? "yes" : "no") + ", the limit is " + duration(daemon.ReadyWithin) : ""],
    ["Leap seconds", words.Leap],
    ["Counter", clock.Counter],
    ["Rate", clock.State === "unsynchronized" ? "" : clock.RateLowPPM.toFixed(1) + " to " + clock.RateHighPPM.toFixed(1) + " ppm; assumed within ±" + daemon.DriftPPM + " ppm"],
    ["Voters", words.Voters],
    ["Epoch", words.Epoch],
    ["Daemon", [daemon.Program, daemon.Version, "up " + age(daemon.Uptime)].filter(Boolean).join(", ")],
    ["Pending", daemon.Pending || ""],
    ["Note", (daemon.Notes || []).join("; ")],
  ];
  byId("facts").replaceChildren(...facts.filter((f) => f[1]).map(([name, text]) => {
    const pair = node("div");
    pair.append(node("dt", "", name), node("dd", "", text));
    return pair;
  }));
}

startChart();
addEvents([]);
connect();
setInterval(check, 250);
document.addEventListener("visibilitychange", check); // before what has become old while nobody looked is seen
