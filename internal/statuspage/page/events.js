// What has happened, newest first.

const maxEvents = 200;

function eventNode(e) {
  const item = node("li", e.Grade);
  const when = node("time", "", e.At.slice(11, 19));
  when.dateTime = e.At;
  when.title = e.At;
  const mark = node("span", "mark", marks[e.Grade]);
  mark.setAttribute("aria-hidden", "true");
  item.append(when, mark, node("span", "text", e.Text));
  return item;
}

function addEvents(events) {
  const list = byId("events");
  for (const e of events) list.prepend(eventNode(e));
  while (list.children.length > maxEvents) list.lastChild.remove();
  list.hidden = list.children.length === 0;
  byId("no-events").hidden = list.children.length > 0;
}
