// One function a panel: page values in, an element out.
import { DASH, ago, clock, count, el, exact, moment, money, percent, plainTime, signed, span, tone, until, words } from "/format.js";

const panel = (title, size, ...kids) => el("section", { class: `panel ${size}`, "data-panel": title.toLowerCase() }, el("h2", {}, title), ...kids);
const empty = (text) => el("p", { class: "empty" }, text);
const facts = (rows) => el("dl", {}, rows.flatMap(([name, value, cls = ""]) => [el("dt", { class: cls.includes("big") ? "big" : "" }, name), el("dd", { class: cls }, value)]));

const table = (columns, rows) =>
  el("div", { class: "scroll" }, el("table", { class: "cards" },
    el("thead", {}, el("tr", {}, columns.map(([name, cls]) => el("th", { class: cls || "", scope: "col" }, name)))),
    el("tbody", {}, rows.map(({ cells, ...attrs }) =>
      el("tr", attrs, cells.map((cell, i) => el("td", { class: columns[i][1] || "", "data-label": columns[i][0] }, cell)))))));

const waits = (page) => {
  const s = page.session;
  if (s && !s.in_window && s.next_window) return ` The next trading window opens in ${until(s.next_window, page.now)} (${moment(s.next_window)}).`;
  return page.note ? ` Now: ${page.note}.` : "";
};

export const state = (a, page) => panel(`Trading ${a.account}`, "",
  el("div", { class: `state ${a.state}` }, a.state),
  a.holds.length
    ? el("ul", {}, a.holds.map((h) => el("li", {}, el("span", { class: "tag warn" }, h.verb), ` by ${h.actor}: ${h.reason || "no reason given"} `,
        el("span", { class: "dim" }, `${moment(h.ts)}${h.until ? `, ends in ${until(h.until, page.now)}` : ", until resumed"}`))))
    : el("div", { class: "dim" }, a.state === "active" ? "no holds: new positions may be opened" : "no hold by an operator: see breaker and broker"),
  facts([
    ["tier", words(a.tier)],
    ["session", page.session ? `${page.session.calendar} ${page.session.open ? "open" : "closed"}${page.session.in_window ? ", in window" : ""}` : DASH],
    ["decisions", `${count(a.counts.decisions || 0)} (${count(a.counts.acted || 0)} acted, ${count(a.counts.refused || 0)} refused)`],
    ["fills", count(a.counts.fills || 0)],
  ]));

export const pools = (a) => panel(`Money ${a.currency}`, "", facts([
  ["equity", money(a.equity), "big"], ["today", `${signed(a.day_pnl)}  (${percent(a.day_pnl_ratio, 2)})`, tone(a.day_pnl)],
  ["active pool", money(a.active)], ["reserve", exact(a.reserve)], ["cash", exact(a.cash)], ["realised", money(a.realised), tone(a.realised)],
  ["fees", exact(a.fees)], ["drawdown", percent(a.drawdown, 2)], ["heat", percent(a.heat, 2)]]));

const figure = (x, show) => (x === null || x === undefined ? DASH : show(x));
const two = (x) => x.toFixed(2);
export const performance = (a, page) => {
  const m = a.measures, t = a.risk_tier;
  if (!m) return panel("Performance", "half", empty("no figures yet"));
  return panel("Performance", "half", facts([
    ["trades", `${count(m.trades)} (${count(m.wins)} won, ${count(m.losses)} lost)`], ["win rate", figure(m.win_rate, percent)],
    ["average win", figure(m.average_win, money)], ["average loss", figure(m.average_loss, money)],
    ["profit factor", m.profit_factor === null && m.wins ? "infinite" : figure(m.profit_factor, two)], ["Sharpe", figure(m.sharpe, two)],
    ["largest drawdown", percent(m.max_drawdown, 2)], ["unrealised", signed(m.unrealised), tone(m.unrealised)],
    ...(m.micro_trades ? [["micro-trades", `${count(m.micro_trades)} (${count(m.micro_wins)} won, ${signed(m.micro_pnl)})`]] : []),
    ["taken", ago(a.measured_ts, page.now)]]));
};

export const tier = (a) => panel("Risk tier", "half", a.risk_tier && a.risk_tier.history.length
  ? el("ul", {}, a.risk_tier.history.slice(0, 5).map((h) => el("li", {}, el("span", { class: "dim" }, `${moment(h.ts)} `), `${words(h.previous)} to ${words(h.tier)}: ${h.why}`)))
  : empty(`${words(a.tier)}, never changed`));

