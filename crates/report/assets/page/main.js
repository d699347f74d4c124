// The page, part by part.

const parts = [overview(), embedding(), clusters(), markers(), quality(), genes(), components(), runPart(), methods()];

/** A mark for the program: cells in a stream. */
function mark() {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  [[5, 16, 3.2, "#279e68"], [11.5, 10, 3.6, "#1f77b4"], [18.5, 6, 2.6, "#ff7f0e"], [17, 16.5, 3, "#aa40fc"], [5.5, 6.5, 2.2, "#d62728"]].forEach(([cx, cy, r, fill]) => {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    Object.entries({ cx, cy, r, fill }).forEach(([name, value]) => circle.setAttribute(name, value));
    drawing.append(circle);
  });
  return drawing;
}

const present = { overview: true, cells: report.embedding, clusters: report.clusters, markers: report.markers, quality: report.quality, genes: report.variable, components: report.components, run: report.run, methods: true };
const links = parts.map((one) => el("a", { href: `#${one.id}`, class: present[one.id] ? undefined : "absent", title: present[one.id] ? undefined : "not in this file" },
  one.getAttribute("aria-label") ?? one.querySelector("h2").textContent));

document.getElementById("nav").append(el("div", { class: "brand" }, mark(), "annstream"), ...links,
  el("p", { class: "foot" }, `annstream ${report.version}. Charts by Apache ECharts. This page holds all its data, and asks for nothing on a network.`));
document.getElementById("main").append(header(), ...parts);
later.forEach((draw) => draw());

// The part that is being read.
const seen = new Map();
const watcher = new IntersectionObserver((entries) => {
  entries.forEach((entry) => seen.set(entry.target.id, entry.isIntersecting));
  const current = parts.find((one) => seen.get(one.id)) ?? parts[0];
  links.forEach((link, i) => link.setAttribute("aria-current", String(parts[i] === current)));
}, { rootMargin: "-10% 0px -60% 0px" });
parts.forEach((one) => watcher.observe(one));

window.annstream = { report, charts, unpack };
