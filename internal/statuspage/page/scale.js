// The picture of the intervals: its middle is that of the agreed one, and it reaches as far as the sources that are right.

// Farther than so many times the agreed interval it does not reach, or that could not be seen.
const farthest = 12;

function reachOf(words) {
  let reach = 0;
  const take = (span) => { if (span) reach = Math.max(reach, Math.abs(span.From), Math.abs(span.To)); };
  const agreed = words.Agreed;
  for (const row of words.Sources) if (row.Grade === "good" || !agreed && row.Grade === "neither") take(row.Says);
  if (agreed) reach = Math.min(reach, farthest * (agreed.To - agreed.From) / 2);
  take(agreed);
  return reach > 0 ? nice(reach * 1.05) : 0;
}

// Place is where a moment is, in percent of the width.
const place = (ns, reach) => 50 + 50 * ns / reach;
const within = (percent) => Math.min(Math.max(percent, 0), 100);

// Put lays an element over a span.
function put(element, span, reach) {
  const from = within(place(span.From, reach)), to = within(place(span.To, reach));
  element.style.left = from + "%";
  element.style.width = Math.max(to - from, 0) + "%";
}
