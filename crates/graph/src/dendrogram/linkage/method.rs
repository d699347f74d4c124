//! How far a cluster is from another one that was two.

use std::str::FromStr;

use crate::{Error, Result};

/// What the distance of clusters is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// That of their nearest members.
    Single,
    /// That of their farthest members.
    #[default]
    Complete,
    /// The mean over all pairs of members.
    Average,
    /// The mean of the distances of the two parts.
    Weighted,
    /// By how much the variance grows.
    Ward,
    /// That of their centroids.
    Centroid,
    /// That of their centroids, that of a merged one in the middle between those of its parts.
    Median,
}

impl Method {
    /// All.
    pub const ALL: [Self; 7] =
        [Self::Single, Self::Complete, Self::Average, Self::Weighted, Self::Ward, Self::Centroid, Self::Median];

    /// What scipy calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Complete => "complete",
            Self::Average => "average",
            Self::Weighted => "weighted",
            Self::Ward => "ward",
            Self::Centroid => "centroid",
            Self::Median => "median",
        }
    }

    /// The distance of a cluster to one that was made of `x` and `y`, from those to both and that of both (Lance and
    /// Williams). Sizes are those of `x`, `y` and the cluster. Operations come in the order of scipy's.
    pub(super) fn merged(self, to_x: f64, to_y: f64, between: f64, sizes: [usize; 3]) -> f64 {
        let [in_x, in_y, own] = sizes.map(|size| size as f64);
        match self {
            Self::Single => {
                if to_y < to_x {
                    to_y
                } else {
                    to_x
                }
            }
            Self::Complete => {
                if to_y > to_x {
                    to_y
                } else {
                    to_x
                }
            }
            Self::Average => (in_x * to_x + in_y * to_y) / (in_x + in_y),
            Self::Weighted => 0.5 * (to_x + to_y),
            Self::Ward => {
                let share = 1.0 / (in_x + in_y + own);
                let parts = (own + in_x) * share * to_x * to_x + (own + in_y) * share * to_y * to_y;
                (parts - own * share * between * between).sqrt()
            }
            Self::Centroid => {
                let parts = in_x * to_x * to_x + in_y * to_y * to_y;
                ((parts - in_x * in_y * between * between / (in_x + in_y)) / (in_x + in_y)).sqrt()
            }
            Self::Median => (0.5 * (to_x * to_x + to_y * to_y) - 0.25 * between * between).sqrt(),
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::argument(format!("'{text}' is not a linkage method; expected one of {known}"))
        })
    }
}
