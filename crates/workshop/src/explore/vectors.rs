//! Where the groups are among each other by the words they use (the thesis's figure 24).

use pregonero_data::explore::Explored;
use pregonero_data::explore::numbers::{Numbers, Vectors};

use crate::evaluation::projector::pca;

/// Word vectors and where they come from.
pub struct WordSource<'a> {
    /// In words, for the page.
    pub name: String,
    /// How many words have a vector.
    pub words: u64,
    pub width: usize,
    /// Returns the vector of a word in lower case.
    pub vector: &'a dyn Fn(&str) -> Option<Vec<f32>>,
}

/// Adds the groups' points to the numbers: the mean of each group's word vectors, along two principal components.
pub fn add_vectors(explored: &Explored, numbers: &mut Numbers, source: &WordSource<'_>) {
    let means = explored.mean_vectors(source.width, source.vector);
    let mut explained = Vec::new();
    for (grouping, means) in numbers.groupings.iter_mut().zip(means) {
        let known: Vec<Vec<f32>> = means.iter().flatten().cloned().collect();
        let projection = pca::project(&known, 2);
        let share = |axis: usize| projection.explained.get(axis).copied().unwrap_or(0.0);
        explained.push([share(0), share(1)]);
        let mut points = projection.points.iter();
        for (group, mean) in grouping.groups.iter_mut().zip(&means) {
            let point = mean.as_ref().and_then(|_| points.next());
            group.point = point.map(|point| [0, 1].map(|axis| point.get(axis).copied().unwrap_or(0.0)));
        }
    }
    let (source, words, width) = (source.name.clone(), source.words, source.width);
    numbers.vectors = Some(Vectors { source, words, width, explained });
}

impl std::fmt::Debug for WordSource<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WordSource")
            .field("name", &self.name)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}
