// A row for the clock and for each source, their intervals to one scale, with the agreed one as a band over all.

const columns = ["ε", "Delay", "Claim", "Age", "Reach"];
let rows = [];
let rowNames = "";

function makeRow(className) {
  const row = node("div", className);
  row.setAttribute("role", "row");
  const cell = (className, role = "cell") => {
    const made = node("div", className);
    made.setAttribute("role", role);
    row.append(made);
    return made;
  };
  return { row, cell };
}

// MakeHead makes the row of headings. Of the columns one is shown in a narrow window.
function makeHead(first, pictured, columns, narrow) {
  const { row, cell } = makeRow("row head");
  write(cell("name", "columnheader"), first);
  const picture = cell("picture", "columnheader");
  const scale = node("div", "scale");
  const ends = [node("span"), node("span", "", "0"), node("span")];
  scale.append(...ends);
  picture.append(node("span", "unseen", pictured), scale);
  columns.forEach((name, i) => write(cell(i === narrow ? "number" : "number wide", "columnheader"), name));
  return { row, ends };
}

function makeSource(name, columns, narrow) {
  const { row, cell } = makeRow("row");
  const title = cell("name", "rowheader");
  const verdict = node("span", "verdict"), meta = node("span", "meta");
  title.append(node("b", "", name), verdict, meta);
  const picture = cell("picture");
  const band = node("div", "band"), drawing = node("div", "drawing"), because = node("p", "reason"), reason = node("span");
  because.append(reason);
  drawing.setAttribute("role", "img");
  picture.append(band, drawing, because);
  const numbers = columns.map((_, i) => cell(i === narrow ? "number" : "number wide"));
  return { row, verdict, meta, band, drawing, reason, numbers };
}

// DrawSpan draws an interval, and an arrow with a number for what of it is out of the picture.
function drawSpan(drawing, span, reach, nothing) {
  const drawn = [];
  const arrow = (side, text) => drawn.push(node("span", "arrow " + side, text));
  if (!span) {
    drawn.push(node("span", "nothing", nothing));
  } else {
    if (span.To >= -reach && span.From <= reach) {
      const says = node("div", "says");
      put(says, span, reach);
      drawn.push(says);
    }
    if (span.From < -reach) arrow("left", "◀ " + signed(span.To < -reach ? span.To : span.From));
    if (span.To > reach) arrow("right", signed(span.From > reach ? span.From : span.To) + " ▶");
  }
  drawing.replaceChildren(...drawn);
}

function spanText(name, span, nothing) {
  return span ? name + ": from " + signed(span.From) + " to " + signed(span.To) : name + ": " + nothing;
}

function drawSources(clock, words) {
  const names = JSON.stringify(clock.Sources.map((s) => s.Name));
  if (names !== rowNames || rows.length === 0) {
    rows = [makeHead("Source", "Interval, relative to the middle of the agreed one", columns, 0), makeSource("The clock", columns, 0),
      ...clock.Sources.map((s) => makeSource(s.Name, columns, 0))];
    byId("sources").replaceChildren(...rows.map((r) => r.row));
    rowNames = names;
  }
  byId("no-sources").hidden = clock.Sources.length > 0;
  const reach = reachOf(words);
  const [head, own, ...others] = rows;
  head.ends[0].parentNode.hidden = reach === 0; // there is nothing to draw
  write(head.ends[0], signed(-reach));
  write(head.ends[2], signed(reach));
  const middle = words.Agreed ? "the agreed interval" : "what the sources say";
  own.row.className = "row clock";
  write(own.verdict, words.Agreed ? "the agreed interval" : "nothing is agreed");
  drawSpan(own.drawing, words.Agreed, reach, "no answer");
  label(own.drawing, spanText("The clock", words.Agreed, "no answer") + (words.Agreed ? ", relative to its middle" : ""));
  write(own.numbers[0], words.Agreed ? duration(clock.Uncertainty) : "–");
  clock.Sources.forEach((source, i) => drawSource(others[i], source, words.Sources[i], reach, middle));
  for (const r of [own, ...others]) {
    r.band.hidden = !words.Agreed;
    if (words.Agreed) put(r.band, words.Agreed, reach);
  }
}

function drawSource(r, source, words, reach, middle) {
  r.row.className = "row " + words.Grade;
  write(r.verdict, marks[words.Grade] + " " + source.Verdict);
  write(r.reason, words.Reason);
  r.reason.parentNode.hidden = words.Reason === "";
  const nothing = "says nothing";
  drawSpan(r.drawing, words.Says, reach, nothing);
  label(r.drawing, spanText(source.Name, words.Says, nothing) + (words.Says ? ", relative to the middle of " + middle : ""));
  const heard = source.Stratum > 0 || source.Delay > 0;
  let reached = 0;
  for (let bits = source.Reach; bits > 0; bits >>= 1) reached += bits & 1;
  const texts = [
    words.Says ? duration((words.Says.To - words.Says.From) / 2) : "–",
    heard ? duration(source.Delay) : "–",
    heard ? duration(source.Claim) : "–",
    heard ? age(source.Age) : "–",
    reached + "/8",
  ];
  texts.forEach((text, j) => { write(r.numbers[j], text); });
  write(r.meta, heard ? "delay " + texts[1] + ", claim " + texts[2] : "");
}
