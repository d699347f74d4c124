// What was read, in figures and in words.

function header() {
  const { file, shape } = report.overview;
  const subtitle = report.title === file ? "Single-cell report" : file;
  return el("header", { class: "top" },
    el("div", {}, el("h1", {}, report.title), el("p", { class: "sub" }, `${subtitle} · ${count(shape[0])} cells × ${count(shape[1])} genes`)),
    themeButton());
}

function tiles(list) {
  return el("dl", { class: "tiles" }, list.filter((tile) => tile).map(([name, value, more]) =>
    el("div", { class: "card tile" }, el("dt", {}, more ? `${name} ${more}` : name), el("dd", {}, value))));
}

function overview() {
  const { overview: seen, quality, clusters, variable, run } = report;
  const median = (names) => quality?.metrics.find((metric) => names.includes(metric.name))?.all.quantiles[2];
  const [genes, counts, share] = [median(["n_genes_by_counts", "n_genes"]), median(["total_counts", "n_counts"]), median(["pct_counts_mt", "percent_mito"])];
  const removed = run ? run.report.input_shape[0] - run.report.shape[0] : 0;
  const list = tiles([
    ["cells", count(seen.shape[0]), removed > 0 ? `of ${count(run.report.input_shape[0])}` : null],
    ["genes", count(seen.shape[1]), variable ? `(${count(variable.chosen)} variable)` : null],
    seen.samples ? ["samples", count(seen.samples.names.length)] : null,
    clusters ? ["clusters", count(clusters.names.length), `(${clusters.column})`] : null,
    genes === undefined ? null : ["median genes per cell", number(genes)],
    counts === undefined ? null : ["median counts per cell", number(counts)],
    share === undefined ? null : ["median mitochondrial", `${number(share, 2)} %`],
  ]);
  const rows = [
    ["File", `${seen.file}, ${seen.format}${seen.bytes === null ? "" : `, ${bytes(seen.bytes)}`}`],
    seen.inputs.length ? ["Made of", seen.inputs.join(", ")] : null,
    ...seen.elements,
  ].filter((row) => row);
  const samples = seen.samples ? el("details", {},
    el("summary", {}, `Samples (${seen.samples.column})`), sampleTable()) : null;
  return el("section", { id: "overview", "aria-label": "Overview" }, list,
    el("div", { class: "card" }, el("details", {}, el("summary", { style: { marginTop: "0" } }, "What is in the file"), facts(rows)), samples));
}

/** Each sample with the medians of its cells. */
function sampleTable() {
  const { samples } = report.overview;
  const metrics = report.quality?.column === samples.column ? report.quality.metrics : [];
  const total = samples.cells.reduce((sum, cells) => sum + cells, 0);
  const columns = [{ name: samples.column }, { name: "cells", number: true, show: count }, { name: "share", number: true, show: (value) => percent(value) },
    ...metrics.map((metric) => ({ name: metric.label, number: true }))];
  const rows = samples.names.map((name, i) => [name, samples.cells[i], samples.cells[i] / total, ...metrics.map((metric) => metric.groups[i].quantiles[2] ?? null)]);
  return table(columns, rows, { name: "samples", caption: metrics.length ? "Medians of the cells of each sample" : undefined });
}
