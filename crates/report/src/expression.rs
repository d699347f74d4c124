//! Some genes of all cells, in one pass over the matrix: sums of groups, and values of the cells that are drawn.

use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::element::SparseLayout;
use annstream_core::lazy::{Consumer, LazyMatrix, NumberBlock};
use annstream_core::source::{StoredSparse, row_source};
use annstream_core::{Error, Exec, Result};

/// No group, or no place in the picture.
const NONE: u32 = u32::MAX;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    /// Genes, by their places in the matrix, rising.
    pub(crate) genes: &'a [usize],
    /// The group of each cell; empty if nobody asks.
    pub(crate) groups: &'a [Option<u32>],
    /// Number of groups.
    pub(crate) group_count: usize,
    /// The cells whose values are wanted, in their order.
    pub(crate) cells: &'a [u32],
}

/// What was found, gene by gene in the order asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expression {
    /// Of each gene the sums of the groups.
    pub(crate) sums: Vec<Vec<f64>>,
    /// Of each gene the cells of the groups with a value above zero.
    pub(crate) positive: Vec<Vec<u64>>,
    /// Of each gene the values of the cells.
    pub(crate) values: Vec<Vec<f32>>,
}

/// Reads genes. A CSC matrix is read where these genes stand only; others from end to end, once.
pub(crate) fn read(file: &AnnDataFile, header: &MatrixHeader, wanted: &Wanted<'_>, exec: &Exec) -> Result<Expression> {
    let shape = header.shape();
    let &[rows, columns] = shape.as_slice() else { return Err(Error::unsupported("is not a matrix")) };
    let mut kept = vec![false; columns];
    for &gene in wanted.genes {
        *kept.get_mut(gene).ok_or_else(|| Error::internal("a gene beyond the matrix"))? = true;
    }
    let by_gene = matches!(header, MatrixHeader::Sparse(sparse) if sparse.layout == SparseLayout::Csc);
    let matrix = if by_gene {
        let source = StoredSparse::open(file.store().as_ref(), header.path(), [columns as u64, rows as u64])?;
        LazyMatrix::new(Arc::new(source)).keep_rows(&kept)?
    } else {
        LazyMatrix::new(row_source(file, header, exec)?).keep_columns(&kept)?
    };
    let mut places = vec![NONE; rows];
    for (place, &cell) in (0_u32..).zip(wanted.cells) {
        *places.get_mut(cell as usize).ok_or_else(|| Error::internal("a cell beyond the matrix"))? = place;
    }
    let groups = wanted.groups.iter().map(|group| group.unwrap_or(NONE)).collect();
    let pass = Pass {
        by_gene,
        genes: wanted.genes.len(),
        groups,
        group_count: wanted.group_count,
        places,
        drawn: wanted.cells.len(),
    };
    let stage = "genes that are shown";
    matrix.run(pass, stage, exec).map_err(|error| error.at(header.path()).in_file(file.store().location()))
}

struct Pass {
    /// Whether rows are genes.
    by_gene: bool,
    genes: usize,
    /// The group of each cell, or [`NONE`].
    groups: Vec<u32>,
    group_count: usize,
    /// The place of each cell among those drawn, or [`NONE`].
    places: Vec<u32>,
    drawn: usize,
}

/// Of a block: its values, and where they belong.
struct Entry {
    gene: u32,
    cell: u32,
    value: f64,
}

impl Consumer for Pass {
    type Partial = Vec<Entry>;
    type Total = Expression;
    type Output = Expression;

    fn start(&self) -> Result<Expression> {
        Ok(Expression {
            sums: vec![vec![0.0; self.group_count]; self.genes],
            positive: vec![vec![0; self.group_count]; self.genes],
            values: vec![vec![0.0; self.drawn]; self.genes],
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<Entry>> {
        let (indptr, indices) = block.sparse().ok_or_else(|| Error::internal("genes are read of compressed blocks"))?;
        let mut out = Vec::with_capacity(indices.len());
        for (row, range) in indptr.windows(2).enumerate() {
            let row = narrow(block.start + row)?;
            for (i, &column) in (range[0]..range[1]).zip(&indices[range[0]..range[1]]) {
                let (gene, cell) = if self.by_gene { (row, column) } else { (column, row) };
                out.push(Entry { gene, cell, value: block.values.get(i) });
            }
        }
        Ok(out)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a picture needs no more")]
    fn fold(&self, total: &mut Expression, partial: Vec<Entry>) -> Result<()> {
        for Entry { gene, cell, value } in partial {
            let (gene, cell) = (gene as usize, cell as usize);
            if let Some(&group) = self.groups.get(cell).filter(|group| **group != NONE) {
                total.sums[gene][group as usize] += value;
                total.positive[gene][group as usize] += u64::from(value > 0.0);
            }
            if let Some(&place) = self.places.get(cell).filter(|place| **place != NONE) {
                total.values[gene][place as usize] = value as f32;
            }
        }
        Ok(())
    }

    fn finish(self, total: Expression) -> Result<Expression> {
        Ok(total)
    }

    fn total_bytes(&self) -> u64 {
        (self.genes * (self.group_count * 16 + self.drawn * 4) + (self.groups.len() + self.places.len()) * 4) as u64
    }
}

fn narrow(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::unsupported("more than 2^32 cells"))
}
