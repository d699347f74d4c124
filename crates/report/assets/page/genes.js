// Variable genes: means against variability.

function genes() {
  const { variable } = report;
  if (!variable) return part("genes", "Variable genes", null, absent("variable"));
  const names = variable.names.split("\n");
  const chosen = unpack(variable.highly_variable);
  const means = unpack(variable.x);
  const measures = variable.measures.map((measure) => ({ ...measure, values: unpack(measure.values) }));
  const best = measures[0].values;
  const order = [...chosen.keys()].filter((i) => chosen[i] === 1 && !Number.isNaN(best[i])).sort((a, b) => best[b] - best[a]);
  let measure = measures[0];

  const option = (colors) => {
    const logged = (values, i) => values[i] > 0;
    const shown = (i) => !Number.isNaN(measure.values[i]) && logged(means, i) && (!measure.log || logged(measure.values, i));
    const points = (wanted) => [...chosen.keys()].filter((i) => chosen[i] === wanted && shown(i));
    const groups = [points(0), points(1)];
    const flat = (list) => Float32Array.from(list.flatMap((i) => [means[i], measure.values[i]]));
    const labelled = order.filter(shown).slice(0, 14);
    const scatter = (name, list, color, opacity) => ({ name, type: "scatter", large: true, largeThreshold: 0, symbolSize: 4, dimensions: ["mean", "value"], data: flat(list), itemStyle: { color, opacity }, emphasis: { disabled: true } });
    return {
      animation: false,
      grid: { left: 64, right: 20, top: 34, bottom: 52 },
      legend: { right: 0, top: 0, textStyle: { color: colors.text }, itemHeight: 9, data: ["highly variable", "other genes"] },
      tooltip: tooltip(colors, { formatter: ({ seriesIndex, dataIndex }) => {
        const gene = (seriesIndex === 2 ? labelled : groups[seriesIndex])[dataIndex];
        return tip(names[gene], [[variable.x_label, number(means[gene])], ...measures.map((one) => [one.label, number(one.values[gene])]), ["highly variable", chosen[gene] ? "yes" : "no"]]);
      } }),
      xAxis: axis(colors, { type: "log", name: variable.x_label, splitLine: { show: false }, axisLabel: { formatter: (value) => number(value, 2) } }),
      yAxis: axis(colors, { type: measure.log ? "log" : "value", name: measure.label, nameGap: 44, axisLabel: { formatter: (value) => number(value, 2) } }),
      series: [
        { ...scatter("other genes", groups[0], colors.other, 0.6) },
        { ...scatter("highly variable", groups[1], colors.accent, 0.75) },
        { name: "best", type: "scatter", symbolSize: 5, itemStyle: { color: colors.accent }, data: labelled.map((i) => [means[i], measure.values[i]]), labelLayout: { hideOverlap: true },
          label: { show: true, position: "right", fontSize: 11, fontStyle: "italic", color: colors.text, textBorderColor: colors.card, textBorderWidth: 2, formatter: ({ dataIndex }) => names[labelled[dataIndex]] } },
      ],
    };
  };
  const choose = measures.length > 1 ? [select("Measure", measures.map((one, i) => [String(i), one.label]), "0", (i) => {
    measure = measures[i];
    handle.redraw();
  })] : [];
  const handle = chart({
    name: "variable_genes", title: `${count(variable.chosen)} of ${count(variable.genes)} genes are highly variable`, height: 420, option, large: true, tools: choose,
    summary: `Means of genes against ${measure.label}. The most variable genes are ${order.slice(0, 10).map((i) => names[i]).join(", ")}.`,
    table: () => ({
      columns: [{ name: "gene", gene: true }, { name: "mean", number: true }, ...measures.map((one) => ({ name: one.name, number: true }))],
      rows: order.slice(0, 200).map((i) => [names[i], means[i], ...measures.map((one) => one.values[i])].map((value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value))),
    }),
  });
  const flavor = variable.flavor ? `Genes were chosen by the method ${variable.flavor}.` : null;
  return part("genes", "Variable genes", flavor, handle.frame);
}
