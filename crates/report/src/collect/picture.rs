//! Cells in two dimensions, what they are coloured by, and the expression of markers: all genes in one pass.

use std::collections::{BTreeMap, HashMap, HashSet};

use annstream_core::Result;
use annstream_core::anndata::{MatrixHeader, TableName};
use annstream_core::table::Column;
use annstream_store::Buffer;

use super::{Source, asked, quality, rounded};
use crate::category::{self, Category};
use crate::embedding::{self, Coordinates};
use crate::expression::{self, Expression, Wanted};
use crate::pack::Packed;
use crate::report::{Coloring, Dots, Embedding, Markers};

/// Categories that are worth a look where they are there.
const ALSO: [&str; 6] = ["cell_type", "celltype", "cell_type_original", "phase", "predicted_doublet", "condition"];

/// Genes that colour the cells if nobody named any.
const GENES: usize = 6;

/// Most genes of the dot plot.
const DOTS: usize = 120;

/// The matrix that genes are read from.
struct Matrix<'a> {
    header: &'a MatrixHeader,
    var: TableName,
    name: String,
}

pub(super) fn picture(source: &mut Source<'_>, markers: Option<&Markers>) -> Result<(Option<Embedding>, Option<Dots>)> {
    let coordinates = embedding::read(source.file, source.options.basis.as_deref())?;
    if coordinates.is_none() {
        let command = if source.file.obsp().contains_key("connectivities") {
            "annstream umap IN -o OUT"
        } else {
            "annstream neighbors IN -o GRAPH, then annstream umap GRAPH -o OUT"
        };
        source.lacks("embedding", "There is no embedding in obsm (X_umap, X_tsne, X_pca).", command);
    }
    let cells = match &coordinates {
        Some(_) => embedding::drawn(source.file.n_obs(), source.options.points)?,
        None => Vec::new(),
    };
    let matrix = matrix(source, markers);
    let marks = marks(source, markers);
    let groups = marked_column(source, markers)?;
    let asked: Vec<(String, String)> = colored(source, markers);
    let (mut dots, mut genes) = (None, Vec::new());
    match matrix {
        None => {
            if !marks.is_empty() || !source.options.genes.is_empty() {
                source.lacks(
                    "dots",
                    "There is no matrix to read genes from.",
                    "annstream run COUNTS -o OUT --keep-x both",
                );
            }
        }
        Some(matrix) => {
            let names = names(source, matrix.var)?;
            let unknown: Vec<&str> =
                source.options.genes.iter().map(String::as_str).filter(|gene| !names.contains_key(*gene)).collect();
            if !unknown.is_empty() {
                let what = format!("{} has no genes called {}.", matrix.var, unknown.join(", "));
                source.lacks("embedding", what, "");
            }
            let wanted: HashSet<&str> = marks.iter().chain(&asked).map(|(gene, _)| gene.as_str()).collect();
            // By their places, each once.
            let places: BTreeMap<usize, &str> =
                wanted.iter().filter_map(|gene| names.get(*gene).map(|place| (*place, *gene))).collect();
            if !places.is_empty() {
                let places_only: Vec<usize> = places.keys().copied().collect();
                let found = expression::read(
                    source.file,
                    matrix.header,
                    &Wanted {
                        genes: &places_only,
                        groups: groups.as_ref().map_or(&[], |groups| &groups.codes),
                        group_count: groups.as_ref().map_or(0, |groups| groups.labels.len()),
                        cells: &cells,
                    },
                    source.exec,
                )?;
                let order: HashMap<&str, usize> = places.values().copied().zip(0..).collect();
                dots = groups.as_ref().and_then(|groups| dot_plot(groups, &marks, &order, &found, &matrix.name));
                for (gene, label) in &asked {
                    if let Some(&place) = order.get(gene.as_str()) {
                        genes.push(gene_coloring(gene, label, &found.values[place]));
                    }
                }
            }
        }
    }
    if let (Some(dots), Some(markers)) = (&mut dots, markers) {
        dots.groupby = groups.as_ref().map_or_else(|| markers.groupby.clone(), |groups| groups.name.clone());
    }
    let embedding = match coordinates {
        Some(coordinates) => Some(draw(source, coordinates, &cells, genes)?),
        None => None,
    };
    Ok((embedding, dots))
}

