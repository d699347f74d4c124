//! A paragraph for a methods section, and the parameters of every step that the file or the metrics tell of.

use annstream_core::Result;
use annstream_core::anndata::AnnDataFile;
use annstream_core::element::{Dict, Element};
use serde_json::Value;

use crate::report::{Clusters, Markers, Methods, Overview, Step};
use crate::run_metrics::RunMetrics;
use crate::uns;

/// Steps whose parameters scanpy keeps in `uns`, in the order in which they are run.
const STEPS: [&str; 10] = [
    "scrublet",
    "log1p",
    "hvg",
    "pearson_residuals_normalization",
    "pca",
    "harmony",
    "neighbors",
    "tsne",
    "umap",
    "leiden",
];

pub(crate) fn methods(
    file: &AnnDataFile,
    run: Option<&RunMetrics>,
    overview: &Overview,
    markers: Option<&Markers>,
    clusters: Option<&Clusters>,
) -> Result<Methods> {
    let mut stored = Vec::new();
    for name in STEPS {
        if let Some(entry) = uns::mapping(file, name)? {
            stored.push((name, entry));
        }
    }
    let mut parameters = run.map(recipe_steps).unwrap_or_default();
    for (name, entry) in &stored {
        let step = Step { name: format!("uns[\"{name}\"]"), parameters: printed(entry) };
        if !step.parameters.is_empty() {
            parameters.push(step);
        }
    }
    if let Some(markers) = markers {
        parameters.push(Step { name: format!("uns[\"{}\"]", markers.key), parameters: markers.params.clone() });
    }
    let find = |name: &str| stored.iter().find(|(known, _)| *known == name).map(|(_, entry)| entry);
    let mut text = Sentences::default();
    text.origin(run, overview);
    text.doublets(run, find("scrublet"));
    text.normalization(run, find("log1p"));
    text.genes(file, find("hvg"), find("pca"));
    text.batches(file, run);
    text.graph(find("neighbors"), find("umap"), find("leiden"), clusters);
    text.markers(markers);
    text.end();
    Ok(Methods { text: text.0.join(" "), parameters })
}

/// Scalars of an entry and of its `params`.
fn printed(entry: &Dict) -> Vec<[String; 2]> {
    let mut out = Vec::new();
    for (name, value) in entry {
        match name.as_str() {
            "params" | "parameters" => {
                let inner = uns::inner(entry, name).into_iter().flatten();
                out.extend(inner.filter_map(|(name, value)| Some([name.clone(), uns::printed(value)?])));
            }
            // Of all batches alike, but for what follows from their sizes.
            "batches" => {
                let first = uns::inner(entry, name).into_iter().flat_map(Dict::values).next();
                if let Some(Element::Dict(first)) = first {
                    let alike = printed(first).into_iter();
                    out.extend(alike.filter(|[name, _]| !["n_neighbors", "threshold"].contains(&name.as_str())));
                }
            }
            // Results, not parameters.
            "variance" | "variance_ratio" | "doublet_scores_sim" | "doublet_parents" => {}
            _ => out.extend(uns::printed(value).map(|value| [name.clone(), value])),
        }
    }
    out
}

/// The steps of a recipe, as it was given to `run`.
fn recipe_steps(run: &RunMetrics) -> Vec<Step> {
    let Some(Value::Object(recipe)) = &run.recipe else { return Vec::new() };
    let step = |(name, options): (&String, &Value)| {
        let Value::Object(options) = options else { return None };
        let said = options.iter().filter(|(_, value)| !value.is_null());
        let parameters: Vec<[String; 2]> =
            said.map(|(name, value)| [name.clone(), plain(value)]).filter(|[_, value]| !value.is_empty()).collect();
        Some(Step { name: name.clone(), parameters })
    };
    recipe.iter().filter_map(step).collect()
}

/// A value without the quotes and braces of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, plain(value))).filter(|(_, value)| !value.is_empty());
            fields.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// What is said, sentence by sentence.