export const breaker = (a, page) => panel("Breaker and broker", "",
  a.breaker.length
    ? el("ul", {}, a.breaker.map((t) => el("li", {}, el("span", { class: "tag bad" }, words(t.kind)), ` ${t.symbol || "all"}: ${percent(t.actual)} against ${percent(t.threshold)}, `,
        el("strong", {}, t.until > page.now ? `${until(t.until, page.now)} left` : "cool-down over"))))
    : el("p", { class: "empty" }, "breaker armed, nothing tripped"),
  facts([
    ["broker", el("span", {}, `${a.broker.name} `, el("span", { class: a.broker.up ? "good" : "bad" }, a.broker.up ? "up" : "down")), ""],
    ...(a.broker.why && !a.broker.up ? [["why", a.broker.why]] : []),
    ["last word", ago(a.broker.last_event_ts, page.now)], ["last reconcile", ago(a.broker.last_reconcile_ts, page.now)],
    ["unknown orders", count(a.broker.unknown_orders), a.broker.unknown_orders ? "bad" : ""]]));

// a share is shown in percent; a count or an amount of money as it is
const isShare = (l) => Math.abs(l.limit) <= 1 && !/open_|max_|rate/.test(l.name);
const plain = (x) => (Math.abs(x) >= 1000 ? money(x) : String(Number(x.toFixed(2))));
export const limits = (a) => panel("Limits", "half", a.limits.length ? a.limits.map((l) => {
  const ratio = l.limit > 0 ? l.used / l.limit : 1, bar = el("div", { class: `fill ${ratio >= 1 ? "bad" : ratio >= 0.8 ? "warn" : ""}` });
  bar.style.width = `${Math.max(0, Math.min(1, ratio)) * 100}%`;
  const show = (x) => (isShare(l) ? percent(x) : plain(x));
  return el("div", { class: "limit" }, el("span", {}, words(l.name)), el("span", {}, `${show(l.used)} of ${show(l.limit)} `,
    el("span", { class: "dim" }, `${ratio >= 1 ? "none" : show(l.limit - l.used)} left`)), el("div", { class: "track" }, bar));
}) : empty("no limits in use"));

export const alerts = (a) => panel("Alerts", "half", a.alerts.length
  ? el("ul", {}, a.alerts.slice(0, 8).map(([ts, level, code, text]) => el("li", {}, el("span", { class: "dim" }, `${clock(ts)} `),
      el("span", { class: `tag ${level === "page" ? "bad" : level === "tell" ? "warn" : ""}` }, words(code)), el("span", { title: text }, ` ${text.split("\n")[0]}`))))
  : empty("no alerts"));

const distance = (p) => (p.stop !== null && p.mark ? percent(Math.abs(p.mark - Number(p.stop)) / p.mark) : DASH);
const shelter = (p) => (p.protective ? el("span", { class: "tag" }, p.protective) : el("span", { class: "tag bad" }, "none at venue"));
export const positions = (a, page) => panel("Positions", "wide", a.positions.length
  ? table([["symbol"], ["quantity", "n"], ["average", "n"], ["mark", "n"], ["unrealised", "n"], ["stop", "n"], ["distance", "n"], ["target", "n"], ["protective"], ["since", "n"]],
      a.positions.map((p) => ({ "data-symbol": p.symbol, cells: [
        el("span", {}, el("strong", {}, p.symbol), p.micro ? " " : null, p.micro ? el("span", { class: "tag" }, "micro") : null, p.drift !== null ? " " : null, p.drift !== null ? el("span", { class: "tag bad" }, `venue says ${p.drift}`) : null),
        exact(p.qty), exact(p.avg_price),
        el("span", { class: p.mark_ts && page.now - p.mark_ts > 3e10 ? "dim" : "", title: `seen ${ago(p.mark_ts, page.now)}` }, money(p.mark)),
        el("span", { class: tone(p.unrealised) }, signed(p.unrealised)), el("span", {}, exact(p.stop), p.trailing ? " \u2197" : ""), distance(p), exact(p.target),
        shelter(p), span((page.now - p.opened_ts) / 1e9)] })))
  : empty(`No positions.${waits(page)}`));

export const orders = (a, page) => {
  const open = a.orders.filter((o) => o.open);
  return panel("Working orders", "wide", open.length
    ? table([["order"], ["symbol"], ["side"], ["type"], ["quantity", "n"], ["filled", "n"], ["limit", "n"], ["stop", "n"], ["state"], ["age", "n"], ["why", "grow"]],
        open.map((o) => ({ cells: [o.order_id, o.symbol, o.side, `${words(o.type)} ${o.tif}`, exact(o.qty), exact(o.cum_qty), exact(o.limit), exact(o.stop),
          el("span", { class: `tag ${/unknown/i.test(o.state) ? "bad" : ""}` }, o.state), span((page.now - o.ts) / 1e9), o.why] })))
    : empty("No working orders."));
};