/// The matrix that scanpy's plots would read: that of the markers, else `raw` if there is one.
fn matrix<'a>(source: &Source<'a>, markers: Option<&Markers>) -> Option<Matrix<'a>> {
    let file = source.file;
    let param = |name: &str| markers?.params.iter().find(|[key, _]| key == name).map(|[_, value]| value.as_str());
    let layer = param("layer").filter(|layer| *layer != "None").and_then(|layer| file.layers().get_key_value(layer));
    if let Some((name, header)) = layer {
        return Some(Matrix { header, var: TableName::Var, name: format!("layers[\"{name}\"]") });
    }
    let raw = file.raw().and_then(|raw| raw.x.as_ref()).filter(|_| param("use_raw") != Some("False"));
    match raw {
        Some(header) => Some(Matrix { header, var: TableName::RawVar, name: "raw.X".to_owned() }),
        None => file.x().map(|header| Matrix { header, var: TableName::Var, name: "X".to_owned() }),
    }
}

/// Places of the genes of a table; of two with one name, the first.
fn names(source: &Source<'_>, table: TableName) -> Result<HashMap<String, usize>> {
    let index = source.file.read_index(table)?;
    let (Column::Plain(Buffer::Str(names)) | Column::Nullable { values: Buffer::Str(names), .. }) = &index else {
        return Ok(HashMap::new());
    };
    let mut places = HashMap::with_capacity(names.len());
    for i in 0..names.len() {
        places.entry(names.get(i).to_owned()).or_insert(i);
    }
    Ok(places)
}

/// The genes of the dot plot, each once, with the group that it marks.
fn marks(source: &Source<'_>, markers: Option<&Markers>) -> Vec<(String, String)> {
    let Some(markers) = markers else { return Vec::new() };
    let each = source.options.dot_genes.min((DOTS / markers.groups.len().max(1)).max(1));
    let mut seen = HashSet::new();
    let first = markers.groups.iter().flat_map(|group| group.genes.iter().take(each).map(|gene| (gene, &group.name)));
    first.filter(|(gene, _)| seen.insert(gene.as_str())).map(|(gene, group)| (gene.clone(), group.clone())).collect()
}

/// The column that the markers are of.
fn marked_column(source: &Source<'_>, markers: Option<&Markers>) -> Result<Option<Category>> {
    let Some(markers) = markers else { return Ok(None) };
    match &source.clusters {
        Some(clusters) if clusters.name == markers.groupby => Ok(Some(clusters.clone())),
        other if !source.file.obs().columns.contains_key(&markers.groupby) => Ok(other.clone()),
        _ => asked(source.file, &markers.groupby).map(Some),
    }
}

/// The genes that colour the cells, and what is said of them.
fn colored(source: &Source<'_>, markers: Option<&Markers>) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    if !source.options.genes.is_empty() {
        let genes = source.options.genes.iter().filter(|gene| seen.insert(gene.as_str()));
        return genes.map(|gene| (gene.clone(), gene.clone())).collect();
    }
    let groups = markers.map_or(&[][..], |markers| &markers.groups);
    let first = groups.iter().filter_map(|group| group.genes.first().map(|gene| (gene, &group.name)));
    let first = first.filter(|(gene, _)| seen.insert(gene.as_str())).take(GENES);
    first.map(|(gene, group)| (gene.clone(), format!("{gene} (marks {group})"))).collect()
}