#[derive(Default)]
struct Sentences(Vec<String>);

impl Sentences {
    fn say(&mut self, sentence: impl Into<String>) {
        self.0.push(sentence.into());
    }

    fn origin(&mut self, run: Option<&RunMetrics>, overview: &Overview) {
        let [cells, genes] = overview.shape.map(|extent| grouped(extent as u64));
        let samples = overview.samples.as_ref().map_or(1, |samples| samples.names.len());
        let of = if samples > 1 { format!(" of {samples} samples") } else { String::new() };
        let Some(run) = run else {
            self.say(format!("The data comprise {cells} cells{of} and {genes} genes."));
            return;
        };
        let [all_cells, all_genes] = run.report.input_shape.map(grouped);
        let version = run.version.as_deref().map_or(String::new(), |version| format!(" {version}"));
        self.say(format!(
            "Counts of {all_cells} cells{of} and {all_genes} genes were processed with annstream{version}."
        ));
        let removed: Vec<String> = run
            .report
            .filters
            .iter()
            .map(|filter| format!("{} ({} {} removed)", filter.rule, grouped(filter.removed), filter.axis))
            .collect();
        let [left_cells, left_genes] = run.report.shape.map(grouped);
        if removed.is_empty() {
            self.say(format!("{left_cells} cells and {left_genes} genes were kept."));
        } else {
            let list = removed.join(", ");
            self.say(format!("Filters were {list}, which left {left_cells} cells and {left_genes} genes."));
        }
    }

    fn doublets(&mut self, run: Option<&RunMetrics>, scrublet: Option<&Dict>) {
        let Some(scrublet) = scrublet else { return };
        let batched = uns::text(scrublet, "batched_by");
        let own = match uns::inner(scrublet, "batches") {
            Some(batches) => batches.values().find_map(|entry| match entry {
                Element::Dict(entry) => Some(entry),
                _ => None,
            }),
            None => Some(scrublet),
        };
        let parameters = own.and_then(|own| uns::inner(own, "parameters"));
        let rate = parameters.and_then(|parameters| uns::number(parameters, "expected_doublet_rate"));
        let rate = rate.map_or(String::new(), |rate| format!(" with an expected rate of {rate}"));
        let by = batched.map_or(String::new(), |column| format!(", separately for each {column}"));
        let step = run.and_then(|run| run.recipe.as_ref()).and_then(|recipe| recipe.get("scrublet"));
        let removed = step.and_then(|step| step.get("filter")).and_then(Value::as_bool) == Some(true);
        let removed = if removed { "; cells that were called doublets were removed" } else { "" };
        self.say(format!(
            "Doublets were predicted by Scrublet (Wolock et al., Cell Syst. 8:281, 2019){rate}{by}{removed}."
        ));
    }

    fn batches(&mut self, file: &AnnDataFile, run: Option<&RunMetrics>) {
        let step = run.and_then(|run| run.recipe.as_ref()).and_then(|recipe| recipe.get("harmony"));
        let step = step.filter(|step| !step.is_null());
        if step.is_none() && !file.obsm().contains_key("X_pca_harmony") {
            return;
        }
        let keys = step.and_then(|step| step.get("key")).map_or(String::new(), |keys| format!(" of {}", plain(keys)));
        self.say(format!(
            "Components were corrected for the batches{keys} by Harmony (Korsunsky et al., Nat. Methods 16:1289, 2019)."
        ));
    }

    fn normalization(&mut self, run: Option<&RunMetrics>, log1p: Option<&Dict>) {
        let recipe = run.and_then(|run| run.recipe.as_ref());
        let step = |name: &str| recipe.and_then(|recipe| recipe.get(name)).filter(|step| !step.is_null());
        if let Some(step) = step("normalize_total") {
            let target = match step.get("target_sum").and_then(Value::as_f64) {
                Some(target) => target.to_string(),
                None => "the median of their totals".to_owned(),
            };
            self.say(format!("Counts of each cell were scaled to a total of {target}."));
        }
        if step("normalize_pearson_residuals").is_some() {
            self.say("Counts were replaced by their analytic Pearson residuals.");
        }
        if step("log1p").is_some() || log1p.is_some() {
            let base = log1p.and_then(|log1p| uns::number(log1p, "base"));
            let log = base.map_or("ln".to_owned(), |base| format!("log{base}"));
            self.say(format!("Expression values were log-transformed, {log}(1 + x)."));
        }
    }