// tax lots: money to the cent; where a basis has a wash sale's loss in it, so much of it is said beside it
const gain = (x) => el("span", { class: tone(x) }, signed(x));
const washed = (l) => (Number(l.wash) ? el("span", { title: "disallowed elsewhere and added to this basis" }, money(l.wash)) : DASH);
const some = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
const day = (ns) => moment(ns).slice(0, 10);
const on = (ns) => el("span", { title: moment(ns) }, day(ns));
const more = (shown, all, what, how) => (all > shown ? el("p", { class: "empty" }, `${count(all - shown)} more ${what}: ${how}`) : null);
export const lots = (a, page) => {
  const t = a.tax;
  if (!t || !t.lots.length) return panel("Open lots", "wide", empty(`No open lots.${waits(page)}`));
  return panel("Open lots", "wide", table([["symbol"], ["opened", "n"], ["side"], ["quantity", "n"], ["cost basis", "n"], ["wash adj.", "n"], ["unrealised", "n"], ["term"], ["lot", "grow"]],
    t.lots.map((l) => ({ "data-lot": l.lot, cells: [el("strong", {}, l.symbol), on(l.opened_ts), l.side, exact(l.qty), money(l.basis), washed(l), l.unrealised === null ? DASH : gain(l.unrealised),
      el("span", { title: `held since ${day(l.acquired_ts)}` }, l.term), l.adopted ? `${l.lot} (adopted)` : l.lot] }))),
    more(t.lots.length, t.open_lots, "open", "tradingd lots"));
};

const YEARS = 3;
export const closed = (a) => {
  const t = a.tax;
  if (!t || !t.parts) return panel("Realised lots", "wide", empty("Nothing was closed yet."));
  return panel("Realised lots", "wide",
    el("p", { class: "dim" }, `${some(t.opened, "lot")} opened, ${some(t.parts, "part")} closed, ${some(t.washed, "wash sale")} among them. An estimate: the broker\u2019s statement decides.`),
    table([["symbol"], ["closed", "n"], ["opened", "n"], ["side"], ["quantity", "n"], ["cost basis", "n"], ["proceeds", "n"], ["realised", "n"], ["disallowed", "n"], ["term"]],
      t.closed.map((p) => ({ "data-part": p.lot, cells: [el("strong", {}, p.symbol), on(p.closed_ts), on(p.opened_ts), p.side, exact(p.qty), money(p.basis), money(p.proceeds), gain(p.realised),
        Number(p.disallowed) ? el("span", { class: "tag warn", title: `replaced by ${p.taken.map((l) => l.lot).join(", ")}` }, money(p.disallowed)) : DASH, p.term] }))),
    el("ul", {}, t.years.slice(-YEARS).reverse().map((y) => el("li", {}, el("span", { class: "dim" }, `${y.year} `), gain(y.counts), ` counts: realised ${signed(y.realised)}, of its losses ${money(y.disallowed)} disallowed and moved to later lots`))),
    more(t.closed.length, t.parts, "closed", "tradingd lots --closed"));
};

const sale = (s) => el("li", {}, s.reasons.length ? [el("span", { class: "tag warn" }, s.reasons.map(words).join(", ")), ` ${s.symbol} not sold: `] : [el("strong", {}, `${exact(s.qty)} ${s.symbol}`), " sold: "], s.why, " ",
  el("span", { class: "dim" }, s.decision_id));
const turn = (w) => el("li", { "data-week": w.week }, el("span", { class: "dim" }, `${w.week} `),
  w.sales.length ? el("ul", { class: "inner" }, w.sales.map(sale)) : "nothing above its limits", w.done ? null : el("span", { class: "tag warn" }, "not done yet"));
const WEEKS = 6;
export const rebalance = (a, page) => {
  const r = a.rebalance;
  if (!r) return panel("Rebalance", "wide", empty("nothing known of it"));
  const next = !r.enabled ? "switched off: [rebalance] enabled = false" : r.next_due === null ? "not in the calendar" : r.next_due > page.now ? `${moment(r.next_due)}, in ${until(r.next_due, page.now)}` : "due now: waits for an active account and prices";
  return panel("Rebalance", "wide", el("div", {}, el("span", { class: "dim" }, "next "), next), r.weeks.length ? el("ul", {}, r.weeks.slice(0, WEEKS).map(turn)) : empty("no week was looked at yet"));
};

// a page that nobody got must be seen: it stands above everything
export const unheard = (page) => {
  const lost = page.notices ? page.notices.unheard : [];
  return !lost.length ? [] : [el("strong", {}, lost.length === 1 ? "A page was not delivered" : `${count(lost.length)} pages were not delivered`),
    `: ${lost.slice(0, 5).map((u) => `${words(u.event)} ${moment(u.ts)} (${u.channel}: ${words(u.status)})`).join("; ")}. Why: `, el("code", {}, "tradingd notifications")];
};

