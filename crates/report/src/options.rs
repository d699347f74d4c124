//! What a report is asked for.

/// What to show, where the file leaves a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportOptions {
    /// Heading of the page; the name of the file if absent.
    pub title: Option<String>,
    /// Column of `obs` with the sample of each cell; a usual name if absent.
    pub sample: Option<String>,
    /// Column of `obs` with the clusters; that of the markers if absent, else a usual name.
    pub groupby: Option<String>,
    /// The embedding that is drawn, with or without `X_`; `umap`, `tsne` or `pca` if absent.
    pub basis: Option<String>,
    /// More columns of `obs` to colour the embedding by.
    pub color: Vec<String>,
    /// Genes to colour the embedding by; the first marker of the first groups if empty.
    pub genes: Vec<String>,
    /// The entry of `uns` with the markers.
    pub markers_key: String,
    /// Genes of each group in the table of markers.
    pub table_genes: usize,
    /// Genes of each group in the dot plot.
    pub dot_genes: usize,
    /// Most cells that are drawn; of more, so many are drawn at random, always the same ones.
    pub points: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            title: None,
            sample: None,
            groupby: None,
            basis: None,
            color: Vec::new(),
            genes: Vec::new(),
            markers_key: "rank_genes_groups".to_owned(),
            table_genes: 50,
            dot_genes: 3,
            points: 100_000,
        }
    }
}
