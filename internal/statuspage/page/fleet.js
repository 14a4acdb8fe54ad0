// The machines with which this one compares its clock: what is proved, and the interval of each clock's offset from this one's.

const memberColumns = ["From", "To", "Round trip", "Compared", "Replies"];
let members = [];
let memberNames = "";
let accusedList = "";

function drawFleet(fleet, words) {
  byId("fleet").hidden = !fleet;
  byId("accused").hidden = !fleet || !fleet.Wrong;
  if (!fleet) return;
  say("accused-faulty", String(fleet.Faulty));
  say("fleet-facts", fleet.Machines + " machines, of which f = " + fleet.Faulty + " may be wrong; " + fleet.Answering + " of " + (fleet.Machines - 1) + " others answer");
  byId("fleet-state").className = "state " + words.Grade;
  say("fleet-state", marks[words.Grade] + " " + words.Title);
  drawProblems(fleet);
  const all = fleet.Edges !== null;
  byId("matrix-side").hidden = !all;
  byId("fleet-sides").className = all ? "sides" : "sides even";
  byId("members-box").classList.toggle("tall", !all);
  say("fleet-how", "This is " + fleet.Members[0].Entry + ". " + (all ? "" : "With more than 24 machines not each pair is shown, but those that contradict others. ") +
    "Whoever contradicts more machines than may be wrong is wrong. What others have proved they report to this machine, and it counts for an hour.");
  if (all) drawMatrix(fleet, words);
  drawAccused(all ? [] : fleet.Members.filter((m) => m.Convicted || m.Open > 0));
  drawMembers(fleet, words);
  byId("members-left").hidden = fleet.MembersLeftOut === 0;
  say("members-left", "And " + fleet.MembersLeftOut + " more machines, with which less is the matter: /fleet has all.");
}

function drawProblems(fleet) {
  const texts = fleet.Problems.map((p) => [p.Proof ? "bad" : "warning", p.Text]);
  if (fleet.ProblemsLeftOut > 0) texts.push(["neither", "and " + fleet.ProblemsLeftOut + " more: /fleet has all"]);
  const list = byId("fleet-problems");
  while (list.children.length > texts.length) list.lastChild.remove();
  texts.forEach(([grade, text], i) => {
    let item = list.children[i];
    if (!item) {
      item = node("li");
      const mark = node("span", "mark");
      mark.setAttribute("aria-hidden", "true");
      item.append(mark, node("span", "text"));
      list.append(item);
    }
    item.className = grade;
    write(item.children[0], marks[grade]);
    write(item.children[1], text);
  });
}

// DrawAccused lists the machines that are proved wrong, and those with contradictions that this does not explain.
function drawAccused(accused) {
  const rows = accused.map((m) => [m.Convicted ? "bad" : "warning", m.Entry, m.Convicted ? "proved wrong" : "not proved who is", String(m.Edges),
    m.Contradicts.join(", ") + (m.Edges > m.Contradicts.length ? " and " + (m.Edges - m.Contradicts.length) + " more" : "")]);
  byId("accused-side").hidden = rows.length === 0;
  if (JSON.stringify(rows) === accusedList) return;
  accusedList = JSON.stringify(rows);
  const line = (grade, cells, kinds) => {
    const made = node("tr", grade);
    made.append(...cells.map((text, i) => {
      const cell = node(kinds[i] ? "th" : "td", i === 2 ? "number" : "", text);
      if (kinds[i]) cell.scope = kinds[i];
      return cell;
    }));
    return made;
  };
  const head = node("thead"), body = node("tbody");
  head.append(line("", ["Machine", "Verdict", "Contradicts", "Which"], ["col", "col", "col", "col"]));
  body.append(...rows.map(([grade, name, verdict, count, which]) => line(grade, [name, marks[grade] + " " + verdict, count, which], ["row"])));
  byId("accused-list").replaceChildren(byId("accused-title"), head, body);
}

// FleetReach is how far the picture reaches: to all that can be right if this machine is, and to all others if there are none.
function fleetReach(fleet) {
  const offsets = fleet.Members.map((m) => m.Offset).filter(Boolean), agreeing = offsets.filter((o) => o.From <= 0 && o.To >= 0);
  const far = (agreeing.length > 0 ? agreeing : offsets).map((o) => Math.max(Math.abs(o.From), Math.abs(o.To)));
  const reach = Math.min(Math.max(0, ...far), farthest * Math.min(...far));
  return reach > 0 ? nice(reach * 1.05) : 0;
}

function drawMembers(fleet, words) {
  const names = JSON.stringify(fleet.Members.map((m) => m.Entry));
  if (names !== memberNames) {
    members = [makeHead("Machine", "By how much its clock is ahead of this machine's", memberColumns, 3), ...fleet.Members.map((m) => makeSource(m.Entry, memberColumns, 3))];
    byId("members").replaceChildren(...members.map((r) => r.row));
    memberNames = names;
  }
  const reach = fleetReach(fleet);
  const [head, ...rows] = members;
  head.ends[0].parentNode.hidden = reach === 0;
  write(head.ends[0], signed(-reach));
  write(head.ends[2], signed(reach));
  fleet.Members.forEach((member, i) => drawMember(rows[i], member, words.Members[i], reach));
}

function drawMember(r, member, words, reach) {
  r.row.className = "row " + (member.Self ? words.Grade + " clock" : words.Grade);
  const name = member.Name && member.Name !== member.Entry.replace(/:\d+$/, "") ? ", calls itself " + member.Name : "";
  write(r.verdict, (words.Grade === "neither" ? "" : marks[words.Grade] + " ") + words.Verdict + name);
  write(r.reason, member.Problem || "");
  r.reason.parentNode.hidden = !member.Problem;
  r.band.hidden = reach === 0;
  if (reach > 0) put(r.band, { From: 0, To: 0 }, reach);
  const offset = member.Offset || null;
  const nothing = member.Self ? "" : member.Compared < 0 ? "not compared yet" : "not compared lately";
  drawSpan(r.drawing, offset, reach, nothing);
  label(r.drawing, member.Self ? "this machine's clock, at 0" : spanText(member.Entry, offset, nothing));
  const texts = member.Self ? ["", "", "", "", ""] : [
    offset ? signedBrief(offset.From) : "–",
    offset ? signedBrief(offset.To) : "–",
    offset ? duration(member.RoundTrip) : "–",
    member.Compared < 0 ? "never" : agoBrief(member.Compared),
    member.Replies + "/" + member.Requests,
  ];
  texts.forEach((text, j) => { write(r.numbers[j], text); });
  write(r.meta, offset ? "from " + texts[0] + " to " + texts[1] + ", round trip " + texts[2] : "");
}

// AgoBrief writes an age in whole units, as there is room for one.
const agoBrief = (ns) => (ns < 60e9 ? age(ns) : brief(ns));

function startFleet() {
  for (const [kind, sign, text] of legend) {
    const item = node("li", "", text);
    const mark = node("span", "sign " + kind, sign);
    item.prepend(mark);
    byId("matrix-legend").append(item);
  }
}
