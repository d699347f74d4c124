// Genes that mark groups: a table for each group, and a dot plot.

function markers() {
  const { markers: found, dots } = report;
  if (!found) return part("markers", "Marker genes", null, absent("markers"), absent("dots"));
  const params = Object.fromEntries(found.params);
  const against = params.reference && params.reference !== "rest" ? `the group ${params.reference}` : "all other cells";
  return part("markers", "Marker genes", `Groups of ${found.groupby} against ${against}, by ${params.method ?? "an unknown method"}.`,
    absent("dots"), dots ? dotPlot(dots).frame : null, markerTables(found));
}

function markerTables(found) {
  const names = [["scores", "score"], ["logfoldchanges", "log2 fold change"], ["pvals", "p-value"], ["pvals_adj", "adjusted p-value"]];
  const colors = report.clusters && report.clusters.column === found.groupby ? Object.fromEntries(report.clusters.names.map((name, i) => [name, report.clusters.colors[i]])) : {};
  const place = el("div", { id: "marker-table", role: "tabpanel" });
  let chosen = 0;
  let wanted = "";
  const fill = () => {
    const group = found.groups[chosen];
    const own = names.filter(([key]) => group[key].length);
    const everywhere = wanted !== "";
    const groups = everywhere ? found.groups : [group];
    const columns = [...(everywhere ? [{ name: found.groupby || "group" }] : []), { name: "rank", number: true }, { name: "gene", gene: true },
      ...own.map(([key, name]) => ({ name, number: true, show: (value) => (key.startsWith("pvals") && value === 0 ? "0" : number(value)) }))];
    const rows = groups.flatMap((one) => one.genes.map((gene, i) => [...(everywhere ? [one.name] : []), i + 1, gene, ...own.map(([key]) => one[key][i] ?? null)]))
      .filter((row) => !everywhere || row[2].toLowerCase().includes(wanted));
    place.replaceChildren(table(columns, rows, { name: everywhere ? "markers" : `markers_${group.name}`, caption: everywhere ? `Genes with “${wanted}” among the markers of all groups` : `The first ${group.genes.length} of ${count(found.available)} genes of ${group.name}` }));
  };
  const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Groups" });
  const choose = (i, focus) => {
    chosen = (i + found.groups.length) % found.groups.length;
    [...tabs.children].forEach((tab, j) => {
      tab.setAttribute("aria-selected", String(j === chosen));
      tab.tabIndex = j === chosen ? 0 : -1;
    });
    if (focus) tabs.children[chosen].focus();
    search.value = wanted = "";
    fill();
  };
  found.groups.forEach((group, i) => tabs.append(el("button", { type: "button", role: "tab", "aria-controls": "marker-table", title: group.name, onclick: () => choose(i), onkeydown: (event) => {
    if (event.key === "ArrowRight") choose(chosen + 1, true);
    if (event.key === "ArrowLeft") choose(chosen - 1, true);
  } }, colors[group.name] ? el("span", { class: "swatch", style: { background: colors[group.name] } }) : null, group.name)));
  const search = el("input", { type: "search", placeholder: "Find a gene", "aria-label": "Find a gene among the markers of all groups", oninput: (event) => {
    wanted = event.target.value.trim().toLowerCase();
    fill();
  } });
  const everything = () => {
    const lines = [[found.groupby || "group", "rank", "gene", ...names.map(([key]) => key)].join("\t")];
    found.groups.forEach((group) => group.genes.forEach((gene, i) => lines.push([cell(group.name, "\t"), i + 1, cell(gene, "\t"), ...names.map(([key]) => cell(group[key][i], "\t"))].join("\t"))));
    copy(`${lines.join("\n")}\n`, "All markers");
  };
  if (found.groups.length) choose(0);
  return el("div", { class: "card" }, el("div", { class: "chart-head" }, el("h3", {}, "Ranked genes"), el("div", { class: "tools" }, search, el("button", { type: "button", onclick: everything }, "Copy all groups"))), tabs, place);
}

