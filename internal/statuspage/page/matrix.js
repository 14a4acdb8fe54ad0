// Which machines contradict each other: a row and a column for each. A pair is drawn twice, so that each machine has a full row.

const byNumber = new Intl.Collator("en", { numeric: true });
let matrixRows = []; // of each machine of the report its cells, in the order of the report
let matrixNames = "";

function makeMatrix(members) {
  const sorted = members.map((_, i) => i).sort((a, b) => byNumber.compare(members[a].Entry, members[b].Entry));
  const head = node("tr");
  const heading = (scope, text) => {
    const made = node("th", "", text);
    made.scope = scope;
    return made;
  };
  head.append(heading("col", "Machine"), ...sorted.map((i, place) => {
    const made = heading("col");
    const number = node("span", "", String(place + 1));
    number.setAttribute("aria-hidden", "true");
    made.title = plain(members[i].Entry);
    made.append(number, node("span", "unseen", members[i].Entry));
    return made;
  }));
  matrixRows = members.map(() => []);
  const lines = sorted.map((i, place) => {
    const line = node("tr"), name = heading("row"), inside = node("span", "name"), number = node("span", "place", String(place + 1)), mark = node("span", "mark");
    for (const e of [number, mark]) e.setAttribute("aria-hidden", "true");
    inside.append(number, mark, node("span", "entry", members[i].Entry));
    name.append(inside);
    matrixRows[i].mark = mark;
    line.append(name, ...sorted.map((j) => {
      const cell = node("td"), sign = node("span", "sign"), text = node("span", "unseen");
      sign.setAttribute("aria-hidden", "true");
      cell.append(sign, text);
      matrixRows[i][j] = { cell, sign, text };
      return cell;
    }));
    matrixRows[i].line = line;
    return line;
  });
  const top = node("thead"), body = node("tbody");
  top.append(head);
  body.append(...lines);
  byId("matrix").replaceChildren(byId("matrix-title"), top, body);
}

// Legend is what the signs mean.
const legend = [
  ["proved", "✗", "contradict each other, as the machine of the row has proved"],
  ["told", "✗", "as only the machine of the column has"],
  ["agrees", "✓", "both can be right, as this machine has found in the last hour"],
  ["unknown", "·", "no contradiction is known"],
];

function drawMatrix(fleet, words) {
  const names = JSON.stringify(fleet.Members.map((m) => m.Entry));
  if (names !== matrixNames) {
    makeMatrix(fleet.Members);
    matrixNames = names;
  }
  const edges = new Map(fleet.Edges.map((e) => [e.By + " " + e.With, e]));
  fleet.Members.forEach((member, i) => {
    const row = matrixRows[i];
    row.line.className = member.Convicted ? "bad" : "";
    write(row.mark, member.Convicted ? "✗" : "");
    fleet.Members.forEach((other, j) => {
      const { kind, sign, text } = pairOf(fleet, words, i, j, edges.get(i + " " + j), edges.get(j + " " + i));
      const cell = row[j];
      cell.cell.className = kind;
      write(cell.sign, sign);
      write(cell.text, text);
      cell.cell.title = i === j ? "" : plain(member.Entry + " and " + other.Entry + ": " + text);
    });
  });
}

// PairOf says how two machines are to each other: one is an edge that the first has proved, and two one that the second has.
function pairOf(fleet, words, i, j, one, two) {
  const [a, b] = [fleet.Members[i], fleet.Members[j]];
  if (i === j) return { kind: "same", sign: "", text: "the same machine" };
  if (one || two) {
    const { By, With, Gap, Age } = one || two;
    const by = one && two ? "both" : fleet.Members[By].Entry;
    const text = "proved contradiction, by " + by + ", " + age(Age) + " ago: " + fleet.Members[With].Entry + " is at least " + duration(Math.abs(Gap)) + (Gap < 0 ? " behind " : " ahead of ") + fleet.Members[By].Entry;
    return { kind: one ? "proved" : "told", sign: "✗", text };
  }
  const peer = a.Self ? j : b.Self ? i : -1;
  if (peer < 0) return { kind: "unknown", sign: "·", text: "no contradiction is reported" };
  if (words.Members[peer].Compared) return { kind: "agrees", sign: "✓", text: "agree: both could be right " + age(fleet.Members[peer].Compared) + " ago" };
  return { kind: "unknown", sign: "·", text: "not compared lately" };
}
