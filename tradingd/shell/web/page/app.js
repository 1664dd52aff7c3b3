// Connects, keeps the age of the data in sight, and draws the panels.
import { el, moment, span } from "/format.js";
import * as panels from "/panels.js";

const $ = (id) => document.getElementById(id);
const STALE_MS = 15000;
let page = null; // the newest snapshot
let heard = 0; // when the server last spoke (performance.now)
let drawn = -1;
let pending = false;
let linked = false;

const takeToken = () => {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem("token", found);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
};

const say = (text) => {
  $("message").textContent = text;
  $("message").hidden = !text;
};

const forget = (text) => {
  sessionStorage.removeItem("token");
  page = null;
  linked = false;
  for (const id of ["accounts", "notices"]) $(id).replaceChildren();
  for (const id of ["house", "mode", "undelivered"]) $(id).hidden = true;
  $("note").textContent = $("now").textContent = "";
  delete document.body.dataset.mode;
  say(text);
  tick();
};

const showWhy = (d) => {
  const dialog = $("why");
  dialog.replaceChildren(...panels.why(d, () => dialog.close()).filter(Boolean));
  if (!dialog.open) dialog.showModal();
};

// a panel is replaced only when what it shows differs, so that a selection or the focus elsewhere on the page survives
const put = (box, nodes) => {
  nodes.forEach((node, i) => {
    const old = box.children[i];
    if (!old) box.append(node);
    else if (!old.isEqualNode(node)) swap(old, node);
  });
  while (box.children.length > nodes.length) box.lastElementChild.remove();
};

const swap = (old, node) => {
  const row = old.contains(document.activeElement) ? document.activeElement.closest("[data-decision]")?.dataset.decision : null;
  const left = old.querySelector(".scroll")?.scrollLeft || 0;
  old.replaceWith(node);
  const scroll = node.querySelector(".scroll");
  if (left && scroll) scroll.scrollLeft = left;
  if (row) node.querySelector(`[data-decision="${CSS.escape(row)}"] button`)?.focus({ preventScroll: true });
};

// the same words are not announced again
const cry = (nodes) => {
  const box = $("undelivered"), fresh = el("p", {}, nodes);
  if (box.textContent !== fresh.textContent) box.replaceChildren(...fresh.childNodes);
  box.hidden = !nodes.length;
};

const draw = () => {
  pending = false;
  if (!page || page.seq === drawn) return;
  drawn = page.seq;
  say("");
  document.body.dataset.mode = page.mode;
  document.title = `${page.mode.toUpperCase()} tradingd`;
  $("mode").textContent = page.mode.toUpperCase();
  $("mode").hidden = false;
  $("note").textContent = page.note;
  $("now").textContent = moment(page.now);
  const box = $("accounts");
  page.accounts.forEach((a, i) => {
    if (!box.children[i]) box.append(el("div", { class: "account" }));
    put(box.children[i], [panels.state(a, page), panels.pools(a), panels.breaker(a, page), panels.limits(a), panels.alerts(a), panels.performance(a, page), panels.tier(a),
      panels.positions(a, page), panels.orders(a, page), panels.decisions(a, page), panels.rebalance(a, page), panels.lots(a, page), panels.closed(a)]);
  });
  while (box.children.length > page.accounts.length) box.lastElementChild.remove();
  cry(panels.unheard(page));
  put($("notices"), [panels.notices(page)]);
  $("house").replaceChildren(...panels.house(page));
  $("house").hidden = false;
  document.body.dataset.seq = page.seq;
};

const redraw = () => {
  if (!pending) {
    pending = true;
    requestAnimationFrame(draw);
  }
};

const tick = () => {
  const quiet = performance.now() - heard, stale = !page || !linked || quiet > STALE_MS;
  document.body.classList.toggle("stale", stale && page !== null);
  $("age").textContent = !page ? "no data" : !linked ? `disconnected, data ${span(quiet / 1000)} old` : `data ${span(quiet / 1000)} old`;
};

const take = (block) => {
  heard = performance.now();
  const data = [];
  for (const line of block.split("\n")) if (line.startsWith("data: ")) data.push(line.slice(6));
  if (data.length) {
    page = JSON.parse(data.join("\n"));
    redraw();
  }
  tick();
};

const read = async (token) => {
  const headers = { Authorization: `Bearer ${token}` };
  if (page) headers["Last-Event-ID"] = String(page.seq);
  const cut = new AbortController(), watch = setInterval(() => linked && performance.now() - heard > 2 * STALE_MS && cut.abort(), 1000);
  try {
    const answer = await fetch("/events", { headers, cache: "no-store", signal: cut.signal });
    if (!answer.ok) return answer.status;
    linked = true;
    heard = performance.now();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) return 0;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      blocks.forEach(take);
    }
  } finally {
    clearInterval(watch);
    linked = false;
    tick();
  }
};

const run = async () => {
  for (let pause = 500; ; pause = Math.min(pause * 2, 10000)) {
    const token = takeToken();
    if (!token) return forget("This page needs a token. Run \u201ctradingd ui\u201d in a terminal and open the link it prints.");
    const began = performance.now();
    const status = await read(token).catch((no) => (no instanceof TypeError || no.name === "AbortError" ? 0 : Promise.reject(no)));
    if (status === 401 || status === 403) return forget("This link has expired or its token is wrong. Run \u201ctradingd ui\u201d for a new one.");
    if (performance.now() - began > 5000) pause = 500;
    await new Promise((next) => setTimeout(next, pause));
  }
};

$("accounts").addEventListener("click", (e) => {
  const id = e.target.closest("[data-decision]")?.dataset.decision, box = e.target.closest(".account");
  if (!id || !page) return;
  const found = page.accounts[[...$("accounts").children].indexOf(box)]?.decisions.find((d) => d.decision_id === id);
  if (found) showWhy(found);
});
addEventListener("hashchange", () => location.hash.includes("token=") && location.reload());
setInterval(tick, 1000);
run();
