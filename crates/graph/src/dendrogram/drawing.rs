//! How a tree is drawn.

use super::Node;

/// Where links and leaves of a tree stand: what `scipy.cluster.hierarchy.dendrogram(no_plot=True)` returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The leaves, from left to right: 10 apart, the first at 5.
    pub leaves: Vec<usize>,
    /// Across, the four corners of each link: the left foot, the beam, the right foot.
    pub across: Vec<[f64; 4]>,
    /// Upwards, the four corners of each link.
    pub upward: Vec<[f64; 4]>,
    /// Colour of each link: `C0` above 70 % of the height, another one for each subtree below.
    pub colors: Vec<String>,
    /// Colour of each leaf: that of its link.
    pub leaf_colors: Vec<String>,
}

/// The leaves of a tree, from left to right.
pub(super) fn leaves(tree: &[Node]) -> Vec<usize> {
    let count = tree.len() + 1;
    let mut waiting = vec![2 * count - 2];
    let mut leaves = Vec::with_capacity(count);
    while let Some(node) = waiting.pop() {
        match node.checked_sub(count) {
            None => leaves.push(node),
            Some(inner) => waiting.extend(tree[inner].children.iter().rev()),
        }
    }
    leaves
}

/// Draws a tree of two leaves or more. Links come in the order in which they are complete: after all those below.
pub fn draw(tree: &[Node]) -> Drawing {
    let count = tree.len() + 1;
    let mut drawing = Drawing { leaves: leaves(tree), ..Drawing::default() };
    let highest = tree.iter().map(|node| node.height).fold(f64::NEG_INFINITY, f64::max);
    let mut palette = Palette { threshold: highest * 0.7, color: 0, is_below: false };
    // Where the middle of each cluster is, and how high.
    let mut middles = vec![(0.0, 0.0); 2 * count - 1];
    for (place, &leaf) in drawing.leaves.iter().enumerate() {
        middles[leaf] = (10.0 * place as f64 + 5.0, 0.0);
    }
    let mut waiting = vec![Visit::Left(2 * count - 2)];
    while let Some(visit) = waiting.pop() {
        match visit {
            Visit::Left(node) if node >= count => {
                waiting.push(Visit::Right(node));
                waiting.push(Visit::Left(tree[node - count].children[0]));
            }
            Visit::Left(_) => {}
            Visit::Right(node) => {
                let Node { children, height, .. } = tree[node - count];
                waiting.push(Visit::Link(node, palette.next(height)));
                waiting.push(Visit::Left(children[1]));
            }
            Visit::Link(node, color) => {
                let Node { children, height, .. } = tree[node - count];
                let [(left, from), (right, to)] = children.map(|child| middles[child]);
                drawing.across.push([left, left, right, right]);
                drawing.upward.push([from, height, height, to]);
                drawing.colors.push(format!("C{color}"));
                middles[node] = (f64::midpoint(left, right), height);
            }
        }
    }
    drawing.leaf_colors = leaf_colors(&drawing);
    drawing
}

/// What is to be done with a cluster.
enum Visit {
    /// Its left child comes next.
    Left(usize),
    /// Its left child is drawn.
    Right(usize),
    /// Both are drawn; its link has this colour.
    Link(usize, usize),
}

/// Colours of links, from left to right.
struct Palette {
    threshold: f64,
    color: usize,
    is_below: bool,
}

impl Palette {
    /// The colour of a link of this height, whose left child is drawn.
    fn next(&mut self, height: f64) -> usize {
        let is_above = height >= self.threshold || self.threshold <= 0.0;
        if is_above && self.is_below {
            self.color = (self.color + 1) % 9;
        }
        self.is_below = !is_above;
        if is_above { 0 } else { self.color + 1 }
    }
}

/// A foot on the ground where a leaf stands colours the leaf, even if it is that of another cluster of no height: so it
/// is in scipy.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below that of the leaves")]
fn leaf_colors(drawing: &Drawing) -> Vec<String> {
    let mut colors = vec![String::new(); drawing.leaves.len()];
    for ((across, upward), color) in drawing.across.iter().zip(&drawing.upward).zip(&drawing.colors) {
        for (x, y) in across.iter().zip(upward) {
            if *y == 0.0 && x % 5.0 == 0.0 && x % 2.0 != 0.0 {
                colors[((x - 5.0) / 10.0) as usize].clone_from(color);
            }
        }
    }
    colors
}
