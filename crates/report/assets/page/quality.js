// Violins of quality metrics, one chart for each metric.

function quality() {
  const { quality: found } = report;
  if (!found) return part("quality", "Quality of the cells", null, absent("quality"));
  const by = found.column ? `Distributions by ${found.column}` : "Distributions over all cells";
  return part("quality", "Quality of the cells", `${by}: a violin is as wide as values are frequent, bars reach from the first to the third quartile, and points are medians.`,
    el("div", { class: "grid" }, found.metrics.map((metric) => violins(found, metric).frame)));
}

function violins(found, metric) {
  const { samples, colors: palette } = found;
  const many = samples.length > 8;
  const rows = metric.groups.map((group, i) => [samples[i], group.count, group.mean, ...(group.quantiles.length ? group.quantiles : [null, null, null, null, null])]);
  const most = Math.max(...metric.groups.map((group) => group.quantiles[4] ?? 0));
  const option = (colors) => ({
    grid: { left: 56, right: 10, top: 12, bottom: many ? 80 : 30 },
    tooltip: tooltip(colors, { trigger: "item", formatter: ({ dataIndex }) => {
      const group = metric.groups[dataIndex];
      const names = ["smallest", "first quartile", "median", "third quartile", "largest"];
      return tip(samples[dataIndex], [["cells", count(group.count)], ["mean", number(group.mean)], ...names.map((name, i) => [name, number(group.quantiles[i])])]);
    } }),
    xAxis: axis(colors, { type: "category", data: samples.map((_, i) => String(i)), splitLine: { show: false },
      axisLabel: { interval: many && samples.length > 40 ? "auto" : 0, rotate: many ? 60 : 0, formatter: (i) => short(samples[i] ?? "", many ? 14 : Math.max(6, Math.floor(40 / samples.length))) } }),
    yAxis: axis(colors, { type: "value", min: 0, max: most > 0 ? undefined : 1, axisLine: { show: false }, axisLabel: { formatter: (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : value) } }),
    series: [{ type: "custom", data: metric.groups.map((group, i) => [i, ...(group.quantiles.length ? group.quantiles : [NaN])]), encode: { x: 0, y: [1, 2, 3, 4, 5] },
      renderItem: (params, api) => violin(metric.groups[params.dataIndex], palette[params.dataIndex], params.dataIndex, api, colors) }],
  });
  return chart({
    name: `quality_${metric.name}`, title: metric.label, height: many ? 300 : 250, option,
    summary: `Violins of ${metric.label}. Medians: ${samples.slice(0, 12).map((name, i) => `${name} ${number(metric.groups[i].quantiles[2])}`).join(", ")}.`,
    minWidth: samples.length > 24 ? samples.length * 16 : 0,
    table: () => ({ columns: [{ name: found.column || "cells" }, ...["n", "mean", "min", "q1", "median", "q3", "max"].map((name) => ({ name, number: true }))], rows }),
  });
}

/** One violin: its outline, the middle half, and the median. */
function violin(group, color, i, api, colors) {
  if (!group.quantiles.length) return null;
  const [low, first, median, third, high] = group.quantiles;
  const half = Math.min(api.size([1, 0])[0] * 0.42, 70);
  const at = (value) => api.coord([i, value]);
  const [x] = at(median);
  const heights = group.density.length ? group.density : [0.15, 0.15];
  const side = (sign) => heights.map((height, k) => [x + sign * half * height, at(low + ((high - low) * k) / (heights.length - 1))[1]]);
  const ink = colors.text;
  return { type: "group", children: [
    { type: "polygon", shape: { points: [...side(1), ...side(-1).reverse()] }, style: { fill: color, opacity: 0.75, stroke: color, lineWidth: 1 } },
    { type: "line", shape: { x1: x, y1: at(first)[1], x2: x, y2: at(third)[1] }, style: { stroke: ink, lineWidth: 5, lineCap: "round", opacity: 0.8 } },
    { type: "circle", shape: { cx: x, cy: at(median)[1], r: 3 }, style: { fill: colors.card, stroke: ink, lineWidth: 1.5 } },
  ] };
}