fn dot_plot(
    groups: &Category,
    marks: &[(String, String)],
    order: &HashMap<&str, usize>,
    found: &Expression,
    name: &str,
) -> Option<Dots> {
    let shown: Vec<(&(String, String), usize)> =
        marks.iter().filter_map(|mark| order.get(mark.0.as_str()).map(|place| (mark, *place))).collect();
    if shown.is_empty() {
        return None;
    }
    let table = |value: &dyn Fn(usize, usize, f64) -> f64| -> Vec<Vec<f64>> {
        let row = |group: usize| {
            let cells = groups.sizes[group].max(1) as f64;
            shown.iter().map(|(_, gene)| rounded(value(*gene, group, cells), 6)).collect()
        };
        (0..groups.labels.len()).map(row).collect()
    };
    Some(Dots {
        groupby: groups.name.clone(),
        groups: groups.labels.clone(),
        genes: shown.iter().map(|(mark, _)| mark.0.clone()).collect(),
        marks: shown.iter().map(|(mark, _)| mark.1.clone()).collect(),
        source: name.to_owned(),
        fraction: table(&|gene, group, cells| found.positive[gene][group] as f64 / cells),
        mean: table(&|gene, group, cells| found.sums[gene][group] / cells),
    })
}

fn gene_coloring(gene: &str, label: &str, values: &[f32]) -> Coloring {
    Coloring {
        name: gene.to_owned(),
        label: label.to_owned(),
        kind: "gene",
        labels: Vec::new(),
        colors: Vec::new(),
        sizes: Vec::new(),
        values: Packed::steps(values),
    }
}

fn by_category(category: &Category, cells: &[u32]) -> Coloring {
    let codes: Vec<Option<u32>> =
        cells.iter().map(|&cell| category.codes.get(cell as usize).copied().flatten()).collect();
    Coloring {
        name: category.name.clone(),
        label: category.name.clone(),
        kind: "category",
        labels: category.labels.clone(),
        colors: category.colors.clone(),
        sizes: category.sizes.clone(),
        values: Packed::codes(&codes, category.labels.len()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a picture needs no more")]
fn by_number(name: &str, label: &str, values: &[f64], cells: &[u32]) -> Coloring {
    let shown: Vec<f32> = cells.iter().map(|&cell| values.get(cell as usize).map_or(f32::NAN, |v| *v as f32)).collect();
    Coloring { kind: "number", ..gene_coloring(name, label, &shown) }
}

/// The picture with everything that it can be coloured by.
fn draw(source: &Source<'_>, coordinates: Coordinates, cells: &[u32], genes: Vec<Coloring>) -> Result<Embedding> {
    let Coordinates { basis, axes } = coordinates;
    let axis = |values: &[f32]| {
        let shown: Vec<f32> =
            cells.iter().map(|&cell| values.get(cell as usize).copied().unwrap_or(f32::NAN)).collect();
        Packed::steps(&shown)
    };
    let mut colors: Vec<Coloring> = Vec::new();
    let known = |colors: &[Coloring], name: &str| colors.iter().any(|coloring| coloring.name == name);
    colors.extend(source.clusters.as_ref().map(|clusters| by_category(clusters, cells)));
    if !source.samples.is_whole() && !known(&colors, &source.samples.name) {
        colors.push(by_category(&source.samples, cells));
    }
    for name in &source.options.color {
        if known(&colors, name) {
            continue;
        }
        match category::numbers(source.file, name)? {
            Some(values) => colors.push(by_number(name, name, &values, cells)),
            None => colors.push(by_category(&asked(source.file, name)?, cells)),
        }
    }
    for name in ALSO {
        if !known(&colors, name)
            && let Some(category) = category::first_of(source.file, &[name])?
        {
            colors.push(by_category(&category, cells));
        }
    }
    for (name, label) in quality::metrics(source).into_iter().take(4) {
        if !known(&colors, &name)
            && let Some(values) = category::numbers(source.file, &name)?
        {
            colors.push(by_number(&name, &label, &values, cells));
        }
    }
    colors.extend(genes);
    Ok(Embedding {
        label: embedding::label(&basis),
        basis,
        cells: source.file.n_obs(),
        shown: cells.len(),
        x: axis(&axes[0]),
        y: axis(&axes[1]),
        colors,
    })
}
