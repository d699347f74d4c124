// How much of the variance each principal component holds.

function components() {
  const { components: found } = report;
  if (!found) return part("components", "Principal components", null, absent("components"));
  const ratio = found.variance_ratio;
  let sum = 0;
  const together = ratio.map((value) => (sum += value));
  const option = (colors) => ({
    grid: { left: 64, right: 60, top: 34, bottom: 48 },
    legend: { right: 0, top: 0, textStyle: { color: colors.text }, itemHeight: 9 },
    tooltip: tooltip(colors, { trigger: "axis", formatter: (list) => {
      const i = list[0].dataIndex;
      return tip(`PC ${i + 1}`, [["share of the variance", percent(ratio[i], 2)], ["cumulative", percent(together[i])]]);
    } }),
    xAxis: axis(colors, { type: "category", name: "Component", data: ratio.map((_, i) => i + 1), splitLine: { show: false } }),
    yAxis: [axis(colors, { type: "value", name: "Share of the variance", nameGap: 46, axisLine: { show: false }, axisLabel: { formatter: (value) => `${number(value * 100, 2)} %` } }),
      axis(colors, { type: "value", name: "Cumulative", nameGap: 44, min: 0, splitLine: { show: false }, axisLine: { show: false }, axisLabel: { formatter: (value) => `${number(value * 100, 2)} %` } })],
    series: [
      { name: "of each component", type: "bar", data: ratio, itemStyle: { color: colors.accent, borderRadius: [2, 2, 0, 0] }, barMaxWidth: 18 },
      { name: "cumulative", type: "line", yAxisIndex: 1, data: together, symbol: "none", lineStyle: { color: "#d9822b", width: 2 }, itemStyle: { color: "#d9822b" } },
    ],
  });
  const handle = chart({
    name: "variance", title: "Variance of the components", height: 320, option,
    summary: `Share of the variance of ${ratio.length} components: the first has ${percent(ratio[0])}, all together have ${percent(sum)}.`,
    table: () => ({ columns: [{ name: "component", number: true }, { name: "variance", number: true }, { name: "variance ratio", number: true, show: (value) => number(value, 4) }, { name: "cumulative", number: true, show: (value) => number(value, 4) }],
      rows: ratio.map((value, i) => [i + 1, found.variance[i] ?? null, value, Number(together[i].toPrecision(6))]) }),
  });
  return part("components", "Principal components", null, handle.frame);
}
