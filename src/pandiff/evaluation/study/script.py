"""What the page does: asks the server for a question, shows it, sends the answer, once."""

SCRIPT = r"""
"use strict";
const $ = id => document.getElementById(id);
const ASK = {
  maps: ["Which map fits the image better?", "Right names, right outlines, nothing missed."],
  pairs: ["In which pair does the map fit its image better?",
    "Judge how map and image agree, not which image is nicer."],
  score: ["How good is this map?",
    "Is everything in the image found, by its right name, with its right outline?"]};
const WORDS = {left: "◀ Left", same: "Same", right: "Right ▶"};
const KEYS = {ArrowLeft: "left", ArrowDown: "same", ArrowRight: "right"};
let rater = location.hash.slice(1) || localStorage.getItem("rater-" + STUDY);
let question = null, since = 0, busy = true;

async function call(path, values) {
  for (let wait = 500;; wait = Math.min(2 * wait, 8000)) {
    let reply = null;
    try {
      reply = await fetch(path, {method: "POST", body: JSON.stringify(values),
        headers: {"Content-Type": "application/json"}});
    } catch (error) { /* no connection: the same call again, which counts once */ }
    if (reply && reply.status < 500) {
      $("trouble").hidden = true;
      return {status: reply.status, ...await reply.json()};
    }
    trouble("No connection. Trying again; nothing is lost.");
    await new Promise(done => setTimeout(done, wait));
  }
}

function trouble(text) { $("trouble").textContent = text; $("trouble").hidden = false; }

function only(id) {
  for (const part of ["start", "ask", "end"]) $(part).hidden = part !== id;
  $("answers").hidden = id !== "ask";
}

function leave() {
  rater = null;
  localStorage.removeItem("rater-" + STUDY);
  history.replaceState(null, "", location.pathname);
  $("bar").firstChild.style.width = "0";
  only("start");
  $("name").value = "";
  $("name").focus();
}

function remember(token) {
  rater = token;
  localStorage.setItem("rater-" + STUDY, rater);
  history.replaceState(null, "", "#" + rater);
}

async function join(event) {
  event.preventDefault();
  $("begin").disabled = true;
  const reply = await call("join", {name: $("name").value});
  $("begin").disabled = false;
  if (reply.error) {
    const taken = reply.status === 409;
    $("refused").textContent = taken ? "Somebody has this name already. Please choose another."
      : "Please give a name of 1 to 60 letters.";
    $("refused").hidden = false;
    return;
  }
  $("refused").hidden = true;
  remember(reply.rater);
  await show(await call("question", {rater}));
}

async function show(state) {
  if (state.status === 401) return leave();
  if (state.error) { trouble(state.error); return; }
  $("bar").firstChild.style.width = 100 * state.done / state.total + "%";
  question = state.question;
  if (!question) { $("given").textContent = state.done; only("end"); return; }
  const [title, hint] = ASK[question.kind];
  $("title").textContent = title;
  $("hint").textContent = hint;
  $("count").textContent = state.done + 1 + " of " + state.total;
  $("over").value = 1;
  blend();
  const loaded = pictures();
  legend();
  buttons();
  only("ask");
  scrollTo(0, 0);
  await loaded;
  if (question !== state.question) return;
  since = performance.now();
  enable(true);
}

function pictures() {
  const one = question.shown[0];
  const figures = question.kind === "maps"
    ? [[one.image, null, "Image"], ...question.shown.map((s, k) => [s.image, s.map, side(k)])]
    : question.kind === "score" ? [[one.image, null, "Image"], [one.image, one.map, "Map"]]
    : [...question.shown.map((s, k) => [s.image, null, side(k)]),
       ...question.shown.map((s, k) => [s.image, s.map, side(k)])];
  $("shown").className = question.kind;
  $("shown").replaceChildren(...figures.map(([image, map, text]) => {
    const figure = document.createElement("figure"), stack = document.createElement("div");
    stack.className = "stack";
    for (const name of [image, map]) if (name) {
      const img = new Image();
      img.src = "picture/" + name + ".png";
      img.alt = name === image ? "image" : "map";
      stack.append(img);
    }
    const caption = document.createElement("figcaption");
    caption.textContent = text;
    figure.append(stack, caption);
    return figure;
  }));
  return Promise.all([...$("shown").querySelectorAll("img")].map(img => img.decode()
    .catch(() => trouble("A picture is missing. Please reload the page."))));
}

const side = k => ["Left", "Right"][k];

function legend() {
  $("legend").replaceChildren(...Object.entries(question.legend).map(([name, color]) => {
    const item = document.createElement("span"), swatch = document.createElement("i");
    swatch.style.background = color;
    item.append(swatch, name);
    return item;
  }));
}

function buttons() {
  $("ends").hidden = !question.scored;
  $("choices").replaceChildren(...question.answers.map(answer => {
    const button = document.createElement("button");
    button.textContent = WORDS[answer] || answer;
    button.dataset.answer = answer;
    button.onclick = () => give(answer);
    return button;
  }));
  enable(false);
}

function enable(on) {
  busy = !on;
  for (const button of $("choices").children) button.disabled = !on;
}

async function give(answer) {
  if (busy || !question) return;
  enable(false);
  const seconds = (performance.now() - since) / 1000;
  await show(await call("answer", {rater, slot: question.slot, answer, seconds}));
}

function blend() { $("shown").style.setProperty("--over", $("over").value); }

addEventListener("keydown", event => {
  if ($("ask").hidden || event.repeat || event.target === $("over")
    || event.ctrlKey || event.metaKey || event.altKey) return;
  const answer = KEYS[event.key] || event.key;
  if (question && question.answers.includes(answer)) { event.preventDefault(); give(answer); }
});
addEventListener("hashchange", () => location.reload());  // the link of a rater, pasted
$("start").onsubmit = join;
$("over").oninput = blend;
for (const button of document.querySelectorAll(".leave")) button.onclick = leave;
if (rater) {
  remember(rater);
  call("question", {rater}).then(show);
} else only("start");
"""
