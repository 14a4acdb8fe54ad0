// What has happened, newest first. Where there is no room for all, polls that failed go before anything else.

const maxEvents = 200;

function eventNode(e) {
  const item = node("li", e.Grade + (e.Event.Kind === "poll failed" ? " poll" : ""));
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
  const polls = list.getElementsByClassName("poll");
  while (list.children.length > maxEvents) (polls[polls.length - 1] || list.lastChild).remove();
  list.hidden = list.children.length === 0;
  byId("no-events").hidden = list.children.length > 0;
}
