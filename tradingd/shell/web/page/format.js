// Numbers, times and elements. Text goes in by textContent only: nothing a venue or a thesis says is ever markup.

export const el = (tag, attrs = {}, ...kids) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attrs)) {
    if (key === "class") node.className = value;
    else if (key === "on") node.addEventListener("click", value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  for (const kid of kids.flat()) if (kid !== null && kid !== undefined) node.append(kid instanceof Node ? kid : String(kid));
  return node;
};

export const DASH = "\u2013";
const grouped = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const two = grouped(2), whole = grouped(0);

export const money = (x) => (x === null || x === undefined || x === "" ? DASH : two.format(Number(x)).replace("-", "\u2212"));
export const signed = (x) => (Number(x) > 0 ? "+" : "") + money(x);
export const count = (x) => whole.format(x);
export const percent = (x, digits = 1) => (x === null || x === undefined ? DASH : `${(x * 100).toFixed(digits).replace("-", "\u2212")} %`);
export const tone = (x) => (Number(x) > 0 ? "good" : Number(x) < 0 ? "bad" : "");
export const words = (name) => String(name).replaceAll("_", " ");
// a booked number is shown digit by digit as it was booked; only grouping is added
export const exact = (text) => {
  if (text === null || text === undefined) return DASH;
  const [whole, part] = String(text).split(".");
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",").replace("-", "\u2212") + (part ? `.${part}` : "");
};

const NS = 1e9;
export const clock = (ns) => (ns ? new Date(ns / 1e6).toISOString().slice(11, 19) : DASH);
export const moment = (ns) => (ns ? `${new Date(ns / 1e6).toISOString().slice(0, 16).replace("T", " ")} UTC` : DASH);
// a check's time, as it was measured, without what every line would repeat
export const plainTime = (text) => text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.0+)?(?:\+00:00|Z)$/, "$1 $2");
export const span = (seconds) => {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
};
export const ago = (ns, now) => (ns ? `${span((now - ns) / NS)} ago` : "never");
export const until = (ns, now) => (ns ? span((ns - now) / NS) : DASH);
