"use strict";

// What visitors dropped here since they opened the page: name in the bucket -> what is known of it.
const mine = new Map();
// Uploads at a time; a browser has about six connections for one host.
const AT_ONCE = 4;
// How often the state is asked for, and how long a file may take to show up after its upload.
const PAUSE = 2000;
const PATIENCE = 30000;
// Of each list, so many are shown.
const ROWS = 50;

const byId = (id) => document.getElementById(id);
let largest = Infinity;
let queue = [];
let running = 0;

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

// Nothing, of what is no time.
function clock(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? "" : time.toLocaleTimeString();
}

function known(value) {
  return value === null ? "?" : String(value);
}

// Text only: whatever a file is called, it stays text.
function rows(id, lines) {
  byId(id).replaceChildren(...lines.map(({ cells, style }) => {
    const row = document.createElement("tr");
    for (const text of cells) row.insertCell().textContent = text;
    if (style) row.lastElementChild.className = style;
    return row;
  }));
}

function trouble(text) {
  byId("trouble").textContent = text || "";
  byId("trouble").hidden = !text;
}

function showMine() {
  byId("own").hidden = mine.size === 0;
  const newest = [...mine.values()].reverse().slice(0, ROWS);
  rows("mine", newest.map((file) => ({ cells: [file.shown, size(file.bytes), file.state], style: file.style })));
}

function set(file, state, style = "") {
  Object.assign(file, { state, style });
  showMine();
}

async function upload(file, content) {
  try {
    set(file, "asking for a link");
    const answer = await fetch("/api/links", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: content.name.slice(-200) }),
    });
    const link = await answer.json();
    if (!answer.ok) throw new Error(link.error);
    const form = new FormData();
    for (const [name, value] of Object.entries(link.fields)) form.append(name, value);
    form.append("file", content);
    set(file, "uploading");
    // The bucket needn't allow this page to read its answers: whether the file is there, the state tells.
    await fetch(link.url, { method: "POST", body: form, mode: "no-cors", credentials: "omit" });
    file.name = link.name;
    file.sent = Date.now();
    set(file, "uploaded");
  } catch (error) {
    set(file, `failed: ${error.message}`, "failed");
  }
}

async function next() {
  if (running >= AT_ONCE || queue.length === 0) return;
  running += 1;
  const [file, content] = queue.shift();
  await upload(file, content);
  running -= 1;
  next();
}

function take(files) {
  for (const content of files) {
    const file = { shown: content.name, bytes: content.size, state: "", style: "" };
    mine.set(mine.size, file);
    if (content.size === 0) set(file, "not sent: it is empty", "failed");
    else if (content.size > largest) set(file, `not sent: larger than ${size(largest)}`, "failed");
    else { set(file, "waits to be sent"); queue.push([file, content]); }
  }
  for (let i = 0; i < AT_ONCE; i += 1) next();
}

// The first row of a file that says so.
function said(state, name, what) {
  return (state.results || []).find((row) => row.name === name && row.state === what);
}

function follow(state) {
  if (state.waiting === null || state.done_names === null) return;
  const waiting = new Set(state.waiting);
  const done = new Set(state.done_names);
  for (const file of mine.values()) {
    if (!file.name) continue;
    const failed = said(state, file.name, "failed");
    const working = said(state, file.name, "working");
    if (failed) set(file, `failed in ${failed.stage}: ${failed.detail}`, "failed");
    else if (done.has(file.name)) set(file, "done", "done");
    else if (working) set(file, `is being worked on in ${working.stage}`);
    else if (waiting.has(file.name)) set(file, "waits, or is being worked on");
    else if (!state.more && file.style !== "done" && Date.now() - file.sent > PATIENCE) set(file, "did not arrive", "failed");
  }
}

function show(state) {
  largest = state.largest_file;
  document.title = state.environment;
  byId("environment").textContent = state.environment;
  byId("largest").textContent = size(largest);
  rows("stages", state.stages.map((stage) => ({
    cells: [stage.name, known(stage.waiting), known(stage.working), known(stage.workers)],
  })));
  byId("written").hidden = !state.keeps_results;
  rows("results", state.results === null ? [{ cells: ["", "", "", "can't be read now"], style: "failed" }]
    : state.results.slice(0, ROWS).map((row) => ({
      cells: [row.name, row.stage, clock(row.at), row.state === "failed" ? `failed: ${row.detail}` : row.state],
      style: ["done", "failed"].includes(row.state) ? row.state : "",
    })));
  byId("count").textContent = state.more ? `${state.done_count} and more` : known(state.done_count);
  rows("done", (state.done || []).map((file) => ({
    cells: [file.name, size(file.bytes), clock(file.at * 1000)],
  })));
  follow(state);
}

async function look() {
  try {
    const answer = await fetch("/api/state");
    if (!answer.ok) throw new Error(`the answer is ${answer.status}`);
    show(await answer.json());
    trouble("");
  } catch (error) {
    trouble(`What is going on can't be read (${error.message}); trying again.`);
  }
  setTimeout(look, PAUSE);
}

const drop = byId("drop");
for (const [event, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  drop.addEventListener(event, (happened) => {
    happened.preventDefault();
    drop.classList.toggle("over", over);
    if (event === "drop") take(happened.dataTransfer.files);
  });
}
byId("files").addEventListener("change", (happened) => { take(happened.target.files); happened.target.value = ""; });
look();
