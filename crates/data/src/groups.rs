//! Groups of rows: rows that are joined, directly or through others, are one group.

/// Which rows belong together (union-find).
#[derive(Debug, Clone)]
pub struct Groups {
    parents: Vec<u32>,
}

impl Groups {
    /// Creates a group of its own for each of `rows` rows.
    ///
    /// # Panics
    /// If there are more than four thousand million rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        let rows = u32::try_from(rows).expect("fewer rows");
        Self { parents: (0..rows).collect() }
    }

    /// Returns the first row of the group that a row belongs to.
    pub fn first(&mut self, row: usize) -> usize {
        let mut row = row as u32;
        while self.parents[row as usize] != row {
            self.parents[row as usize] = self.parents[self.parents[row as usize] as usize];
            row = self.parents[row as usize];
        }
        row as usize
    }

    /// Joins the groups of two rows under the first row of both.
    pub fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.first(left), self.first(right));
        self.parents[left.max(right)] = left.min(right) as u32;
    }

    /// Returns the rows by group, groups in the order of their first row.
    #[must_use]
    pub fn into_rows(mut self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); self.parents.len()];
        for row in 0..self.parents.len() {
            groups[self.first(row)].push(row);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_through_others_is_one_group() {
        let mut groups = Groups::new(6);
        for (left, right) in [(4, 1), (5, 4), (2, 3), (3, 2)] {
            groups.join(left, right);
        }
        assert_eq!(groups.first(5), 1);
        assert_eq!(groups.into_rows(), [vec![0], vec![1, 4, 5], vec![2, 3]]);
    }
}