    fn genes(&mut self, file: &AnnDataFile, hvg: Option<&Dict>, pca: Option<&Dict>) {
        if let Some(flavor) = hvg.and_then(|hvg| uns::text(hvg, "flavor")) {
            self.say(format!("Highly variable genes were selected by the method {flavor}."));
        }
        let Some(pca) = pca else { return };
        let count = pca.get("variance_ratio").and_then(uns::numbers).map_or(0, |ratio| ratio.len());
        let params = uns::inner(pca, "params");
        let mask = params.and_then(|params| uns::text(params, "mask_var"));
        let of = match mask {
            Some(mask) if mask == "highly_variable" => " of the highly variable genes",
            _ if file.var().columns.contains_key("highly_variable") && params.is_none() => "",
            _ => " of all genes",
        };
        self.say(format!("{count} principal components{of} were computed."));
    }

    fn graph(
        &mut self,
        neighbors: Option<&Dict>,
        umap: Option<&Dict>,
        leiden: Option<&Dict>,
        clusters: Option<&Clusters>,
    ) {
        if let Some(params) = neighbors.and_then(|neighbors| uns::inner(neighbors, "params")) {
            let count = uns::number(params, "n_neighbors").unwrap_or(15.0);
            let metric = uns::text(params, "metric").unwrap_or_else(|| "euclidean".to_owned());
            let rep = uns::text(params, "use_rep").unwrap_or_else(|| "X_pca".to_owned());
            let of = uns::number(params, "n_pcs").map_or(String::new(), |pcs| format!(" ({pcs} dimensions)"));
            self.say(format!(
                "A graph of the {count} nearest neighbours of each cell was built on {rep}{of} with {metric} \
                distances."
            ));
        }
        if umap.is_some() {
            self.say("Cells were embedded in two dimensions by UMAP (McInnes et al., arXiv:1802.03426).");
        }
        if let Some(leiden) = leiden {
            let params = uns::inner(leiden, "params");
            let resolution = params.and_then(|params| uns::number(params, "resolution")).unwrap_or(1.0);
            let count = clusters.filter(|clusters| clusters.column == "leiden").map(|clusters| clusters.names.len());
            let gave = count.map_or(String::new(), |count| format!(" gave {count} clusters"));
            let verb = if gave.is_empty() { " was used for clustering" } else { "" };
            self.say(format!(
                "The Leiden algorithm (Traag et al., Sci. Rep. 9:5233, 2019) at resolution {resolution}{gave}{verb}."
            ));
        }
    }

    fn markers(&mut self, markers: Option<&Markers>) {
        let Some(markers) = markers else { return };
        let param = |name: &str| markers.params.iter().find(|[key, _]| key == name).map(|[_, value]| value.as_str());
        let against = match param("reference") {
            None | Some("rest") => "all other cells".to_owned(),
            Some(reference) => format!("the group {reference}"),
        };
        let method = param("method").unwrap_or("t-test");
        let correction =
            param("corr_method").map_or(String::new(), |name| format!(", with p-values adjusted by {name}"));
        let groupby = &markers.groupby;
        self.say(format!(
            "Marker genes of the groups of {groupby} were ranked against {against} by {method}{correction}."
        ));
    }

    fn end(&mut self) {
        self.say(format!(
            "Names and meanings of steps are those of scanpy (Wolf et al., Genome Biol. 19:15, 2018); the report was made with \
             annstream {}.",
            env!("CARGO_PKG_VERSION")
        ));
    }
}

/// A whole number with groups: `1,234,567`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
