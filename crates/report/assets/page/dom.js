// Elements and numbers. Every text goes through textContent: names that come from a file are never markup.

/** Makes an element: properties by name (`class`, `on<event>`, attributes), then children, texts among them. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number with groups. */
function count(value) {
  return whole.format(value);
}

/** A number with the digits that count. */
function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return count(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(digits - 1);
  if (size >= 1000) return count(value);
  return String(Number(value.toPrecision(digits)));
}

function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Bytes for people. */
function bytes(value) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

function seconds(value) {
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 120) return `${value.toFixed(1)} s`;
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

/** Says something to everybody, those who listen included. */
function announce(text) {
  let box = document.querySelector(".status");
  if (!box) {
    box = el("div", { class: "status", role: "status", "aria-live": "polite" });
    document.body.append(box);
  }
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => box.classList.remove("shown"), 1800);
}

/** Gives a file to the user. */
function download(name, url) {
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages from a disk may not have a clipboard.
    const area = el("textarea", { "aria-hidden": "true", style: { position: "fixed", opacity: "0" } });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce(`${what} copied`);
}

/** A name that any system takes for a file. */
function fileName(text) {
  return text.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 80) || "figure";
}

/** A part of the page. */
function part(id, title, intro, ...children) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), intro ? el("p", { class: "intro" }, intro) : null, ...children);
}

/** What a tooltip says: a heading and rows of name and value. */
function tip(heading, rows) {
  return el("div", { class: "tip" }, el("b", {}, heading),
    rows.map(([name, value]) => el("div", { class: "row" }, el("span", {}, name), el("span", {}, value))));
}
