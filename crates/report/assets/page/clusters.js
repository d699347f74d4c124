// Sizes of clusters, and the samples that their cells come from.

function clusters() {
  const { clusters: found } = report;
  if (!found) return part("clusters", "Clusters", null, absent("clusters"));
  const total = found.sizes.reduce((sum, size) => sum + size, 0);
  const widest = Math.max(...found.names.map((name) => short(name).length));
  const label = { interval: found.names.length > 60 ? "auto" : 0, rotate: found.names.length * (widest + 1) > 72 ? 50 : 0 };
  const room = label.rotate ? 24 + widest * 5 : 34;
  const sizes = chart({
    name: "cluster_sizes", title: `Cells of each cluster (${found.column})`, height: 300,
    summary: `Cells of ${found.names.length} clusters: ${found.names.slice(0, 20).map((name, i) => `${name} ${count(found.sizes[i])}`).join(", ")}.`,
    option: (colors) => ({
      grid: { left: 56, right: 10, top: 12, bottom: room },
      tooltip: tooltip(colors, { formatter: ({ dataIndex }) => tip(found.names[dataIndex], [["cells", count(found.sizes[dataIndex])], ["share", percent(found.sizes[dataIndex] / total)]]) }),
      xAxis: axis(colors, { type: "category", data: found.names.map((_, i) => String(i)), splitLine: { show: false }, axisLabel: { ...label, formatter: (i) => short(found.names[i] ?? "") } }),
      yAxis: axis(colors, { type: "value", axisLine: { show: false }, minInterval: 1 }),
      series: [{ type: "bar", barMaxWidth: 44, data: found.sizes.map((value, i) => ({ value, itemStyle: { color: found.colors[i], borderRadius: [3, 3, 0, 0] } })) }],
    }),
    table: () => ({ columns: [{ name: found.column }, { name: "cells", number: true, show: count }, { name: "share", number: true, show: (value) => percent(value) }], rows: found.names.map((name, i) => [name, found.sizes[i], found.sizes[i] / total]) }),
  });
  const frames = [sizes.frame];
  if (found.sample_column && found.sample_column !== found.column && found.samples.length > 1) frames.push(composition(found).frame);
  return part("clusters", "Clusters", null, el("div", { class: "grid wide" }, frames));
}

/** Shares of samples in clusters, or of clusters in samples. */
function composition(found) {
  const ways = {
    clusters: { title: `${found.sample_column} in each cluster`, bars: found.names, parts: found.samples, colors: found.sample_colors, cells: (bar, piece) => found.composition[bar][piece] },
    samples: { title: `Clusters in each ${found.sample_column}`, bars: found.samples, parts: found.names, colors: found.colors, cells: (bar, piece) => found.composition[piece][bar] },
  };
  let way = found.samples.length <= found.names.length * 2 ? ways.samples : ways.clusters;
  const option = (colors) => {
    const totals = way.bars.map((_, bar) => way.parts.reduce((sum, _part, piece) => sum + way.cells(bar, piece), 0));
    return {
      grid: { left: 8, right: 26, top: 8, bottom: 40, containLabel: true },
      legend: { type: "scroll", bottom: 0, textStyle: { color: colors.text }, pageTextStyle: { color: colors.muted }, pageIconColor: colors.accent, pageIconInactiveColor: colors.faint, itemHeight: 9, itemWidth: 14 },
      tooltip: tooltip(colors, { formatter: ({ dataIndex, seriesIndex }) => tip(`${way.parts[seriesIndex]} in ${way.bars[dataIndex]}`, [["cells", count(way.cells(dataIndex, seriesIndex))], ["share", percent(way.cells(dataIndex, seriesIndex) / totals[dataIndex])]]) }),
      xAxis: axis(colors, { type: "value", max: 1, axisLine: { show: false }, axisLabel: { formatter: (value) => `${Math.round(value * 100)} %` } }),
      yAxis: axis(colors, { type: "category", inverse: true, data: way.bars.map((_, i) => String(i)), axisLabel: { interval: way.bars.length > 40 ? "auto" : 0, formatter: (i) => short(way.bars[i] ?? "") } }),
      series: way.parts.map((name, piece) => ({ name, type: "bar", stack: "all", barMaxWidth: 34, itemStyle: { color: way.colors[piece], borderColor: colors.card, borderWidth: 0.5 }, emphasis: { focus: "series" }, data: way.bars.map((_, bar) => (totals[bar] ? way.cells(bar, piece) / totals[bar] : 0)) })),
    };
  };
  const turn = el("button", { type: "button", onclick: () => {
    way = way === ways.samples ? ways.clusters : ways.samples;
    handle.frame.querySelector("figcaption").textContent = way.title;
    handle.redraw();
  } }, "Swap");
  const handle = chart({
    name: "composition", title: way.title, height: 300, option, tools: [turn],
    summary: `Shares of cells: ${found.samples.length} samples, ${found.names.length} clusters. The table has all numbers.`,
    table: () => ({ columns: [{ name: found.column }, ...found.samples.map((name) => ({ name, number: true, show: count }))], rows: found.names.map((name, i) => [name, ...found.composition[i]]) }),
  });
  return handle;
}