/** Shares of expressing cells as sizes, means as colours. */
function dotPlot(dots) {
  let scaled = true;
  const columns = dots.genes.map((_, gene) => dots.mean.map((row) => row[gene]));
  const highest = columns.map((column) => Math.max(...column));
  const lowest = columns.map((column) => Math.min(...column));
  const value = (group, gene) => (scaled ? (dots.mean[group][gene] - lowest[gene]) / (highest[gene] - lowest[gene] || 1) : dots.mean[group][gene]);
  const data = () => dots.groups.flatMap((_, group) => dots.genes.map((_gene, gene) => [gene, group, value(group, gene), dots.fraction[group][gene]]));
  const left = Math.min(160, 24 + 6.5 * Math.max(...dots.groups.map((name) => short(name, 22).length)));
  const height = 24 * dots.groups.length + 178;
  const side = 15;
  const option = (colors) => {
    const dark = colors === themes.dark;
    const most = scaled ? 1 : Math.max(...highest, 1e-9);
    const boundary = dots.marks.map((mark, i) => i > 0 && mark !== dots.marks[i - 1]);
    return {
      grid: { left, right: 12, top: 8, bottom: 150 },
      tooltip: tooltip(colors, { formatter: ({ dataIndex }) => {
        const [gene, group] = [dataIndex % dots.genes.length, Math.floor(dataIndex / dots.genes.length)];
        return tip(`${dots.genes[gene]} in ${dots.groups[group]}`, [["cells that express it", percent(dots.fraction[group][gene])], ["mean", number(dots.mean[group][gene])], ["marks", dots.marks[gene]]]);
      } }),
      xAxis: axis(colors, { type: "category", data: dots.genes.map((_, i) => String(i)), axisLabel: { interval: 0, rotate: 90, fontStyle: "italic", color: colors.text, formatter: (i) => short(dots.genes[i] ?? "", 16) }, splitLine: { show: true, interval: (i) => boundary[i], lineStyle: { color: colors.line } } }),
      yAxis: axis(colors, { type: "category", inverse: true, data: dots.groups.map((_, i) => String(i)), axisLabel: { interval: 0, color: colors.text, formatter: (i) => short(dots.groups[i] ?? "", 22) }, splitLine: { show: true, lineStyle: { color: colors.line } } }),
      visualMap: { type: "continuous", dimension: 2, min: 0, max: most, calculable: false, orient: "horizontal", left, bottom: 22, itemHeight: 130, itemWidth: 10, text: [scaled ? "highest mean" : number(most), scaled ? "lowest" : "0"], textStyle: { color: colors.muted, fontSize: 11 }, inRange: { color: dark ? embers : reds } },
      graphic: sizeKey(left + 330, side, colors),
      series: [{ type: "scatter", data: data(), symbolSize: (point) => side * Math.sqrt(point[3]), itemStyle: { borderColor: dark ? "#8a94a3" : "#9aa3af", borderWidth: 0.5 } }],
    };
  };
  const turn = el("button", { type: "button", "aria-pressed": "true", title: "Colours from the lowest to the highest mean of each gene", onclick: () => {
    scaled = !scaled;
    turn.setAttribute("aria-pressed", String(scaled));
    handle.redraw();
  } }, "Scale genes");
  const handle = chart({
    name: "dot_plot", title: `Markers in the groups of ${dots.groupby}`, height, option, tools: [turn], minWidth: left + 17 * dots.genes.length + 12,
    summary: `Dot plot of ${dots.genes.length} marker genes in ${dots.groups.length} groups: sizes are shares of cells that express a gene, colours are means.`,
    note: `Means of all cells of a group, in ${dots.source}; a cell expresses a gene if its value is above zero.`,
    table: () => ({ columns: [{ name: dots.groupby }, { name: "gene", gene: true }, { name: "marks" }, { name: "fraction", number: true }, { name: "mean", number: true }],
      rows: dots.groups.flatMap((group, i) => dots.genes.map((gene, j) => [group, gene, dots.marks[j], dots.fraction[i][j], dots.mean[i][j]])) }),
  });
  return handle;
}

/** What sizes mean. */
function sizeKey(left, side, colors) {
  const shares = [0.1, 0.25, 0.5, 1];
  return { type: "group", left, bottom: 12, children: [
    ...shares.map((share, i) => ({ type: "circle", shape: { cx: i * 46, cy: 10, r: (side * Math.sqrt(share)) / 2 }, style: { fill: "none", stroke: colors.muted } })),
    ...shares.map((share, i) => ({ type: "text", x: i * 46, y: 22, style: { text: `${share * 100} %`, fill: colors.muted, fontSize: 11, align: "center" } })),
  ] };
}