const LOST = ["failed", "dropped", "rate_limited"];
const NOTICES = 12;
const route = (c) => [c.name, el("span", {}, c.failing ? [el("span", { class: "tag bad" }, "failing"), " "] : null, `${count(c.waiting)} waiting`,
  c.kept_back ? [", ", el("span", { class: "tag warn" }, `${some(c.kept_back, "page")} kept back`)] : null)];
const fate = (n) => el("span", { class: `tag ${LOST.includes(n.status) ? (n.level === "page" ? "bad" : "warn") : ""}` }, words(n.status));
export const notices = (page) => {
  const n = page.notices, several = page.accounts.length > 1;
  if (!n) return panel("Notices", "wide", empty("No channel is configured: nobody is told, alerts are seen here only."));
  return panel("Notices", "wide",
    facts(n.channels.map(route)),
    n.latest.length ? table([["time"], ["level"], ["notice", "grow"], ["route"], ["result"], ...(several ? [["account"]] : []), ["record", "n"]],
      n.latest.slice(0, NOTICES).map((x) => ({ "data-notice": x.notice, cells: [moment(x.ts), el("span", { class: `tag ${x.level === "page" ? "bad" : ""}` }, x.level || DASH), words(x.event), x.channel, fate(x),
        ...(several ? [x.account] : []), x.notice] })))
      : empty("nobody had to be told anything yet"));
};

const verdict = (d) => (d.outcome === "act" ? el("span", { class: "tag" }, "acted") : el("span", { class: "tag warn" }, words(d.headline || "refused")));
export const decisions = (a, page) => panel("Decisions", "wide", a.decisions.length
  ? table([["decision"], ["time"], ["symbol"], ["side"], ["kind"], ["result"], ["quantity", "n"], ["price", "n"], ["confidence", "n"], ["source", "grow"]],
      a.decisions.slice(0, 30).map((d) => ({ class: "click", "data-decision": d.decision_id, cells: [
        el("button", { type: "button", "aria-haspopup": "dialog" }, d.decision_id), moment(d.ts), d.symbol, d.side, d.micro ? `micro ${d.kind}` : d.kind, verdict(d), Number(d.qty) ? exact(d.qty) : DASH, money(d.ref_price),
        percent(d.confidence, 0), words(d.source)] })))
  : empty(`No decisions yet.${waits(page)}`));

const shown = (x) => (x === null ? DASH : typeof x === "number" ? String(Number(x.toPrecision(6))) : plainTime(x));
const reasons = (d) => (d.outcome === "act" ? verdict(d) : d.reasons.map((r) => el("span", { class: "tag warn" }, words(r))));
export const why = (d, close) => [
  el("button", { type: "button", class: "close", on: close }, "close"),
  el("h3", {}, `${d.decision_id}  ${d.side} ${d.symbol} ${d.kind}`), el("p", {}, reasons(d), ` ${moment(d.ts)} by ${d.source}, because of ${d.cause}`),
  d.thesis ? el("p", { class: "dim" }, d.thesis) : null,
  table([["check"], ["result"], ["measured", "n"], ["limit", "n"], ["note", "grow"]], d.checks.map(([name, value, limit, ok, reason, note]) => ({ cells: [
    words(name), el("span", { class: ok === null ? "dim" : ok ? "good" : "tag bad" }, ok === null ? "not reached" : ok ? "passed" : words(reason || "failed")), shown(value), shown(limit), note] }))),
  facts([["stop", exact(d.stop)], ["target", exact(d.target)], ["quantity", exact(d.qty)], ["notional", exact(d.notional)], ["price it stood on", money(d.ref_price)],
    ["equity then", money(d.pools.equity)], ["active pool then", money(d.pools.active)], ["reserve then", money(d.pools.reserve)], ["tier", words(d.tier)], ["heat", percent(d.heat, 2)],
    ["breaker", words(d.breaker)], ["state", d.state], ["orders", d.orders.length ? d.orders.join(", ") : DASH]])];

export const house = (page) => [el("h2", {}, "House"), facts([
  ["journal", `${count(page.journal.seq)} facts, ${count(page.journal.seq - page.journal.durable)} not yet durable`], ["journal head", el("code", {}, page.journal.head.slice(0, 16) || DASH)],
  ["segment", page.journal.segment], ["version", `${page.version} (build ${page.build.slice(0, 12)})`], ["configuration", page.config.slice(0, 12)], ["started", moment(page.started)], ["house time", moment(page.now)]])];
