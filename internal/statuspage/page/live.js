// The stream, and what is said of it. What has not been confirmed for 2.5 s is not shown as present.

const patience = 2500, reconnectAfter = 1000, giveUpAfter = 10000; // milliseconds
const ratesApart = 5e-4; // by which the clocks of two machines may differ, one of them slewed: milliseconds in each
let stream = null;
let opened = now();
let heard = null; // when the last status was sent, as far as is known; null before the first
let shown = null; // that status
let arrived = 0; // when it came
let fastest = null; // when the status came that was the shortest time on its way, less the daemon's uptime; null before the first of a stream

// A machine that sleeps stops one of the two clocks, and whoever sets the other moves that one: the larger difference is believed.
function now() { return { run: performance.now(), wall: Date.now() }; }
function since(t) { return Math.max(performance.now() - t.run, Date.now() - t.wall); }

// Waited is how long a status has lain about on its way, beyond the one of the stream that came fastest: a slow tunnel has room for minutes of them. Each says for how long
// the daemon has been running.
function waited(uptime) {
  const at = performance.now(), way = at - uptime / 1e6;
  fastest = fastest === null ? way : Math.min(way, fastest + ratesApart * (at - arrived));
  arrived = at;
  return way - fastest;
}

function connect() {
  if (stream) stream.close();
  opened = now();
  fastest = null;
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
    shown.Clock.Sources ||= [];
    const late = waited(shown.Daemon.Uptime);
    heard = { run: performance.now() - late, wall: Date.now() - late };
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
    say("notice", heard ? "The daemon has not answered since " + at + ". What is shown was so then, and may be otherwise now." : "The daemon does not answer. This page asks it again and again.");
    say("link", "No answer for " + age(since(heard || opened) * 1e6));
    if (shown) say("state", shown.Words.State + " at " + at);
    say("epsilon-label", heard ? "Uncertainty ε at " + at : "Uncertainty ε");
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
  const fleet = shown.Words.Fleet && shown.Words.Fleet.Grade === "bad" ? "Fleet: " + shown.Words.Fleet.Title + "." : "";
  say("spoken", [shown.Words.State + ".", shown.Words.Answer, ...wrong, fleet].filter(Boolean).join(" "));
}

function show() {
  const { Daemon: daemon, Clock: clock, Words: words } = shown;
  const answered = words.Agreed !== null && !clock.Err; // an interval that is wider than is allowed is known, and is no answer
  const size = answered ? duration(clock.Uncertainty) : "–";
  say("program", daemon.Program);
  say("host", daemon.Host);
  say("state", marks[words.Grade] + " " + words.State);
  byId("state").className = "state " + words.Grade;
  say("epsilon-label", "Uncertainty ε");
  say("epsilon", answered ? "± " + size : "no answer");
  say("answer", words.Answer);
  byId("summary").hidden = !answered || words.Summary === "";
  say("summary", words.Summary);
  drawFacts("ends", [...(answered ? ends(clock) : []), ["Leap seconds", words.Leap], ["Voters", words.Voters], ["Epoch", words.Epoch]]);
  document.title = (answered ? "± " + size : "No answer") + " · " + daemon.Host;
  drawWhy(clock, words);
  limit = daemon.ReadyWithin;
  drawChart();
  say("scale", clock.Sources.length + " configured" + (words.Agreed ? ", drawn to one scale around the middle of the agreed interval" : ""));
  drawSources(clock, words);
  drawFleet(shown.Fleet, words.Fleet);
  drawFacts("facts", factsOf(daemon, clock));
  presence();
}

// Ends are the two of the interval, with the digits set off that both have.
function ends(clock) {
  if (!clock.Interval) return [];
  const [earliest, latest] = clock.Interval.split("/").map(moment);
  let same = 0;
  while (same < earliest.length && earliest[same] === latest[same]) same++;
  return [["Earliest", earliest], ["Latest", latest]].map(([name, text]) => {
    const all = node("span", "", text.slice(same) + " UTC");
    all.prepend(node("span", "same", text.slice(0, same)));
    return [name, all];
  });
}

// Moment writes "2026-11-30T08:37:48.123456789Z" so that digits can be compared.
function moment(text) {
  const [date, rest] = text.replace("Z", "").split("T");
  const [seconds, fraction = ""] = rest.split(".");
  return date + " " + seconds + "." + fraction.padEnd(9, "0").replace(/(...)(?=.)/g, "$1 ");
}

function drawWhy(clock, words) {
  const total = clock.Uncertainty;
  say("why-title", words.Agreed ? "Why ε is " + duration(total) : "Why there is no answer");
  const bar = byId("why-bar");
  bar.hidden = words.Why.length === 0;
  label(bar, words.Why.filter((p) => p.Size > 0).map((p) => p.Name + " " + duration(p.Size)).join(", "));
  bar.replaceChildren(...words.Why.filter((p) => p.Size > 0).map((p) => {
    const piece = node("span", p.Name);
    piece.style.flexGrow = p.Size / total;
    return piece;
  }));
  byId("why").replaceChildren(...words.Why.map((p) => {
    const item = node("li", p.Size > 0 ? "" : "none");
    item.append(node("span", "swatch " + p.Name), node("b", "", p.Name), node("span", "number", p.Size > 0 ? duration(p.Size) : "0"),
      node("span", "number", total > 0 ? Math.round(100 * p.Size / total) + " %" : ""), node("span", "text", p.Text));
    return item;
  }));
  byId("from").hidden = !words.Agreed;
  say("from", words.Ends);
  byId("trouble").hidden = words.Agreed !== null;
  say("trouble", words.Summary);
}

const rate = (ppm) => ppm.toFixed(1).replace("-", "−");

function factsOf(daemon, clock) {
  return [
    ["Ready", daemon.ReadyWithin > 0 ? (daemon.Ready ? "yes" : "no") + ", the limit is " + duration(daemon.ReadyWithin) : ""],
    ["Counter", clock.Counter],
    ["Rate", clock.State === "unsynchronized" ? "" : rate(clock.RateLowPPM) + " to " + rate(clock.RateHighPPM) + " ppm; assumed within ±" + daemon.DriftPPM + " ppm"],
    ["Daemon", [daemon.Program, daemon.Version, "up " + age(daemon.Uptime)].filter(Boolean).join(", ")],
    ["Pending", daemon.Pending || ""],
    ...(daemon.Notes || []).map((note) => ["Note", note]),
  ];
}

// DrawFacts fills a list with names and texts, or nodes, those that are not empty.
function drawFacts(id, facts) {
  byId(id).replaceChildren(...facts.filter((f) => f[1]).map(([name, what]) => {
    const pair = node("div"), text = node("dd");
    text.append(what);
    pair.append(node("dt", "", name), text);
    return pair;
  }));
}

startChart();
startFleet();
addEvents([]);
connect();
setInterval(check, 250);
document.addEventListener("visibilitychange", check); // before what has become old while nobody looked is seen
