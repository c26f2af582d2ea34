// Asks the service every two seconds and shows what it says. Everything goes into the page as text, never as HTML.
"use strict";

const EVERY_MS = 2000;
const at = id => document.getElementById(id);
const TONES = { pass: "good", running: "busy", queued: "busy", fail: "bad", environment: "bad", usage: "bad", threshold: "bad" };

function make(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") made.className = value; else if (name === "onclick") made.onclick = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

const seconds = s => s === null || s === undefined ? "" : s < 120 ? `${s.toFixed(1)} s` : s < 7200 ? `${Math.round(s / 60)} min`
  : `${(s / 3600).toFixed(1)} h`;
const clock = text => text ? text.replace("T", " ").replace(/\+00:00$/, "Z") : "";
const row = (...cells) => make("tr", {}, ...cells.map((cell, n) => n ? make("td", {}, cell) : make("th", {}, cell)));

function showState(state) {
  const env = state.environment, look = env.look;
  const parked = env.phase === "parked";
  at("ready").textContent = parked ? "PARKED" : env.ready ? "READY" : "NOT READY";
  at("ready").className = `badge ${parked ? "warn" : env.ready ? "good" : "bad"}`;
  at("words").textContent = env.text + (env.doing ? `; traffic: ${env.doing}` : "");
  const registered = look ? look.streams.filter(stream => stream.state === "ready").length : 0;
  const tiles = [
    [look ? look.height : "–", "blocks"], [look ? look.finalised : "–", "finalised"],
    [look ? `${registered} of ${look.streams.length}` : "–", "streams registered"],
    [env.health_score === null ? "–" : env.health_score.toFixed(3), "health score"],
    [env.deposits, "deposits minted"], [env.payouts, "peg-outs paid"],
    [env.holder || "this service", "has the chains"],
    [env.age_s === null ? "–" : seconds(env.age_s), `age, built ${env.generation} times`],
    [seconds(state.uptime_s), "up"], [`${env.world} ×${env.time_scale}`, "world, time scale"],
    [`${Math.round(state.memory_bytes / 1048576)} MiB`, "memory"],
  ];
  at("tiles").replaceChildren(...tiles.map(([value, name]) => make("li", {}, make("b", {}, String(value)), make("span", {}, name))));
  at("streams").tBodies[0].replaceChildren(...(look ? look.streams : []).map(one =>
    row(`governance ${Number(one.endpoint) + 1}`, make("span", { class: one.state === "ready" ? "good" : "bad" }, one.state))));
  at("operations").tBodies[0].replaceChildren(...Object.entries(look ? look.operations : {}).map(([name, count]) => row(name, String(count))));
  const failures = at("failures");
  failures.hidden = env.failures.length === 0;
  failures.firstElementChild.textContent = `Failures of the environment (${env.failures.length})`;
  failures.querySelector("tbody").replaceChildren(...env.failures.map(one =>
    row(new Date(one.at * 1000).toISOString().slice(0, 19).replace("T", " ") + "Z", one.cause)));
  fill(at("form").elements.suite, state.suites);
  fill(at("form").elements.world, state.worlds);
}

function fill(select, names) {
  for (const name of names) {
    if (![...select.options].some(option => option.value === name)) select.add(new Option(name, name));
  }
}

function showRuns(runs) {
  const scrolled = [...document.querySelectorAll("pre")].map(pre => [pre.dataset.run, pre.scrollTop + pre.clientHeight < pre.scrollHeight - 4, pre.scrollTop]);
  at("runs").tBodies[0].replaceChildren(...runs.map(showRun));
  for (const pre of document.querySelectorAll("pre")) {
    const before = scrolled.find(([run]) => run === pre.dataset.run);
    pre.scrollTop = before && before[1] ? before[2] : pre.scrollHeight;
  }
}

function showRun(run) {
  const word = run.state === "ended" ? run.verdict : run.state;
  const about = [run.world, run.seed === null || run.seed === undefined ? null : `seed ${run.seed}`, run.keyword ? `only ${run.keyword}` : null,
    run.job ? `job ${run.job}` : null].filter(Boolean).join(", ");
  const name = run.report ? make("a", { href: run.report }, run.suite) : run.suite;
  const active = run.state !== "ended";
  return make("tr", {},
    make("td", {}, make("span", { class: `badge ${TONES[word] || "warn"}` }, word.toUpperCase())),
    make("td", {}, make("strong", {}, name), " ", make("span", { class: "soft" }, about),
      make("p", {}, make("code", {}, run.run_id || run.id)),
      run.cause ? make("p", { class: TONES[word] || "warn" }, run.cause) : null,
      run.lines && run.lines.length ? make("pre", { "data-run": run.id }, run.lines.join("\n")) : null),
    make("td", { class: "number" }, run.counts ? `${run.counts.passed} of ${run.counts.collected}` : ""),
    make("td", { class: "number" }, seconds(run.duration_s)),
    make("td", { class: "when" }, clock(run.started_at)),
    make("td", {}, active ? make("button", { type: "button", onclick: () => cancel(run.id) }, "Cancel") : null));
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error || `${path}: ${answer.status}`);
  return told;
}

async function refresh() {
  try {
    const [state, list] = await Promise.all([ask("/api/state"), ask("/api/runs")]);
    const running = list.runs.filter(run => run.state === "running");
    for (const run of running) run.lines = (await ask(`/api/runs/${encodeURIComponent(run.id)}`)).lines;
    showState(state);
    showRuns(list.runs);
  } catch (error) {
    at("ready").textContent = "NO ANSWER";
    at("ready").className = "badge bad";
    at("words").textContent = `the service does not answer: ${error.message}`;
  }
}

function refuse(error) {
  at("refusal").textContent = error ? error.message : "";
  at("refusal").hidden = !error;
}

async function cancel(id) {
  try { await ask(`/api/runs/${encodeURIComponent(id)}`, { method: "DELETE" }); refuse(null); } catch (error) { refuse(error); }
  refresh();
}

at("form").addEventListener("submit", async event => {
  event.preventDefault();
  const told = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
  if (told.seed) told.seed = Number(told.seed);
  try {
    await ask("/api/runs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told) });
    refuse(null);
  } catch (error) { refuse(error); }
  refresh();
});

async function forever() {
  await refresh();
  setTimeout(forever, EVERY_MS);
}
forever();
