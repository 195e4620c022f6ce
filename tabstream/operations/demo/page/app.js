"use strict";

const sides = { tab: { seen: new Map() }, table: { seen: new Map() } };
const state = document.getElementById("state");
const message = document.getElementById("message");
let hiding = 0;

for (const name of Object.keys(sides)) {
  const side = sides[name];
  const section = document.getElementById(name);
  side.name = name;
  side.head = section.querySelector("thead");
  side.body = section.querySelector("tbody");
  side.count = section.querySelector(".count");
  side.body.addEventListener("dblclick", (event) => edit(side, event.target.closest("td")));
  side.body.addEventListener("click", (event) => choose(side, event.target.closest("td, th")));
  side.body.addEventListener("keydown", (event) => keyed(side, event));
  section.querySelector(".bar").addEventListener("click", (event) => pressed(side, event.target.dataset.do));
}

const stream = new EventSource("events");
for (const name of Object.keys(sides)) {
  stream.addEventListener(name, (event) => show(sides[name], JSON.parse(event.data)));
}
stream.onopen = () => tellState("live", "well");
stream.onerror = () => tellState("the demo does not answer; is it still running?", "ill");

function show(side, data) {
  if (data.problem) {
    tellState(data.problem, "ill");
    return;
  }
  if (side.editing) { // an open cell is not taken away under somebody's hands
    side.later = data;
    return;
  }
  tellState("live", "well");
  side.data = data;
  const more = data.count > data.rows.length ? `, the first ${data.rows.length} shown` : "";
  side.count.textContent = `${data.count} rows${more}`;
  side.head.replaceChildren(headRow(side, data));
  const before = side.seen;
  const first = before.size === 0;
  side.seen = new Map();
  side.body.replaceChildren(...data.rows.map((row) => bodyRow(side, row, before, first)));
  refocus(side);
}

function headRow(side, data) {
  const tr = document.createElement("tr");
  tr.append(document.createElement("th"));
  data.headers.forEach((header, i) => {
    const th = document.createElement("th");
    th.textContent = header;
    note(th, data.header_notes ? data.header_notes[i] : "");
    tr.append(th);
  });
  return tr;
}

function bodyRow(side, row, before, first) {
  const tr = document.createElement("tr");
  const number = document.createElement("th");
  number.className = "number";
  number.textContent = row.number ?? "";
  tr.append(number);
  const key = side.name === "tab" ? row.cells[0] || `row ${row.number}` : row.key;
  row.cells.forEach((text, i) => {
    const td = document.createElement("td");
    td.tabIndex = -1;
    td.textContent = text;
    td.dataset.column = i;
    const place = `${key}|${side.data.headers[i]}`;
    side.seen.set(place, text);
    if (!first && before.get(place) !== text) td.classList.add("fresh");
    note(td, row.notes ? row.notes[i] : "");
    tr.append(td);
  });
  tr.row = row;
  return tr;
}

function note(cell, text) {
  cell.title = text || cell.textContent;
  cell.classList.toggle("noted", Boolean(text));
}

function choose(side, cell) {
  if (!cell || side.editing) return;
  const column = Number(cell.dataset.column ?? 0);
  side.chosen = { row: rowName(side, cell.parentNode.row), column };
  refocus(side);
}

function rowName(side, row) {
  return side.name === "tab" ? row.number : row.key;
}

function chosenRow(side) {
  if (!side.chosen || !side.data) return null;
  return side.data.rows.find((row) => rowName(side, row) === side.chosen.row) || null;
}

function refocus(side) {
  const row = chosenRow(side);
  if (!row) return;
  const owner = document.activeElement;
  const elsewhere = owner && owner !== document.body && !side.body.contains(owner) && owner.closest("tbody");
  const tr = [...side.body.rows].find((candidate) => candidate.row === row);
  const td = tr && tr.cells[side.chosen.column + 1];
  if (td && !elsewhere) td.focus({ preventScroll: true });
}

function keyed(side, event) {
  const cell = event.target.closest("td");
  if (!cell || side.editing || event.ctrlKey || event.metaKey || event.altKey) return;
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (moves[event.key]) {
    const [down, right] = moves[event.key];
    const tr = side.body.rows[cell.parentNode.sectionRowIndex + down];
    const next = tr && tr.cells[cell.cellIndex + right];
    if (next && next.tagName === "TD") {
      choose(side, next);
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  } else if (event.key === "Enter" || event.key === "F2") {
    edit(side, cell);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    write(side, cell.parentNode.row, Number(cell.dataset.column), "");
  } else if (event.key.length === 1) {
    edit(side, cell, "");
  } else {
    return;
  }
  if (event.key.length > 1) event.preventDefault();
}

function edit(side, cell, text) {
  if (!cell || side.editing) return;
  choose(side, cell);
  cell = document.activeElement.closest("td") || cell;
  const row = cell.parentNode.row;
  const column = Number(cell.dataset.column);
  const input = document.createElement("input");
  const before = row.cells[column];
  input.value = text ?? before;
  side.editing = true;
  cell.append(input);
  input.focus();
  const end = (save) => {
    if (!side.editing) return;
    side.editing = false;
    const typed = input.value;
    input.remove();
    if (save && typed !== before) write(side, row, column, typed);
    if (side.later) {
      const later = side.later;
      side.later = null;
      show(side, later);
    } else {
      refocus(side);
    }
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      end(true);
    } else if (event.key === "Escape") {
      end(false);
    }
  });
  input.addEventListener("blur", () => end(true));
}

function write(side, row, column, text) {
  if (side.name === "tab") post("tab/type", { cell: `${side.data.letters[column]}${row.number}`, text });
  else post("table/set", { key: row.key, column: side.data.headers[column], text });
}

function pressed(side, what) {
  if (!what || !side.data) return;
  const row = chosenRow(side);
  if (side.name === "table") {
    if (what === "new-row") post("table/insert", {});
    else if (row) post("table/delete", { key: row.key });
    else tell("click a cell of the row first");
    return;
  }
  if (what === "undo") post("tab/undo", {});
  else if (what === "new-row") newRow(side);
  else if (!row) tell(what.startsWith("sort") ? "click a cell of the column first" : "click a cell of the row first");
  else if (what === "insert") post("tab/insert", { row: row.number }).then((done) => done && openBlank(side, row.number));
  else if (what === "delete") post("tab/delete", { row: row.number });
  else post("tab/sort", { column: side.data.letters[side.chosen.column], descending: what === "sort-down" });
}

function newRow(side) {
  openBlank(side, side.data.next);
}

function openBlank(side, number) { // a blank row is not in the data: it is shown until something is typed into it
  const cells = side.data.headers.map(() => "");
  const row = { number, cells, notes: [] };
  const place = [...side.body.rows].find((tr) => tr.row.number >= number);
  const tr = bodyRow(side, row, side.seen, true);
  side.body.insertBefore(tr, place || null);
  tr.scrollIntoView({ block: "nearest" });
  side.chosen = { row: number, column: Math.min(1, cells.length - 1) };
  tr.cells[side.chosen.column + 1].focus();
  edit(side, tr.cells[side.chosen.column + 1]);
}

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) tell((await answer.json()).reason);
    return answer.ok;
  } catch (problem) {
    tell(`the demo does not answer: ${problem.message}`);
    return false;
  }
}

function tell(text) {
  message.textContent = text;
  message.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { message.hidden = true; }, 6000);
}

function tellState(text, kind) {
  state.textContent = text;
  state.className = kind;
}
